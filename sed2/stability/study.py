"""The paper's stability study: the same ranking with other inputs, draws, noise and seeds.

One setting varies at a time, the others stay at those given, the *base*: N, K and sigma over
grids, every point under the same seeds. A seed changes inputs, draws and noise together, so the
scatter between seeds is the whole error of a score, and no other is computed. Under one seed the
first inputs and draws of many are those of few, so the points of a sweep are paired.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from sed2.chain import build_chain
from sed2.common.validation import shown
from sed2.data.load import Dataset
from sed2.errors import UsageError
from sed2.fisher.plan import make_plan
from sed2.ranking.order import check_comparable
from sed2.results import ModelResult
from sed2.settings import Settings, resolve
from sed2.spec.schema import ModelSpec
from sed2.stability.results import StabilityResult, Sweep, SweptSetting
from sed2.stability.verdict import judge

RunPoint = Callable[[ModelSpec, Settings, Callable[[int, int], None]], ModelResult]
"""Computes one model; the last argument is called with the work done and its total."""

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
            where="--seeds",
        )
    return Grids(values, int(count))


def _read_grid(name: SweptSetting, given: Any) -> tuple[float, ...]:
    flag = f"--{name}-grid"

    def refuse(cause: str) -> UsageError:
        return UsageError(cause, mend=f"Give it like {flag} {GRIDS[name]}", where=flag)

    given = given.tolist() if hasattr(given, "tolist") else given  # an array
    if isinstance(given, str):
        given = given.split(",") if given.strip() else []
    parts = given if isinstance(given, Sequence) else [given]
    if not 1 <= len(parts) <= MAX_POINTS:
        raise refuse(f"the grid must hold from 1 to {MAX_POINTS} numbers, not {len(parts)}")
    try:  # each by the rules of the setting itself
        grid = tuple(getattr(resolve({name: part}, {}), name) for part in parts)
    except UsageError as error:
        raise UsageError(error.cause, mend=error.mend, where=flag) from None
    for low, high in pairwise(grid):
        if not low < high:
            raise refuse(f"the grid must ascend, but {high:g} follows {low:g}")
    return grid


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
    return Point(min(settings.samples, rows), settings.draws, settings.sigma)


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
    chain = build_chain(model.blocks, dataset.input_shape, settings.chain)
    all_points = points(settings, grids, dataset.rows)
    for size in (lambda point: point.samples, lambda point: point.draws):
        point = max(all_points, key=size)
        make_plan(chain, point.draws, point.samples, _at(settings, point, settings.seed))


def study(
    models: Sequence[ModelSpec],
    settings: Sequence[Settings],
    grids: Grids,
    rows: int,
    run: RunPoint,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> StabilityResult:
    """Compute all points under all seeds, and judge the ranking.

    Args:
        models: the candidates.
        settings: of each, as `check_shared` accepts them.
        grids: what is varied.
        rows: of the data set.
        run: computes one model at one point.
        progress: called with the model and the work done so far and in all.
    """
    first = settings[0]
    base, computed = base_point(first, rows), points(first, grids, rows)
    seeds = tuple(first.seed + s for s in range(grids.seeds))
    scores = np.empty((len(models), len(computed), len(seeds)))
    at_base: list[ModelResult] = []
    done, total = 0, len(models) * len(seeds) * sum(point.work for point in computed)
    # The base first: what is wrong with a model shows at once.
    for p, point in sorted(enumerate(computed), key=lambda each: each[1] != base):
        for s, seed in enumerate(seeds):
            for m, (model, its) in enumerate(zip(models, settings, strict=True)):
                report = _share(progress, model.name, done, point.work, total)
                result = run(model, _at(its, point, seed), report)
                scores[m, p, s] = result.score.value
                done += point.work
                if point == base and s == 0:
                    at_base.append(result)
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


def _share(
    progress: Callable[[str, int, int], None], name: str, done: int, work: int, total: int
) -> Callable[[int, int], None]:
    """The progress of one run as a part of the whole."""
    return lambda part, whole: progress(name, done + work * part // whole, total)


def _at(settings: Settings, point: Point, seed: int) -> Settings:
    """The input error is left out: it doubles the work, and the scatter between seeds has it."""
    varied = {"samples": point.samples, "draws": point.draws, "sigma": point.sigma}
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
