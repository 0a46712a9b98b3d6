"""Order candidates by their score and say how sure the order is.

Probabilities are of what `sed2.ranking.probabilities` simulates: the averages over all seeds at the
models' own N and K, as far as one seed tells of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from sed2.errors import UsageError, shown
from sed2.ranking.probabilities import Best, probability_ahead, simulate, variance_of_difference
from sed2.ranking.results import Crossing, Probability, RankedModel, Ranking
from sed2.results import ModelResult
from sed2.settings import READING

COMMON = ("dataset", *READING, "score", "eps", "zeta", "n_train", "gamma")
"""Settings that all candidates must share, or their scores answer different questions."""
LEADING = 20
"""So many of the best models are asked for crossings: of 1,000 there would be some 100,000."""


def check_comparable(
    names: Sequence[str], settings: Sequence[object], also: Sequence[str] = ()
) -> None:
    """Refuse candidates whose scores cannot be compared.

    Args:
        also: settings that they must share besides `COMMON`.

    Raises:
        UsageError: two candidates differ in one of these settings.
    """
    for field in (*COMMON, *also):
        values = [getattr(one, field) for one in settings]
        for name, value in zip(names, values, strict=True):
            if value != values[0]:
                raise UsageError(
                    f"`{shown(names[0])}` and `{shown(name)}` cannot be ranked together: "
                    f"`{field}` is {shown(values[0])} for one and {shown(value)} for the other",
                    mend=f"Set `{field}` for the whole file, or compute them one by one",
                )


def rank_results(results: Sequence[ModelResult], decide_at: float = 0.95) -> Ranking:
    """All results, largest score first; equal scores in the order of their names.

    Args:
        decide_at: the probability of an order below which models are tied.
    """
    ordered = sorted(results, key=lambda result: (-result.score.value, result.name))
    best, places, ahead, leading = Best(), [], [], []
    first = before = np.empty((0, 0))  # of those that are tied, and the one before
    for number, simulated in enumerate(map(simulate, ordered), start=1):
        if number > 1:
            ahead.append(probability_ahead(before, simulated))
        if number == 1 or probability_ahead(first, simulated)[-1] >= decide_at:
            first, place = simulated, number
        before = simulated
        best.add(simulated)
        places.append(place)
        if number <= LEADING:
            leading.append(simulated)
    ahead.append(np.full(before.shape[1], np.nan))
    return Ranking(
        models=tuple(
            RankedModel(
                number,
                place,
                result,
                separation(result, following) if following else math.nan,
                as_probability(chance),
                as_probability(order),
            )
            for number, (place, result, following, chance, order) in enumerate(
                zip(places, ordered, [*ordered[1:], None], best.probabilities, ahead, strict=True),
                start=1,
            )
        ),
        settings=results[0].settings,
        crossings=find_crossings(ordered[:LEADING], leading),
        warnings=_differences(ordered),
        decide_at=decide_at,
    )


def as_probability(values: np.ndarray) -> Probability:
    """From (E + 1,), the curve and the score."""
    return Probability(float(values[-1]), values[:-1])


def separation(result: ModelResult, following: ModelResult) -> float:
    """Distance to the next score in standard errors of the difference; NaN if undefined."""
    gap = result.score.value - following.score.value
    error = math.sqrt(variance_of_difference(result, following)[:, -1].sum())
    return gap / error if error > 0 else math.nan


def find_crossings(
    ordered: Sequence[ModelResult], simulated: Sequence[np.ndarray]
) -> tuple[Crossing, ...]:
    """Where two curves of the score's measure change order.

    Args:
        ordered: M models.
        simulated: their (S, E + 1) simulated curves and scores.
    """
    found = []
    for i, j in combinations(range(len(ordered)), 2):
        upper, lower = ordered[i], ordered[j]
        gap = upper.curve.estimate - lower.curve.estimate
        places = np.flatnonzero(gap[:-1] * gap[1:] < 0)
        if not len(places):
            continue
        log_eps, each = np.log(upper.eps), simulated[i][:, :-1] - simulated[j][:, :-1]
        for e in places:
            sign = np.sign(gap[e])
            _, points = _crossing_points(sign * gap[None, e : e + 2], log_eps[e : e + 2])
            at = float(points[0])
            small, large = (upper, lower) if sign > 0 else (lower, upper)
            interval, probability = _scatter_of_crossing(sign * each, log_eps, at)
            found.append(Crossing(math.exp(at), small.name, large.name, interval, probability))
    return tuple(sorted(found, key=lambda crossing: crossing.eps))


def _crossing_points(gaps: np.ndarray, log_eps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All places where one of the gaps (S, E) falls below 0: which of them, and log eps, linear
    between the points."""
    which, e = np.nonzero((gaps[:, :-1] > 0) & (gaps[:, 1:] <= 0))
    left, right = gaps[which, e], gaps[which, e + 1]
    return which, log_eps[e] + left / (left - right) * (log_eps[e + 1] - log_eps[e])


def _scatter_of_crossing(
    gaps: np.ndarray, log_eps: np.ndarray, at: float
) -> tuple[tuple[float, float], float]:
    """The central 95% of the simulated crossings in eps, the nearest to log eps `at` of each
    simulation, and the share of simulations that cross at all."""
    if np.isnan(gaps).any():
        return (math.nan, math.nan), math.nan
    which, points = _crossing_points(gaps, log_eps)
    nearest_first = np.argsort(np.abs(points - at), kind="stable")
    _, first = np.unique(which[nearest_first], return_index=True)
    probability = (len(first) + 0.5) / (len(gaps) + 1)
    if not len(first):
        return (math.nan, math.nan), probability
    low, high = np.quantile(points[nearest_first[first]], (0.025, 0.975))
    return (math.exp(low), math.exp(high)), probability


def _differences(ordered: Sequence[ModelResult]) -> tuple[str, ...]:
    """Settings in which the candidates differ, in words."""
    first = ordered[0].settings
    differing = {
        field
        for result in ordered
        for field in type(first).model_fields
        if getattr(result.settings, field) != getattr(first, field)
    }
    return tuple(f"candidates differ in their own `{field}`" for field in sorted(differing))
