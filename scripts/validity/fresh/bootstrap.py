"""Statistics of measures over architectures, each in the same resamples."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from scripts.validity.fresh.statistics import ndcg, precision, regret
from sed2.ranking.correlation import bootstrap_taus, spearman, tau_b

Statistic = Callable[[np.ndarray, np.ndarray], float]
STATISTICS: dict[str, Statistic] = {
    "tau-b": tau_b,
    "rho": spearman,
    "nDCG": ndcg,
    "precision at 10%": precision,
    "regret": regret,
}


def resamples_of(models: int, seed: int, resamples: int) -> np.ndarray:
    """(1 + resamples, M) places: all architectures as they are, then resamples of them."""
    rng = np.random.default_rng(seed)
    return np.vstack([np.arange(models), rng.integers(models, size=(resamples, models))])


def sampled(
    measure: np.ndarray, target: np.ndarray, places: np.ndarray, statistic: Statistic
) -> np.ndarray:
    """(1 + resamples,) a statistic in every resample, architectures without the measure left out;
    NaN where fewer than three are left."""
    defined = np.isfinite(measure)
    found = np.full(len(places), np.nan)
    for number, each in enumerate(places):
        its = each[defined[each]]
        if len(its) >= 3:
            found[number] = statistic(measure[its], target[its])
    return found


def paired(
    ours: np.ndarray,
    theirs: np.ndarray,
    target: np.ndarray,
    places: np.ndarray,
    statistic: Statistic,
) -> np.ndarray:
    """(1 + resamples,) ours less theirs, over the architectures that have both."""
    ours = np.where(np.isfinite(theirs), ours, np.nan)
    return sampled(ours, target, places, statistic) - sampled(theirs, target, places, statistic)


def ahead(
    score: np.ndarray,
    baselines: Mapping[str, np.ndarray],
    target: np.ndarray,
    seed: int,
    resamples: int,
) -> tuple[np.ndarray, np.ndarray]:
    """(1 + resamples,) tau-b of a score, and (1 + resamples, F) of the baselines, over all and in
    the same resamples.

    A baseline that fewer than half of the architectures have is NaN."""
    every = np.stack([score, *baselines.values()])
    every[np.isfinite(every).mean(axis=1) < 0.5] = np.nan
    once = [tau_b(one, target) for one in every]
    taus = np.vstack([once, bootstrap_taus(every, target, seed, resamples)])
    return taus[:, 0], taus[:, 1:]


def central(values: np.ndarray) -> np.ndarray | None:
    """(2,) the central 95% of the resamples; None if too many are undefined."""
    defined = values[1:][np.isfinite(values[1:])]
    if len(defined) < 0.95 * (len(values) - 1):
        return None
    return np.quantile(defined, (0.025, 0.975))
