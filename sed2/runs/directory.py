"""A run directory: where `rank` keeps what it has finished, and takes it up again.

    sed2-run.json                what the directory is of
    results/, baselines/, trainings/     one file for each model
    pieces/KEY/                  the spectra of the result of that key, until it is there
    rankings/                    what came out at the end

The files are named by hashes of all that determines them, so one directory can serve several
commands, one after the other or at once; `sed2-run.json` is of the one that began last.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sed2.baselines.results import BaselineValue
from sed2.common.progress import Progress
from sed2.data.load import Dataset
from sed2.errors import UsageError
from sed2.ranking.results import Demand, Ranking
from sed2.results import ModelResult
from sed2.runs import keys
from sed2.runs.manifest import NAME, Manifest, ManifestModel, read_manifest, to_text
from sed2.runs.pieces import KeptPieces
from sed2.runs.store import Store, sweep, write
from sed2.settings import Settings
from sed2.spec.schema import ModelSpec
from sed2.tasks import Task, Value
from sed2.training.result import Training
from sed2.training.settings import TrainingSettings

RESULTS, BASELINES, TRAININGS, RANKINGS = "results", "baselines", "trainings", "rankings"
_OWN = {NAME, RESULTS, BASELINES, TRAININGS, RANKINGS, "pieces"}
_BaselineValues = Mapping[str, BaselineValue]
_PLACES: Mapping[str, tuple[str, Any]] = {
    "estimate": (RESULTS, ModelResult),
    "baselines": (BASELINES, _BaselineValues),
    "training": (TRAININGS, Training),
}
"""Of the stages of a ranking: where their values are kept, and of which type they are."""


class RunDirectory:
    """The work of `rank`, kept in a folder as it is done; once begun, a `sed2.tasks.Workplace`.

    Args:
        path: the folder, which is made if it is not there.
        command: as the user typed it, for the reader.
        warn: is told of damaged files.
        tell: is told what is taken over.

    Raises:
        UsageError: it cannot be made or written, or holds other things.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        command: str = "",
        warn: Callable[[str], None] = warnings.warn,
        tell: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.path = Path(path)
        self._command, self._warn, self._tell = command, warn, tell
        _check(self.path)
        sweep(self.path)
        self._store = Store(self.path, warn)
        self._manifest: Manifest | None = None
        self._dataset: Dataset | None = None
        self.device = ""

    def begin(
        self,
        candidates: Mapping[str, ModelSpec],
        settings: Mapping[str, Settings],
        dataset: Dataset,
        source: str,
        *,
        demand: Demand | None,
        training: TrainingSettings | None,
        baselines: bool,
        device: str = "",
    ) -> None:
        """Write what the directory is of from now on, and tell what of it is there already.

        Args:
            candidates, settings: of all models, by name.
            dataset: which they share.
            source: of the spec.
            demand, training, baselines: what is asked for besides.
            device: what computes, if it is not this process; see `sed2.runs.keys.numerics`.

        Raises:
            UsageError: it cannot be written, or a model cannot be named by a hash.
        """
        self._dataset, self.device = dataset, device
        models = [
            ManifestModel(
                name=name,
                settings=settings[name],
                result=self._key(Task("estimate", candidate, settings[name]), dataset),
                baselines=self._key(Task("baselines", candidate, settings[name]), dataset)
                if baselines
                else None,
                training=self._key(Task("training", candidate, settings[name], training), dataset)
                if training
                else None,
            )
            for name, candidate in candidates.items()
        ]
        self._manifest = Manifest(
            sed2=version("sed2"),
            command=self._command,
            source=source,
            data_sha256=dataset.sha256,
            models=tuple(models),
            demand=demand,
            training=training,
        )
        self._replace_manifest(to_text(self._manifest).encode())
        self._tell_what_is_there(self._manifest.models)

    def announce(self, tasks: Sequence[Task], progress: Progress) -> None:
        """Nothing is made of it: what is taken up again must not hang on what was done before."""

    def values(self, tasks: Sequence[Task], progress: Progress) -> list[Any]:
        """The values of tasks, in their order: kept ones, and others that are kept then."""
        return [self._value(task, partial(progress, task.title)) for task in tasks]

    def _value(self, task: Task, progress: Callable[[int, int], None]) -> Value:
        """As `Task.compute`. Of an estimate its pieces are kept as well, until it is done."""
        assert self._dataset  # it was begun
        place, kind = _PLACES[task.stage]
        key = self._key(task, self._dataset)
        pieces = KeptPieces(self._store, key)
        found: Value | None = self._store.load(place, key, kind)
        if found is None:
            value = task.compute(self._dataset, progress, pieces)
            if not task.is_lasting(value):
                return value
            found = self._store.remember(place, key, kind, lambda: value)
        pieces.discard()
        return _named(found, task)

    def find(self, task: Task, dataset: Dataset) -> Value | None:
        """What is kept of a task; None if nothing is."""
        place, kind = _PLACES[task.stage]
        found: Value | None = self._store.load(place, self._key(task, dataset), kind)
        return None if found is None else _named(found, task)

    def keep(self, task: Task, dataset: Dataset, value: Value) -> None:
        """Keep the value of a task.

        Raises:
            UsageError: it cannot be written.
        """
        place, kind = _PLACES[task.stage]
        self._store.save(place, self._key(task, dataset), value, kind)
        if task.stage == "estimate":  # which may have been begun here
            KeptPieces(self._store, self._key(task, dataset)).discard()

    def finish(self, ranking: Ranking) -> None:
        """Keep what came out in the end."""
        assert self._manifest  # it was begun
        self._store.save(RANKINGS, self._manifest.sha256, ranking, Ranking)

    def _key(self, task: Task, dataset: Dataset) -> str:
        """
        Raises:
            UsageError: the model cannot be named by a hash.
        """
        of_model = keys.architecture(task.model), dataset.sha256, task.settings
        if task.stage == "estimate":
            return keys.of_result(*of_model, self.device)
        if task.stage == "baselines":
            return keys.of_baselines(*of_model, self.device)
        assert task.training
        return keys.of_training(*of_model, task.training, self.device)

    def _replace_manifest(self, content: bytes) -> None:
        if (self.path / NAME).exists():
            try:
                read_manifest(self.path)
            except UsageError as error:
                self._warn(f"`{self.path / NAME}`: {error.cause}: it is written anew")
        write(self.path / NAME, content, self.path)

    def _tell_what_is_there(self, models: Sequence[ManifestModel]) -> None:
        there = {
            "models": [self._store.load(RESULTS, m.result, ModelResult) for m in models],
            "baselines": [
                self._store.load(BASELINES, m.baselines, _BaselineValues)
                for m in models
                if m.baselines
            ],
            "trainings": [
                self._store.load(TRAININGS, m.training, Training) for m in models if m.training
            ],
        }
        counts = [
            f"{len(found) - found.count(None)} of {len(found)} {noun}"
            for noun, found in there.items()
            if found
        ]
        if any(value is not None for found in there.values() for value in found):
            self._tell(f"{', '.join(counts)} taken over from {self.path}")


def _named(value: Value, task: Task) -> Value:
    """What is kept of an architecture, as that of a model."""
    if isinstance(value, ModelResult):
        return replace(value, name=task.model.name, settings=task.settings)
    return value


def _check(path: Path) -> None:
    """
    Raises:
        UsageError: as `RunDirectory`.
    """

    def refuse(cause: str, mend: str) -> UsageError:
        return UsageError(cause, mend=mend, where="--run-dir")

    try:
        path.mkdir(parents=True, exist_ok=True)
        names = {entry.name for entry in path.iterdir()}
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        in_the_way = isinstance(error, FileExistsError | NotADirectoryError)
        cause = "a file is in its way" if in_the_way else error.strerror or str(error)
        raise refuse(
            f"cannot use `{path}` as a run directory: {cause}",
            "Name a folder that can be made and written",
        ) from error
    foreign = sorted(name for name in names - _OWN if not name.startswith("."))
    if foreign and NAME not in names:
        raise refuse(
            f"`{path}` is no run directory of sed2: it holds `{foreign[0]}`",
            "Name a new or an empty folder",
        )
