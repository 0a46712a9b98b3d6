"""Theorem 5.1 and Lemma B.2 as natural logarithms (docs/concepts/measure.md, section 7).

The constants grow like d^(2d), so nothing but their logarithms is ever formed: any d, and any n by
its logarithm, is within range.

K and C are the theorem's own constants, made of its assumptions (b, Lambda, alpha_1, alpha_2). They
are not independent. By Hoeffding's inequality one parameter's risk, with a loss in [0, 2b], strays
by c eps_n^(4/3) with a probability of at most 2 n^(-K/gamma), K = c^2 / (2 b^2); and this deviation
is part of C eps_n. So a larger K is paid for by a larger C.
"""

from __future__ import annotations

import math

import numpy as np


def log_radius(log_n: float, gamma: float) -> float:
    """log eps_n of eps_n = (log n / (gamma n))^(3/8), the covering radius of Theorem 5.1.

    Args:
        log_n: logarithm of the number n > 1 of training points.
        gamma: in (0, 1].
    """
    return 3 / 8 * (math.log(log_n) - math.log(gamma) - log_n)


def log_ball_volume(parameters: int) -> float:
    """log alpha_d of alpha_d = pi^(d/2) / Gamma(d/2 + 1), the volume of the unit ball."""
    half = parameters / 2
    return half * math.log(math.pi) - math.lgamma(half + 1)


def log_covering_constant(parameters: int, lipschitz: float) -> float:
    """log C_d of C_d = c_d d^(3d/2) (3 + 5 sqrt(d) L)^(3d/2), c_d = alpha_d (5/4)^d d^(d/2).

    Args:
        parameters: d >= 1.
        lipschitz: L >= 0, of the normalised Fisher matrix as a field over the unit cube.
    """
    log_d = math.log(parameters)
    log_five_root_d_l = math.log(5) + log_d / 2 + _log(lipschitz)
    log_c = log_ball_volume(parameters) + parameters * (math.log(5 / 4) + log_d / 2)
    slope = float(np.logaddexp(math.log(3), log_five_root_d_l))
    return log_c + 3 / 2 * parameters * (log_d + slope)


def log_covering_number(
    log_eps: np.ndarray, two_sed: np.ndarray, parameters: int, lipschitz: float
) -> np.ndarray:
    """log of C_d eps^(-d_zeta(eps)), never below the number of Fisher balls needed   (Lemma B.2)

    Args:
        log_eps: (...) logarithms of the balls' radii.
        two_sed: (...) d_zeta(eps), zeta >= 2/3.
        parameters, lipschitz: as for `log_covering_constant`.
    """
    return log_covering_constant(parameters, lipschitz) - two_sed * log_eps


def log_cube_number(log_eps: np.ndarray, parameters: int, eigenvalue: float) -> np.ndarray:
    """log of (1 + sqrt(d mu) / (2 eps))^d, the cover that needs no theorem.

    Equal cubes of side 2 eps / sqrt(d mu) have a half diagonal of eps / sqrt(mu), so each lies in
    the Fisher ball about its centre wherever no eigenvalue is above mu; and the unit cube is the
    union of at most so many of them.

    Args:
        log_eps: (...).
        parameters: d.
        eigenvalue: mu >= 0; NaN, if it is not known, makes the answer NaN.
    """
    per_side = (math.log(parameters) + _log(eigenvalue)) / 2 - math.log(2) - log_eps
    with np.errstate(invalid="ignore"):  # NaN is an answer here
        return parameters * np.logaddexp(0.0, per_side)


def log_probability(
    log_n: float, gamma: float, k: float, two_sed: float, parameters: int, lipschitz: float
) -> float:
    """log of H eps_n^(-d_zeta(eps_n)) n^(-K/gamma), H = 4 C_d   (Theorem 5.1)

    Args:
        log_n, gamma: as for `log_radius`.
        k: K > 0 of the theorem, not the number of draws.
        two_sed: d_zeta(eps_n), zeta >= 2/3.
        parameters, lipschitz: as for `log_covering_constant`.
    """
    log_eps = log_radius(log_n, gamma)
    return (
        math.log(4)
        + log_covering_constant(parameters, lipschitz)
        - two_sed * log_eps
        - k / gamma * log_n
    )


def smallest_k(
    log_n: float, gamma: float, two_sed: float, parameters: int, lipschitz: float
) -> float:
    """The K at which the bound of Theorem 5.1 is 1; it is below 1 for a larger K alone.

    Args:
        as for `log_probability`.
    """
    rest = log_probability(log_n, gamma, 0.0, two_sed, parameters, lipschitz)
    return gamma * rest / log_n


def gamma_0(k: float, parameters: int, eigenvalue: float) -> float:
    """8 K / (3 d (1 + log(1 + sqrt(mu)))): for a smaller gamma the bound vanishes as n grows.

    It is enough, not needed. By (11), eps^(-d_zeta(eps)) <= eps^(-d) (1 + sqrt(mu))^d, whose second
    factor does not depend on n, so any gamma below 8 K / (3 d) will do.

    Args:
        k: K of the theorem.
        parameters: d.
        eigenvalue: mu, the largest eigenvalue of the normalised Fisher matrix.
    """
    return 8 * k / (3 * parameters * (1 + math.log1p(math.sqrt(eigenvalue))))


def _log(value: float) -> float:
    """The logarithm, which of 0 is minus infinity."""
    return math.log(value) if value else -math.inf
