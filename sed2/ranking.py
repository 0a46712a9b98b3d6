"""Order candidates by their score and say how well neighbours are told apart."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sed2.errors import UsageError
from sed2.results import Crossing, ModelResult, RankedModel, Ranking

COMMON = ("dataset", "standardize", "label", "eps", "zeta", "n_train", "gamma")
"""Settings that all candidates must share, or their scores answer different questions."""


def check_comparable(names: Sequence[str], settings: Sequence[object]) -> None:
    """Refuse candidates whose scores cannot be compared.

    Raises:
        UsageError: two candidates differ in a setting of `COMMON`.
    """
    for field in COMMON:
        values = [getattr(one, field) for one in settings]
        for name, value in zip(names, values, strict=True):
            if value != values[0]:
                raise UsageError(
                    f"`{names[0]}` and `{name}` cannot be ranked together: "
                    f"`{field}` is {values[0]!r} for one and {value!r} for the other",
                    mend=f"Set `{field}` for the whole file, or compute them one by one",
                )


def rank_results(results: Sequence[ModelResult]) -> Ranking:
    """All results, largest score first; equal scores in the order of their names."""
    ordered = sorted(results, key=lambda result: (-result.score.value, result.name))
    settings = ordered[0].settings
    differing = sorted(
        {
            field
            for result in ordered
            for field in type(settings).model_fields
            if getattr(result.settings, field) != getattr(settings, field)
        }
    )
    warnings = tuple(f"candidates differ in their own `{field}`" for field in differing)
    return Ranking(
        models=tuple(
            RankedModel(place, result, _separation(result, following))
            for place, (result, following) in enumerate(
                zip(ordered, [*ordered[1:], None], strict=True), start=1
            )
        ),
        settings=results[0].settings,
        crossings=_crossings(ordered),
        warnings=warnings,
    )


def _separation(result: ModelResult, following: ModelResult | None) -> float:
    """Distance to the next score in standard errors of the difference; NaN if undefined."""
    if following is None:
        return math.nan
    gap = result.score.value - following.score.value
    error = math.hypot(result.score.std_error, following.score.std_error)
    return gap / error if error > 0 else math.nan


def _crossings(ordered: Sequence[ModelResult]) -> tuple[Crossing, ...]:
    """Where two curves of lower 2sED change order, by interpolation linear in log eps."""
    found = []
    for i, upper in enumerate(ordered):
        for lower in ordered[i + 1 :]:
            gap = upper.lower_two_sed.estimate - lower.lower_two_sed.estimate
            for e in np.flatnonzero(gap[:-1] * gap[1:] < 0):
                share = gap[e] / (gap[e] - gap[e + 1])
                log_eps = np.log(upper.eps[e : e + 2])
                eps = float(np.exp(log_eps[0] + share * (log_eps[1] - log_eps[0])))
                small, large = (upper, lower) if gap[e] > 0 else (lower, upper)
                found.append(Crossing(eps, small.name, large.name))
    return tuple(sorted(found, key=lambda crossing: crossing.eps))
