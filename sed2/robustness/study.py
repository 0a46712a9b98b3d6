"""The paper's stability study: the same ranking with other inputs, draws, noise and seeds.

One setting varies at a time, the others stay at those given, the *base*: N, K and sigma over
grids, every point under the same seeds. A seed changes inputs, draws and noise together, so the
scatter between seeds is the whole error of a score, and no other is computed. Under one seed the
first inputs and draws of many are those of few, so the points of a sweep are paired.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from sed2.chain import build_chain
from sed2.common.progress import Progress, Report
from sed2.data.load import Dataset
from sed2.errors import UsageError, shown
from sed2.estimate import Sampled, evaluate, sample, scored
from sed2.estimators.registry import reserved
from sed2.fisher.kept import SpectraStore
from sed2.fisher.plan import make_plan
from sed2.fisher.prefixes import ALONE, Prefixes
from sed2.fisher.ways import Way
from sed2.ranking.order import check_comparable
from sed2.results import ModelResult
from sed2.robustness.results import StabilityResult, Sweep, SweptSetting
from sed2.robustness.verdict import judge
from sed2.settings import Settings, resolve
from sed2.spec.schema import ModelSpec
from sed2.tasks import Stage, Task, Workplace, forecast_spectra

GRIDS: dict[SweptSetting, str] = {
    "samples": "50,100,200,500,1000,2000",
    "draws": "25,50,100,250,500,1000",
    "sigma": "1e-4,1e-3,1e-2,1e-1,1",
}
"""The default grids, over the ranges of the paper's Figure 2."""
SEEDS = 5
MAX_POINTS = 100
MAX_SEEDS = 1000


@dataclass(frozen=True)
class Grids:
    """What is varied."""

    values: dict[SweptSetting, tuple[float, ...]]
    """Of each setting, ascending."""
    seeds: int


@dataclass(frozen=True)
class Point:
    """One setting of the three that vary."""

    samples: int
    draws: int
    sigma: float
    """0 is the limit."""

    def at(self, name: SweptSetting, value: float) -> Point:
        """The same but for one setting."""
        return Point(**(asdict(self) | {name: value}))

    @property
    def work(self) -> int:
        """What it takes, in some unit."""
        return self.samples * self.draws


def read_grids(given: dict[SweptSetting, Any], seeds: Any) -> Grids:
    """The grids in any form that the command line takes.

    Args:
        given: of each setting, `"50,100"`, a number, a sequence, or None for the default.
        seeds: how many.

    Raises:
        UsageError: a grid is empty or does not ascend, or a number is not allowed; it names the
            flag.
    """
    values = {
        name: _read_grid(name, default if given.get(name) is None else given[name])
        for name, default in GRIDS.items()
    }
    count = str(SEEDS if seeds is None else seeds).strip()
    if not (count.isascii() and count.isdigit() and 1 <= int(count[:9]) <= MAX_SEEDS):
        raise UsageError(
            f"the number of seeds must be a whole number from 1 to {MAX_SEEDS:,}, "
            f"not `{shown(count)}`",
            mend=f"Leave it out for {SEEDS}",
            where="seeds",
        )
    return Grids(values, int(count))


def _read_grid(name: SweptSetting, given: Any) -> tuple[float, ...]:
    option = f"{name}_grid"

    def refuse(cause: str) -> UsageError:
        return UsageError(cause, mend=f"Give it like `{option}` {GRIDS[name]}", where=option)

    given = given.tolist() if hasattr(given, "tolist") else given  # an array
    if isinstance(given, str):
        given = given.split(",") if given.strip() else []
    parts = given if isinstance(given, Sequence) else [given]
    if not 1 <= len(parts) <= MAX_POINTS:
        raise refuse(f"the grid must hold from 1 to {MAX_POINTS} numbers, not {len(parts)}")
    try:  # each by the rules of the setting itself
        grid = tuple(_value(resolve({name: part}, {}), name) for part in parts)
    except UsageError as error:
        raise UsageError(error.cause, mend=error.mend, where=option) from None
    for low, high in pairwise(grid):
        if not low < high:
            raise refuse(f"the grid must ascend, but {high:g} follows {low:g}")
    return grid


def _value(settings: Settings, name: SweptSetting) -> float:
    """A setting as a number; of sigma 0 is the limit."""
    value: float = settings.noise if name == "sigma" else getattr(settings, name)
    return value


def check_shared(names: Sequence[str], settings: Sequence[Settings], seeds: int) -> None:
    """Refuse candidates that cannot be ranked, or have no base in common.

    Raises:
        UsageError: as `check_comparable`; or two differ in what is varied here; or there are not so
            many seeds from the first one on.
    """
    check_comparable(names, settings)
    for field in (*GRIDS, "seed"):
        for name, its in zip(names, settings, strict=True):
            if (own := getattr(its, field)) != (first := getattr(settings[0], field)):
                raise UsageError(
                    f"`{names[0]}` and `{name}` have no base to vary from: `{field}` is {first} "
                    f"for one and {own} for the other",
                    mend=f"Set `{field}` for the whole file",
                )
    resolve({"seed": settings[0].seed + seeds - 1}, {})


def base_point(settings: Settings, rows: int) -> Point:
    """The settings given; no more inputs than the data has rows."""
    return Point(min(settings.samples, rows), settings.draws, settings.noise)


def sweep_grid(name: SweptSetting, base: Point, grids: Grids, rows: int) -> tuple[float, ...]:
    """The points of one sweep: the grid and the base; N is cut to the rows of the data."""
    values = {getattr(base, name), *grids.values[name]}
    return tuple(sorted({min(value, rows) for value in values} if name == "samples" else values))


def points(settings: Settings, grids: Grids, rows: int) -> list[Point]:
    """All points that are computed, each once."""
    base = base_point(settings, rows)
    return list(
        dict.fromkeys(
            base.at(name, value) for name in GRIDS for value in sweep_grid(name, base, grids, rows)
        )
    )


def check_memory(model: ModelSpec, dataset: Dataset, settings: Settings, grids: Grids) -> None:
    """Find out before the work that the largest points fit in memory.

    Raises:
        ResourceError: one does not.
    """
    all_points = points(settings, grids, dataset.rows)
    for size in (lambda point: point.samples, lambda point: point.draws):
        point = max(all_points, key=size)
        for its in _at(settings, point, settings.seed).by_chain:
            chain = build_chain(model.blocks, dataset.input_shape, its.chain)
            make_plan(chain, its.draws, its.samples, its)


def study(
    models: Sequence[ModelSpec],
    settings: Sequence[Settings],
    grids: Grids,
    rows: int,
    place: Workplace,
    progress: Progress = lambda what, done, total: None,
) -> StabilityResult:
    """Compute all points under all seeds, and judge the ranking.

    Points that differ in K alone are one task: the first draws of many are the draws of few.

    Args:
        models: the candidates.
        settings: of each, as `check_shared` accepts them.
        grids: what is varied.
        rows: of the data set.
        place: where they are computed.
        progress: called with the model and the work done so far and in all.
    """
    first = settings[0]
    base, computed = base_point(first, rows), points(first, grids, rows)
    seeds = tuple(first.seed + s for s in range(grids.seeds))
    scores = np.empty((len(models), len(computed), len(seeds)))
    at_base: list[ModelResult] = []
    together: dict[Point, list[Point]] = {}
    for point in computed:
        together.setdefault(replace(point, draws=0), []).append(point)
    # The base first: what is wrong with a model shows at once.
    groups = sorted(together.values(), key=lambda group: base not in group)
    largest = [max(group, key=lambda point: point.draws) for group in groups]

    def tasks(group: Sequence[Point], seed: int) -> list[Task]:
        draws = tuple(point.draws for point in group)
        return [
            Task(DRAWS, model, _at(its, group[0], seed), draws)
            for model, its in zip(models, settings, strict=True)
        ]

    place.announce([t for group in groups for seed in seeds for t in tasks(group, seed)], progress)
    done, total = 0, len(models) * len(seeds) * sum(point.work for point in largest)
    for group, most in zip(groups, largest, strict=True):
        for s, seed in enumerate(seeds):
            wanted = tasks(group, seed)
            place.announce(wanted, progress)
            for m, task in enumerate(wanted):
                report = _share(progress, task.model.name, done, most.work, total)
                (results,) = place.values([task], report)
                for point, result in zip(group, results, strict=True):
                    scores[m, computed.index(point), s] = result.score.value
                    if point == base and s == 0:
                        at_base.append(result)
                done += most.work
    sweeps: dict[SweptSetting, Sweep] = {}
    for name in GRIDS:
        grid = sweep_grid(name, base, grids, rows)
        places = [computed.index(base.at(name, value)) for value in grid]
        sweeps[name] = Sweep(name, grid, grid.index(getattr(base, name)), scores[:, places])
    names = [model.name for model in models]
    return StabilityResult(
        models=tuple(at_base),
        seeds=seeds,
        sweeps=tuple(sweeps.values()),
        verdict=judge(names, sweeps["samples"], sweeps["draws"], sweeps["sigma"], rows),
        warnings=(*_cut(grids, rows), *_common_warnings(at_base)),
    )


def _share(progress: Progress, name: str, done: int, work: int, total: int) -> Progress:
    """The progress of one task as a part of the whole."""
    return lambda what, part, whole: progress(name, done + work * part // whole, total)


def _compute(
    task: Task, dataset: Dataset, progress: Report, store: SpectraStore, prefixes: Prefixes
) -> tuple[ModelResult, ...]:
    """The model under each of some numbers of draws."""
    parts = [
        _of_chain(number, task, dataset, progress, store, ALONE if number else prefixes)
        for number in range(len(task.settings.by_chain))
    ]
    return tuple(
        scored(task.settings.model_copy(update={"draws": draws}), *results)
        for draws, *results in zip(task.own, *parts, strict=True)
    )


def _of_chain(
    number: int,
    task: Task,
    dataset: Dataset,
    progress: Report,
    store: SpectraStore,
    prefixes: Prefixes,
) -> tuple[ModelResult, ...]:
    """Of the chain of that number in `Settings.by_chain`.

    The largest number of draws first: it has the draws of all, but where its work is shared out
    over so many that the ways to the spectra differ."""
    kind = task.settings.by_chain[number].chain
    chain = build_chain(task.model.blocks, dataset.input_shape, kind)
    samples = min(task.settings.samples, dataset.rows)
    found: dict[int, ModelResult] = {}
    sampled: list[tuple[list[Way], Sampled]] = []
    for draws in sorted(task.own, reverse=True):
        settings = task.settings.model_copy(update={"draws": draws}).by_chain[number]
        room = reserved(chain, samples, settings)
        plan = make_plan(chain, settings.draws, samples, settings, reserved=room)
        ways = [way.numeric for way in plan.ways]
        same = next((its for known, its in sampled if known == ways), None)
        if same is None:
            same = sample(task.model, chain, dataset, settings, progress, store, prefixes, room)
            sampled.append((ways, same))
        found[draws] = evaluate(replace(same.first(settings.draws), plan=plan), settings)
    return tuple(found[draws] for draws in task.own)


def _forecast(task: Task, dataset: Dataset) -> float:
    most = task.settings.model_copy(update={"draws": max(task.own)})
    return forecast_spectra(replace(task, settings=most), dataset)


DRAWS = Stage("draws", "draws", "points", tuple[ModelResult, ...], _forecast, _compute)
"""A model under each of the numbers of draws that are its own; without groups of inputs."""


def _at(settings: Settings, point: Point, seed: int) -> Settings:
    """The input error is left out: it doubles the work, and the scatter between seeds has it."""
    sigma = point.sigma or "limit"
    varied = {"samples": point.samples, "draws": point.draws, "sigma": sigma}
    return settings.model_copy(update={**varied, "seed": seed, "input_groups": 0})


def _cut(grids: Grids, rows: int) -> list[str]:
    beyond = [value for value in grids.values["samples"] if value > rows]
    return [f"the grid of N is cut to the {rows:,} rows of the data"] if beyond else []


def _common_warnings(results: Sequence[ModelResult]) -> list[str]:
    """The models' warnings at the base, each said once for all it concerns."""
    concerned: dict[str, list[str]] = {}
    for result in results:
        for warning in result.warnings:
            concerned.setdefault(warning, []).append(result.name)
    return [f"{', '.join(names)}: {warning}" for warning, names in concerned.items()]
