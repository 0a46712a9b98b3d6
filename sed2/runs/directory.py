"""A run directory: where `rank` keeps what it has finished, and takes it up again.

    sed2-run.json                what the directory is of
    spectra/                     of each model, whatever eps is asked for
    results/, baselines/, ...    one file for each model
    pieces/KEY/                  what there is of spectra that are not whole yet
    rankings/                    what came out at the end

The files are named by hashes of all that determines them, so one directory can serve several
commands, one after the other or at once; `sed2-run.json` is of the one that began last.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sed2.common.distribution import version
from sed2.common.files import sweep
from sed2.common.progress import Progress, Report, part
from sed2.data.load import Dataset
from sed2.errors import UsageError, shown
from sed2.options import TrainingSettings
from sed2.ranking.results import Demand, Ranking
from sed2.results import ModelResult
from sed2.runs import keys
from sed2.runs.manifest import NAME, Manifest, ManifestModel, read_manifest, to_text
from sed2.runs.spectra import PLACE, KeptSpectra
from sed2.runs.store import Store, write
from sed2.tasks import Task, done_together

RANKINGS = "rankings"
_OWN = {
    NAME,
    RANKINGS,
    PLACE,
    "pieces",
    "results",
    "baselines",
    "trainings",
    "batches",
    "draws",
    "early",
    "rungs",
}


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
        verb: str,
        tasks: Sequence[Task],
        dataset: Dataset,
        source: str,
        *,
        demand: Demand | None = None,
        training: TrainingSettings | None = None,
        device: str = "",
    ) -> None:
        """Write what the directory is of from now on, and tell what of it is there already.

        Args:
            verb: what is asked for: `rank`, `compute`, ...
            tasks: those that are known to be needed.
            dataset: which they share.
            source: of the spec.
            demand, training: what is asked for besides.
            device: what computes, if it is not this process; see `sed2.runs.keys.numerics`.

        Raises:
            UsageError: it cannot be written, or a model cannot be named by a hash.
        """
        self._dataset, self.device = dataset, device
        of_model: dict[str, list[Task]] = {}
        for task in tasks:
            of_model.setdefault(task.model.name, []).append(task)
        self._manifest = Manifest(
            verb=verb,
            sed2=version(),
            command=self._command,
            source=source,
            data_sha256=dataset.sha256,
            models=tuple(
                ManifestModel(
                    name=name,
                    settings=own[0].settings,
                    values={task.stage.name: self._key(task, dataset) for task in own},
                )
                for name, own in of_model.items()
            ),
            demand=demand,
            training=training,
        )
        self._replace_manifest(to_text(self._manifest).encode())
        self._tell_what_is_there(tasks, dataset)

    def announce(self, tasks: Sequence[Task], progress: Progress) -> None:
        """Nothing is made of it: what is taken up again must not depend on what was done before."""

    def values(self, tasks: Sequence[Task], progress: Progress) -> list[Any]:
        """The values of tasks, in their order: kept ones, and others that are kept then."""
        assert self._dataset  # it was begun
        found: dict[int, Any] = {}
        for place, task in enumerate(tasks):
            if task.stage.together and (kept := self.find(task, self._dataset)) is not None:
                found[place] = kept
        left = [place for place in range(len(tasks)) if place not in found]
        for number, value in done_together([tasks[i] for i in left], self._dataset, progress):
            found[left[number]] = self._kept(tasks[left[number]], value, self._dataset)
        return [
            found[i] if i in found else self._value(task, part(progress, task.title, i, len(tasks)))
            for i, task in enumerate(tasks)
        ]

    def _value(self, task: Task, progress: Report) -> Any:
        """As `Task.compute`. Its spectra are kept as well: they serve other tasks."""
        assert self._dataset  # it was begun
        found = self.find(task, self._dataset)
        if found is not None:
            return found
        spectra = KeptSpectra(self._store, keys.architecture(task.model), self.device)
        return self._kept(task, task.compute(self._dataset, progress, spectra), self._dataset)

    def _kept(self, task: Task, value: Any, dataset: Dataset) -> Any:
        """A value that was just computed, which is kept if it holds anywhere."""
        if not task.is_lasting(value):
            return value
        key = self._key(task, dataset)
        kept = self._store.remember(task.stage.folder, key, task.stage.kind, lambda: value)
        return _named(kept, task)

    def find(self, task: Task, dataset: Dataset) -> Any | None:
        """What is kept of a task; None if nothing is."""
        key = self._key(task, dataset)
        return _named(self._store.load(task.stage.folder, key, task.stage.kind), task)

    def keep(self, task: Task, dataset: Dataset, value: Any) -> None:
        """Keep the value of a task.

        Raises:
            UsageError: it cannot be written.
        """
        self._store.save(task.stage.folder, self._key(task, dataset), value, task.stage.kind)

    def finish(self, ranking: Ranking) -> None:
        """Keep what came out in the end."""
        assert self._manifest  # it was begun
        self._store.save(RANKINGS, self._manifest.sha256, ranking, Ranking)

    def _key(self, task: Task, dataset: Dataset) -> str:
        """
        Raises:
            UsageError: the model cannot be named by a hash.
        """
        return keys.of_task(task, dataset.sha256, self.device)

    def _replace_manifest(self, content: bytes) -> None:
        if (self.path / NAME).exists():
            try:
                read_manifest(self.path)
            except UsageError as error:
                self._warn(f"`{self.path / NAME}`: {error.cause}: it is written anew")
        write(self.path / NAME, content, self.path)

    def _tell_what_is_there(self, tasks: Sequence[Task], dataset: Dataset) -> None:
        there: dict[str, list[bool]] = {}
        for task in tasks:
            there.setdefault(task.stage.noun, []).append(self.find(task, dataset) is not None)
        if any(any(found) for found in there.values()):
            counts = [f"{sum(found)} of {len(found)} {noun}" for noun, found in there.items()]
            self._tell(f"{', '.join(counts)} taken over from {self.path}")


def _named(value: Any, task: Task) -> Any:
    """What is kept of an architecture and its data, by the names that they have now."""
    if isinstance(value, tuple):
        return tuple(_named(each, task) for each in value)
    if isinstance(value, ModelResult):
        data = {name: getattr(task.settings, name) for name in keys.NAMES_OF_DATA}
        settings = value.settings.model_copy(update=data)
        return replace(value, name=task.model.name, settings=settings)
    return value


def _check(path: Path) -> None:
    """
    Raises:
        UsageError: as `RunDirectory`.
    """

    def refuse(cause: str, mend: str) -> UsageError:
        return UsageError(cause, mend=mend, where="run_dir")

    try:
        path.mkdir(parents=True, exist_ok=True)
        names = {entry.name for entry in path.iterdir()}
        with tempfile.TemporaryFile(dir=path):
            pass
    except (OSError, ValueError) as error:  # a path cannot hold NUL
        in_the_way = isinstance(error, FileExistsError | NotADirectoryError)
        reason = getattr(error, "strerror", None) or str(error)
        cause = "a file is in its way" if in_the_way else reason
        raise refuse(
            f"cannot use `{path}` as a run directory: {cause}",
            "Name a folder that can be made and written",
        ) from error
    foreign = sorted(name for name in names - _OWN if not name.startswith("."))
    if foreign and NAME not in names:
        raise refuse(
            f"`{path}` is no run directory of sed2: it holds `{shown(foreign[0])}`",
            "Name a new or an empty folder",
        )
