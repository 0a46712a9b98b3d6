"""The baselines by name, and how they are measured of one model."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from sed2.baselines.base import BaselineMeasure, Candidate, Family
from sed2.baselines.counts import COUNTS
from sed2.baselines.dimension import DIMENSIONS
from sed2.baselines.draws import ZERO_COST
from sed2.baselines.early import EARLY, EARLY_LOSSES
from sed2.baselines.results import BaselineValue
from sed2.chain import build_chain
from sed2.common.cost import Cost
from sed2.data.load import Dataset
from sed2.errors import NumericsError, ResourceError, UsageError, did_you_mean
from sed2.options import TrainingSettings
from sed2.settings import Settings
from sed2.spec.schema import ModelSpec, data_check

FAMILIES: tuple[Family[Any], ...] = (COUNTS, ZERO_COST, DIMENSIONS, EARLY)
BASELINES: dict[str, BaselineMeasure] = {
    measure.name: measure for family in FAMILIES for measure in family.measures
}
"""In the order in which they are shown. Their directions are those of their sources."""
UNTRAINED = tuple(name for name in BASELINES if name not in {each.name for each in EARLY_LOSSES})
"""The names of those that train nothing."""


def measure_baselines(
    model: ModelSpec,
    dataset: Dataset,
    settings: Settings,
    names: Sequence[str] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    training: TrainingSettings | None = None,
) -> dict[str, float]:
    """The values alone of `baseline_values`: NaN where a baseline is undefined or not finite."""
    values = baseline_values(model, dataset, settings, names, progress, training)
    return {name: value.value for name, value in values.items()}


def baseline_values(
    model: ModelSpec,
    dataset: Dataset,
    settings: Settings,
    names: Sequence[str] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    training: TrainingSettings | None = None,
) -> dict[str, BaselineValue]:
    """Baselines of one model, in the order of `BASELINES`, with the reason where one is NaN.

    A baseline that cannot be computed is NaN and the others go on.

    Args:
        model: the architecture.
        dataset: with labels, if those that need them are wanted.
        settings: prior and seed; for the effective dimensions all that a score depends on.
        names: some of `BASELINES`; None is all.
        progress: called with the steps done and their total.
        training: of which the early losses are; by default as `TrainingSettings()`.

    Raises:
        SpecError: the model does not fit the data.
        UsageError: there is no baseline of a name.
    """
    for name in names or ():
        if name not in BASELINES:
            raise UsageError(
                f"there is no baseline `{name}`",
                mend=did_you_mean(name, BASELINES),
                where="baselines",
            )
    data_check(model, dataset.x)
    chain = build_chain(model.blocks, dataset.input_shape)
    candidate = Candidate(model, dataset, settings, chain, training or TrainingSettings())
    wanted = [
        (family, mine)
        for family in FAMILIES
        if (mine := [m for m in family.measures if names is None or m.name in names])
    ]
    total, done = sum(family.steps(settings) for family, _ in wanted), 0
    values: dict[str, BaselineValue] = {}
    for family, mine in wanted:
        start = time.process_time()
        try:
            report = partial(lambda before, steps: progress(before + steps, total), done)
            found = family.run(candidate, mine, report)
        except (ResourceError, NumericsError) as error:
            undefined = BaselineValue(math.nan, str(error))
            found = {measure.name: undefined for measure in mine}
        cost = Cost(Cost.since(start).cpu_seconds / len(mine))
        values |= {
            name: replace(value, cost=cost) if math.isnan(value.cost.cpu_seconds) else value
            for name, value in found.items()
        }
        done += family.steps(settings)
        progress(done, total)
    return {name: values[name] for name in BASELINES if name in values}
