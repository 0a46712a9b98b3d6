"""2sED and lower 2sED as pure functions of the log-determinants (measure.md, section 4).

Both take values of shape (..., K, L), K draws of L blocks, and eps that broadcasts with (...).
With the same draws lower 2sED <= 2sED, and they agree for L = 1, by Jensen's inequality for the
empirical measure of the draws.
"""

from __future__ import annotations

import numpy as np

from sed2.montecarlo import log_mean_exp, tilted_weights


def two_sed(logdets: np.ndarray, eps: np.ndarray, zeta: float, parameters: int) -> np.ndarray:
    """d_zeta(eps) = zeta d + (1 - zeta)/|log a| log E_theta[exp(sum_j logdet_j)]   (4)

    Returns:
        (...) in units of dimensions (parameters).
    """
    return zeta * parameters + log_mean_exp(logdets.sum(axis=-1)) / np.abs(np.log(eps))


def lower_two_sed_terms(logdets: np.ndarray, eps: np.ndarray) -> np.ndarray:
    """The share of each block in lower 2sED, before zeta d   (10)

        D_1 - zeta d = c log E_theta[exp(logdet_1)],   c = (1 - zeta)/|log a| = 1/|log eps|
        D_m - D_{m-1} = c E_{Phi_m}[logdet_m],   Phi_m proportional to exp(sum_{j<m} logdet_j)

    Returns:
        (..., L).
    """
    earlier = np.cumsum(logdets, axis=-1)[..., :-1]
    weights = tilted_weights(earlier, axis=-2)
    first = log_mean_exp(logdets[..., 0])[..., None]
    rest = (weights * logdets[..., 1:]).sum(axis=-2)
    return np.concatenate([first, rest], axis=-1) / np.abs(np.log(eps))[..., None]


def lower_two_sed(logdets: np.ndarray, eps: np.ndarray, zeta: float, parameters: int) -> np.ndarray:
    """Lower 2sED, D_L = zeta d + the sum of the blocks' shares   (10)."""
    return zeta * parameters + lower_two_sed_terms(logdets, eps).sum(axis=-1)


def upper_bound(
    eps: np.ndarray, zeta: float, parameters: int, rank: int, eigenvalue: float
) -> np.ndarray:
    """zeta d + r (1 - zeta + log(1 + sqrt(mu)) / |log eps|), never below d_zeta(eps)   (11)"""
    growth = np.log1p(np.sqrt(eigenvalue)) / np.abs(np.log(eps))
    return zeta * parameters + rank * (1 - zeta + growth)
