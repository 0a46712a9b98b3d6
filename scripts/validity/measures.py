"""What one spectrum gives without more work: the variants of 2sED, at every eps.

With a = 1/eps (zeta = 0) and c = 1/|log eps|; `own` normalises each block by its own trace,
Fhat_j = F_j d_j / E[tr F_j], instead of all of them by one constant:

    lower_2sed       the tool's, (10) of arXiv 2401.09184           lower_2sed_own
    2sed             (4)                                            2sed_own
    mean_logdet      c E[sum_j logdet_j], not tilted by anything    mean_logdet_own
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sed2.measure.logdet import log_determinants
from sed2.measure.spectra import Spectra
from sed2.measure.two_sed import lower_two_sed, two_sed
from sed2.settings import parse_eps

EPS = (0.9, 0.5, 0.3, 0.1, 0.03, 0.01)
GRID = "1e-3:1e-1"
"""The mean over it, in log eps, is the score that `sed2 rank` orders by."""
EPS_NAMES = (*(f"{eps:g}" for eps in EPS), GRID)

Values = dict[tuple[str, str], float]
"""By measure and eps."""


def measure_all(spectra: Spectra) -> Values:
    """All variants at every eps of `EPS`, and their means over the tool's grid.

    Of a single block `own` is no variant, and lower 2sED is 2sED: those are left out."""
    grid = np.array(parse_eps(GRID))
    eps = np.array([*EPS, *grid])
    weights = np.r_[0.5, np.ones(len(grid) - 2), 0.5] / (len(grid) - 1)  # log-spaced: trapezoids
    logdets = {"": log_determinants(spectra, eps, zeta=0.0).values}
    measures = dict(MEASURES)
    if len(spectra.blocks) > 1:
        each = [log_determinants(Spectra((block,)), eps, zeta=0.0) for block in spectra.blocks]
        logdets["_own"] = np.concatenate([block.values for block in each], axis=2)
    else:
        del measures["lower_2sed"]
    found: Values = {}
    for suffix, values in logdets.items():
        for name, measure in measures.items():
            curve = measure(values, eps)
            at = [*curve[: len(EPS)], weights @ curve[len(EPS) :]]
            found |= {
                (name + suffix, where): float(value)
                for where, value in zip(EPS_NAMES, at, strict=True)
            }
    return found


def _lower(logdets: np.ndarray, eps: np.ndarray) -> np.ndarray:
    return lower_two_sed(logdets, eps, 0.0, 0)


def _two(logdets: np.ndarray, eps: np.ndarray) -> np.ndarray:
    return two_sed(logdets, eps, 0.0, 0)


def _mean(logdets: np.ndarray, eps: np.ndarray) -> np.ndarray:
    return logdets.sum(axis=-1).mean(axis=-1) / np.abs(np.log(eps))


MEASURES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "lower_2sed": _lower,
    "2sed": _two,
    "mean_logdet": _mean,
}
"""From (E, K, L) log-determinants and (E,) covering radii to (E,)."""
