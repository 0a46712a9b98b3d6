"""What a run directory has to tell: its ranking, as far as it came."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from sed2.common.display import Brief
from sed2.errors import UsageError
from sed2.ranking.order import rank_results
from sed2.ranking.results import Ranking
from sed2.results import ModelResult
from sed2.runs.directory import RANKINGS
from sed2.runs.manifest import Manifest, read_manifest
from sed2.runs.store import Store
from sed2.tasks import BASELINES, ESTIMATE


@dataclass(frozen=True, repr=False, eq=False)
class StoredRun(Brief):
    """A run as its directory has it."""

    ranking: Ranking
    """Of the models that are finished. If the run is, with all that it was asked for."""
    unfinished: tuple[str, ...]
    """Names of the models that have no result yet."""
    finished: bool
    """Whether the run came to its end."""
    manifest: Manifest
    """The command, the spec, and the settings of every model."""


def load_run(directory: str | Path, warn: Callable[[str], None] = warnings.warn) -> StoredRun:
    """The run of the command that began last in a run directory. Computes and changes nothing.

    Args:
        directory: made by `rank`.
        warn: is told of damaged files.

    Raises:
        UsageError: it is no run directory, its manifest is damaged, or no model is finished.
    """
    folder = Path(directory)
    manifest = read_manifest(folder)
    if manifest.verb != "rank":
        raise UsageError(
            f"`{folder}` keeps the work of `sed2 {manifest.verb}`, which is no ranking",
            mend="Give its command again: it takes over what is finished",
            where=str(folder),
        )
    store = Store(folder, warn, "it is left out")
    ranking: Ranking | None = store.load(RANKINGS, manifest.sha256, Ranking)
    if ranking is not None:
        return StoredRun(ranking, (), True, manifest)
    results: list[ModelResult] = []
    unfinished = []
    for model in manifest.models:
        key = model.values[ESTIMATE.name]
        found: ModelResult | None = store.load(ESTIMATE.folder, key, ESTIMATE.kind)
        if found is None:
            unfinished.append(model.name)
        else:
            results.append(replace(found, name=model.name, settings=model.settings))
    if not results:
        raise UsageError(
            f"no model of the run in `{folder}` is finished yet",
            mend="Give the command that made it again: it goes on where it was",
            where=str(folder),
        )
    ranking = rank_results(results)
    missing = _missing(manifest, unfinished)
    if missing:
        told = f"the run is not finished: {missing}"
        ranking = replace(ranking, warnings=(told, *ranking.warnings))
    return StoredRun(ranking, tuple(unfinished), not missing, manifest)


def load_ranking(directory: str | Path, warn: Callable[[str], None] = warnings.warn) -> Ranking:
    """The ranking of `load_run`. Where the run is not finished, its first warning says what is
    missing."""
    return load_run(directory, warn).ranking


def _missing(manifest: Manifest, unfinished: list[str]) -> str:
    """What of a run that is not finished is not there, in words; empty if nothing is missing."""
    if unfinished:
        have = "has" if len(unfinished) == 1 else "have"
        return f"{', '.join(unfinished)} {have} no result yet"
    asked = {
        "--until-decided": manifest.demand,
        "--baselines": BASELINES.name in manifest.models[0].values,
        "--train": manifest.training,
    }
    told = [flag for flag, value in asked.items() if value]
    return f"every model has its score, but nothing of {', '.join(told)} is shown" if told else ""
