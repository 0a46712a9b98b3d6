"""How well a measure chooses among architectures: beside tau-b and rho, nDCG, precision at the top,
regret of the first place, and tau with the size held.

Larger is better of measure and target, (M,) each and finite. Where a measure ties, a value is the
mean over the orders of those that are tied.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from sed2.ranking.correlation import tau_b

TOP = 0.1
"""Share of the architectures that are the top."""


def ndcg(measure: np.ndarray, target: np.ndarray) -> float:
    """Normalised discounted cumulated gain (Jarvelin and Kekalainen, 2002,
    https://doi.org/10.1145/582415.582418) of all places.

    The gain of an architecture is the share of the others that it beats in the target, ties by
    half; the discount of a place is 1 / log2(place + 1)."""
    gains = (stats.rankdata(target) - 1) / (len(target) - 1)
    discounts = 1 / np.log2(np.arange(len(target)) + 2)
    best = np.sort(gains)[::-1] @ discounts
    return float(gains @ _shared(measure, discounts) / best) if best else math.nan


def precision(measure: np.ndarray, target: np.ndarray) -> float:
    """Share of the top by the measure that is in the top by the target, of ceil(M / 10) each."""
    count = math.ceil(TOP * len(target) - 1e-9)
    of_top = (np.arange(len(target)) < count).astype(float)
    return float(_shared(measure, of_top) @ _shared(target, of_top) / count)


def regret(measure: np.ndarray, target: np.ndarray) -> float:
    """How far the first place by the measure is below the best, in units of the target."""
    return float(target.max() - target[measure == measure.max()].mean())


def tau_given(measure: np.ndarray, target: np.ndarray, size: np.ndarray) -> float:
    """Kendall's partial tau of measure and target, with the size held (Kendall, Biometrika 32
    (1942), https://doi.org/10.1093/biomet/32.3-4.277), of three tau-b."""
    both, of_measure, of_target = (
        tau_b(measure, target),
        tau_b(measure, size),
        tau_b(target, size),
    )
    norm = math.sqrt(max((1 - of_measure**2) * (1 - of_target**2), 0.0))
    return (both - of_measure * of_target) / norm if norm else math.nan


def noise_ceiling(losses: np.ndarray) -> float:
    """tau-b of one training seed with the mean of the others, losses (M, S); mean over the seeds.

    A measure cannot be expected to do much better against one seed; against a mean of several it
    can."""
    seeds = range(losses.shape[1])
    others = [np.delete(losses, seed, axis=1).mean(axis=1) for seed in seeds]
    return float(np.mean([tau_b(losses[:, seed], others[seed]) for seed in seeds]))


def _shared(values: np.ndarray, of_place: np.ndarray) -> np.ndarray:
    """(M,) what the place of each is worth, the largest value first; those that are tied share what
    their places are worth."""
    order = np.argsort(-values, kind="stable")
    _, tied = np.unique(-values, return_inverse=True)
    sums = np.bincount(tied[order], weights=of_place)
    return (sums / np.bincount(tied))[tied]
