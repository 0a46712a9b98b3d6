"""The size of the candidates beside their scores: who is on the Pareto front, and whether the order
is little more than that of their sizes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sed2.errors import UsageError
from sed2.options import LimitOptions
from sed2.ranking.correlation import MIN_MODELS, MIN_MODELS_INTERVAL, tau_b
from sed2.ranking.results import Ranking

FOLLOWS = 0.5
"""tau-b of score and size from which on the order is said to follow the size."""


SEVERAL = 1.25
"""Ratio of the largest size to the smallest from which on the candidates are of several sizes."""


@dataclass(frozen=True)
class SizeDependence:
    """Of the order by score on the numbers of parameters."""

    tau: float
    """tau-b of score and parameters; NaN for fewer than 3 models, or where all are of one size."""
    gained: tuple[int, ...]
    """Places that each model, in rank order, gains if the size is held: in the order of what is
    left of the score after its regression on log parameters."""

    @property
    def follows(self) -> bool:
        """Whether it is said that the order follows the size; of few models chance does that."""
        return len(self.gained) >= MIN_MODELS_INTERVAL and self.tau >= FOLLOWS


def of_several_sizes(ranking: Ranking) -> bool:
    """Whether the candidates differ so much in parameters or operations that it is worth a look."""
    parameters = [float(model.result.parameters) for model in ranking.models]
    flops = [model.flops for model in ranking.models]
    ratios = [max(sizes) / min(sizes) for sizes in (parameters, flops)]
    return len(parameters) >= MIN_MODELS and any(ratio >= SEVERAL for ratio in ratios)


def size_dependence(ranking: Ranking) -> SizeDependence:
    """How far the order is that of the sizes."""
    scores = np.array([model.result.score.value for model in ranking.models])
    sizes = np.log([model.result.parameters for model in ranking.models])
    if len(scores) < 3 or np.ptp(sizes) == 0:
        return SizeDependence(math.nan, (0,) * len(scores))
    rest = scores - np.polyval(np.polyfit(sizes, scores, 1), sizes)
    held = np.argsort(np.argsort(-rest, kind="stable"), kind="stable")
    gained = tuple(int(now - then) for now, then in enumerate(held))
    return SizeDependence(tau_b(sizes, scores), gained)


def fronts(ranking: Ranking) -> tuple[list[bool], list[bool]]:
    """Of each model, whether its score is on the Pareto front against parameters, and against
    operations."""
    scores = np.array([model.result.score.value for model in ranking.models])
    parameters = np.array([float(model.result.parameters) for model in ranking.models])
    flops = np.array([model.flops for model in ranking.models])
    return on_front(parameters, scores).tolist(), on_front(flops, scores).tolist()


def on_front(sizes: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """(M,) whether no other model has at least the score at no larger size, and one of both better;
    a model whose size is not known (NaN) is not on it.

    Args:
        sizes: (M,) smaller is better.
        scores: (M,) larger is better.
    """
    smaller, larger = sizes[:, None] <= sizes, scores[:, None] >= scores
    better = (sizes[:, None] < sizes) | (scores[:, None] > scores)
    return ~(smaller & larger & better).any(axis=0) & ~np.isnan(sizes)


def within(
    sizes: Mapping[str, tuple[int, float]], limits: LimitOptions
) -> tuple[list[str], tuple[str, ...]]:
    """The candidates within some limits, and the others.

    Args:
        sizes: parameters and operations by name; operations that are not known (NaN) are above any
            limit.

    Raises:
        UsageError: none is.
    """
    fitting = [
        name
        for name, (parameters, flops) in sizes.items()
        if not (limits.max_parameters and parameters > limits.max_parameters)
        and not (limits.max_model_flops and not flops <= limits.max_model_flops)
    ]
    if not fitting:
        option = "max_parameters" if limits.max_parameters else "max_model_flops"
        least = min(size[0 if limits.max_parameters else 1] for size in sizes.values())
        raise UsageError(
            f"no candidate is within `{option}`: the smallest has {least:,.0f}",
            mend="Raise it",
            where=option,
        )
    return fitting, tuple(name for name in sizes if name not in fitting)
