"""The baselines by name, and how they are measured of one model."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

from sed2.baselines.base import BaselineMeasure, Candidate, Family
from sed2.baselines.counts import measure_counts
from sed2.baselines.dimension import measure_dimensions
from sed2.baselines.draws import DRAWS, measure_draws
from sed2.baselines.results import BaselineValue
from sed2.chain import build_chain
from sed2.data.load import Dataset
from sed2.errors import NumericsError, ResourceError, UsageError, did_you_mean
from sed2.settings import Settings
from sed2.spec.schema import ModelSpec, data_check

_COUNTS = Family(steps=lambda settings: 0, measure=measure_counts)
_DRAWS = Family(steps=lambda settings: DRAWS, measure=measure_draws)
_DIMENSIONS = Family(steps=lambda settings: settings.draws, measure=measure_dimensions)

BASELINES: dict[str, BaselineMeasure] = {
    baseline.name: baseline
    for baseline in (
        BaselineMeasure(
            "parameters",
            "number of parameters, d (Krishnakumar et al. 2022, arXiv 2210.03230)",
            larger_is_better=True,
            family=_COUNTS,
        ),
        BaselineMeasure(
            "flops",
            "twice the multiply-adds for one input (Krishnakumar et al. 2022, arXiv 2210.03230)",
            larger_is_better=True,
            family=_COUNTS,
        ),
        BaselineMeasure(
            "depth",
            "number of blocks with parameters (Telgarsky 2016, arXiv 1602.04485)",
            larger_is_better=True,
            family=_COUNTS,
        ),
        BaselineMeasure(
            "narrowest_width",
            "fewest units or channels of a hidden block (Johnson 2019, arXiv 1810.00393)",
            larger_is_better=True,
            family=_COUNTS,
        ),
        BaselineMeasure(
            "synflow",
            "flow through the weights' absolute values (Tanaka et al. 2020, arXiv 2006.05467)",
            larger_is_better=True,
            family=_DRAWS,
        ),
        BaselineMeasure(
            "snip",
            "sum of |weight times gradient| (Lee et al. 2019, arXiv 1810.02340)",
            larger_is_better=True,
            family=_DRAWS,
        ),
        BaselineMeasure(
            "grad_norm",
            "norms of the gradients of the weights (Abdelfattah et al. 2021, arXiv 2101.08134)",
            larger_is_better=True,
            family=_DRAWS,
        ),
        BaselineMeasure(
            "fisher",
            "squared activation times gradient, by channel (Turner et al. 2020, arXiv 1906.04113)",
            larger_is_better=True,
            family=_DRAWS,
        ),
        BaselineMeasure(
            "jacob_cov",
            "how little the inputs' Jacobians correlate (Mellor et al. 2020, arXiv 2006.04647v1)",
            larger_is_better=True,
            family=_DRAWS,
        ),
        BaselineMeasure(
            "naswot",
            "log-determinant of the agreement of ReLU codes (Mellor et al. 2021, arXiv 2006.04647)",
            larger_is_better=True,
            family=_DRAWS,
        ),
        BaselineMeasure(
            "abbas",
            "effective dimension (Abbas et al. 2021, doi:10.1038/s43588-021-00084-1)",
            larger_is_better=True,
            family=_DIMENSIONS,
        ),
        BaselineMeasure(
            "two_sed_end_to_end",
            "2sED of the network as one block (Datres et al. 2024, arXiv 2401.09184)",
            larger_is_better=True,
            family=_DIMENSIONS,
        ),
    )
}
"""In the order in which they are shown. Their directions are those of their sources."""


def measure_baselines(
    model: ModelSpec,
    dataset: Dataset,
    settings: Settings,
    names: Sequence[str] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, float]:
    """The values alone of `baseline_values`: NaN where a baseline is undefined or not finite."""
    values = baseline_values(model, dataset, settings, names, progress)
    return {name: value.value for name, value in values.items()}


def baseline_values(
    model: ModelSpec,
    dataset: Dataset,
    settings: Settings,
    names: Sequence[str] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, BaselineValue]:
    """Baselines of one model, in the order of `BASELINES`, with the reason where one is NaN.

    A baseline that cannot be had is NaN and the others go on.

    Args:
        model: the architecture.
        dataset: with labels, if those that need them are wanted.
        settings: prior and seed; for the effective dimensions all that a score hangs on.
        names: some of `BASELINES`; None is all.
        progress: called with the steps done and their total.

    Raises:
        SpecError: the model does not fit the data.
        UsageError: there is no baseline of a name.
    """
    for name in names or ():
        if name not in BASELINES:
            raise UsageError(
                f"there is no baseline `{name}`",
                mend=did_you_mean(name, BASELINES),
                where="--baselines",
            )
    data_check(model, dataset.x)
    chain = build_chain(model.blocks, dataset.input_shape)
    candidate = Candidate(model, dataset, settings, chain)
    wanted = [name for name in BASELINES if names is None or name in names]
    families = dict.fromkeys(BASELINES[name].family for name in wanted)
    total, done = sum(family.steps(settings) for family in families), 0
    values: dict[str, BaselineValue] = {}
    for family in families:
        mine = [name for name in wanted if BASELINES[name].family is family]
        try:
            values |= family.measure(candidate, mine, partial(_advance, progress, done, total))
        except (ResourceError, NumericsError) as error:
            values |= dict.fromkeys(mine, BaselineValue(math.nan, str(error)))
        done += family.steps(settings)
        progress(done, total)
    return {name: values[name] for name in wanted}


def _advance(progress: Callable[[int, int], None], before: int, total: int, steps: int) -> None:
    progress(before + steps, total)
