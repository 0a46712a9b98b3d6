"""What it would take to tell neighbours apart: a forecast of `sed2.ranking.deciding`.

It takes the gap between two models as it is, and their variances to fall like 1/K and 1/N.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sed2.options import TIMES
from sed2.ranking.probabilities import freedom_of_draws, variance_of_difference
from sed2.ranking.results import Demand, RankedModel
from sed2.settings import Settings


@dataclass(frozen=True)
class Outlook:
    """Of telling all neighbours apart."""

    work: float
    """Draws times inputs, of all models and rounds."""
    enough: bool
    """Whether that decides, or only exhausts the limits of the demand."""


def usual_demand(probability: float, settings: Settings) -> Demand:
    """That of `--until-decided`, if nothing is said of its limits."""
    return Demand(probability, TIMES * settings.draws, TIMES * settings.samples)


def outlook(models: Sequence[RankedModel], demand: Demand) -> Outlook:
    """The further work for neighbours that are not told apart.

    Args:
        models: in order, those that get more together with the same N and K.
        demand: what to reach, within which limits.
    """
    groups: list[list[RankedModel]] = [[]]
    for model in models:
        groups[-1].append(model)
        if model.order_probability.score >= demand.probability:
            groups.append([])
    found = [_of_group(group, demand) for group in groups if len(group) > 1]
    return Outlook(sum(one.work for one in found), all(one.enough for one in found))


def _of_group(group: Sequence[RankedModel], demand: Demand) -> Outlook:
    """Of neighbours none of which are told apart."""
    from scipy import special  # a tenth of a second, which only this needs

    pairs = [(a.result, b.result) for a, b in pairwise(group)]
    sources = np.nan_to_num([variance_of_difference(a, b)[:, -1] for a, b in pairs])
    gaps = np.array([a.score.value - b.score.value for a, b in pairs])
    freedom = min(freedom_of_draws(model.result) for model in group)
    wanted = np.square(gaps / special.stdtrit(freedom, demand.probability))
    settings = group[0].result.settings
    size = {"draws": settings.draws, "samples": settings.samples}
    limits = {"draws": demand.max_draws, "samples": demand.max_samples}
    if not sources[:, 1].any():  # the inputs are all rows
        limits["samples"] = 0
    work = 0.0
    while True:
        by_draws, by_inputs = settings.draws / size["draws"], settings.samples / size["samples"]
        now = sources * np.array([by_draws, by_inputs, by_draws])[:, None].T
        if work and (now.sum(axis=1) <= wanted).all():
            return Outlook(work, True)
        of_draws, of_inputs = now[:, [0, 2]].sum(), now[:, 1].sum()
        in_turn = ("samples", "draws") if of_inputs > of_draws else ("draws", "samples")
        grown = next((name for name in in_turn if size[name] < limits[name]), None)
        if grown is None:
            return Outlook(work, False)
        size[grown] = min(2 * size[grown], limits[grown])
        work += len(group) * size["draws"] * size["samples"]
