"""2sED and lower 2sED as functions of the log-determinants (docs/concepts/measure.md, section 4).

Both take values of shape (..., K, L), K draws of L blocks, and eps that broadcasts with (...).
With the same draws lower 2sED <= 2sED, and they agree for L = 1, by Jensen's inequality for the
empirical measure of the draws.
"""

from __future__ import annotations

import numpy as np

from sed2.measure.montecarlo import log_mean_and_weights, log_mean_exp


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
    return np.stack(_pass(logdets)[0], axis=-1) / np.abs(np.log(eps))[..., None]


def lower_two_sed(logdets: np.ndarray, eps: np.ndarray, zeta: float, parameters: int) -> np.ndarray:
    """Lower 2sED, D_L = zeta d + the sum of the blocks' shares   (10)."""
    return zeta * parameters + lower_two_sed_terms(logdets, eps).sum(axis=-1)


def two_and_lower(
    logdets: np.ndarray, eps: np.ndarray, zeta: float, parameters: int
) -> tuple[np.ndarray, np.ndarray]:
    """`two_sed` and `lower_two_sed` at once."""
    shares, two = _pass(logdets)
    scale = np.abs(np.log(eps))
    return zeta * parameters + two / scale, zeta * parameters + sum(shares) / scale


def _pass(logdets: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """One pass over the blocks: the share of each in lower 2sED, and 2sED, before zeta d and c.

    It is several times as fast where the draws of a block are next to each other in memory."""
    first, *later = np.moveaxis(logdets, -1, 0)
    total, (two, weights) = first, log_mean_and_weights(first)
    shares = [two]
    for block in later:
        shares.append(np.einsum("...k,...k->...", weights, block))
        total = total + block
        two, weights = log_mean_and_weights(total)
    return shares, two


def upper_bound(
    eps: np.ndarray, zeta: float, parameters: int, rank: int, eigenvalue: float
) -> np.ndarray:
    """zeta d + r (1 - zeta + log(1 + sqrt(mu)) / |log eps|), never below d_zeta(eps)   (11)"""
    growth = np.log1p(np.sqrt(eigenvalue)) / np.abs(np.log(eps))
    return zeta * parameters + rank * (1 - zeta + growth)


def trace_bracket(
    traces: np.ndarray, ranks: np.ndarray, eps: np.ndarray, zeta: float, parameters: int
) -> np.ndarray:
    """2sED with every determinant replaced by the most that its trace allows.

        zeta d + c log E_theta[prod_j (1 + a sqrt(t_j / r_j))^(r_j)],   t_j = tr Fhat_j(theta)

    For every theta, with h(x) = log(1 + a sqrt(x)),

        logdet(theta) <= sum_j r_j h(t_j / r_j) <= r h(t / r) <= d h(t / d),

    with r_j the rank of block j under theta, r and t the sums over the blocks. Proof: h is concave
    (a concave increasing function of the concave sqrt) and h(0) = 0. The mean of h over the r_j
    eigenvalues that are not 0 is at most h of their mean t_j / r_j; that is the first step. The
    mean of h(t_j / r_j) with the weights r_j / r is at most h(t / r): the second. With s - r more
    eigenvalues of 0, the mean of h over s of them, (r h(t / r) + (s - r) h(0)) / s, is at most
    h(t / s), so r h(t / r) <= s h(t / s): the third. All hold with equality for Fhat = I.

    So with the same draws 2sED is never above it, and it is never above (11): t_j / r_j <= mu and
    log(1 + a sqrt(mu)) <= log a + log(1 + sqrt(mu)). But the mean over the draws estimates the
    mean over theta here as there, from below where few draws carry it. E[t] = d alone gives no
    bound: the d-th power of 1 + a sqrt(t / d) is concave in t for d <= 2 only, and for d >= 3 a
    trace of d / p with probability p, else 0, makes its mean at least p (1 + a / sqrt(p))^d, which
    is beyond all bounds as p -> 0.

    Args:
        traces: (K, J) of Fhat, in any parts that share no parameter: the blocks, or all as one.
        ranks: broadcasts to it: ranks of the parts, or anything larger, such as d.
        eps: (E,).
        zeta, parameters: as for `two_sed`.

    Returns:
        (E,).
    """
    mean_eigenvalues = traces / np.maximum(ranks, 1)
    amplitudes = np.asarray(eps, float)[:, None, None] ** (zeta - 1)
    at_most = ranks * np.log1p(amplitudes * np.sqrt(mean_eigenvalues))
    return two_sed(at_most, eps, zeta, parameters)
