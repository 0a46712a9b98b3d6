"""What the report of the validity benchmark needs beside `sed2.ranking.correlation`."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

SEED = 0


def halves(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the architectures kept for choosing, and of those to report on; a random split."""
    order = np.random.default_rng(SEED).permutation(count)
    return np.sort(order[: count // 2]), np.sort(order[count // 2 :])


def residuals(measure: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(M,) how many places a measure puts an architecture above where training puts it."""
    return stats.rankdata(measure) - stats.rankdata(target)


def mean_interval(values: np.ndarray) -> np.ndarray | None:
    """(2,) that holds the mean with 95% confidence, by Student's t; None for less than two values.

    All alike, they have the interval of their one value."""
    if len(values) < 2:
        return None
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return values.mean() + np.array([-half, half])


def shown(value: float, interval: np.ndarray | None, form: str = ".2f") -> str:
    """A number with its interval, if it has one."""
    if math.isnan(value):
        return "–"
    if interval is None:
        return f"{value:{form}}"
    return f"{value:{form}} ({interval[0]:{form}} to {interval[1]:{form}})"
