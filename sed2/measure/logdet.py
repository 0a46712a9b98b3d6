"""Log-determinants of the blocks: where eps and zeta enter (docs/concepts/measure.md, section 4).

    logdet_j(theta) = sum_{i in block j} log(1 + a sqrt(lam_i)),   a = eps^(zeta - 1),

with lam_i the eigenvalues of Fhat = F d / E[tr F].
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from sed2.measure.spectra import BlockSpectrum, Spectra


@dataclass(frozen=True)
class LogDets:
    """Log-determinants of L blocks for K draws at E covering radii."""

    values: np.ndarray
    """(E, K, L)."""
    slopes: np.ndarray
    """(E, K, L): derivative by the logarithm of the normaliser,
    sum_i a sqrt(lam_i) / (2 (1 + a sqrt(lam_i))), which carries its error."""
    variances: np.ndarray
    """(E, K, L) of each value, from the sampling of units or probes and from Lanczos steps that
    are missing; 0 where the spectrum is exact, NaN where one unit says nothing of it."""
    traces: np.ndarray
    """(K,) tr F before normalisation."""
    parameters: int
    """d."""


def log_determinants(
    spectra: Spectra, eps: np.ndarray, zeta: float, scale: float | None = None
) -> LogDets:
    """logdet_j(theta_k) for every eps.

    Args:
        spectra: the Fisher spectra of K draws.
        eps: (E,) covering radii in (0, 1).
        zeta: meso-scale exponent in [0, 1).
        scale: the normaliser, by default the spectra's own.
    """
    root_scale = np.sqrt(spectra.scale if scale is None else scale)
    amplitudes = np.asarray(eps, float) ** (zeta - 1) * root_scale
    values = np.empty((len(amplitudes), spectra.draws, len(spectra.blocks)))
    slopes, variances = np.empty_like(values), np.zeros_like(values)
    for j, block in enumerate(spectra.blocks):
        for e, amplitude in enumerate(amplitudes):
            values[e, :, j], off = block.total(partial(_log, amplitude))
            variances[e, :, j] = off**2
            if block.sampling:
                variances[e, :, j] += _sampling_variance(block, _log(amplitude, block.roots))
            slopes[e, :, j] = block.total(partial(_slope, amplitude))[0]
    return LogDets(values, slopes, variances, spectra.traces, spectra.parameters)


def _log(amplitude: float, roots: np.ndarray) -> np.ndarray:
    return np.log1p(amplitude * roots)


def _slope(amplitude: float, roots: np.ndarray) -> np.ndarray:
    """By the logarithm of the normaliser, the square of the amplitude."""
    scaled = amplitude * roots
    return scaled / (2 * (1 + scaled))


def _sampling_variance(block: BlockSpectrum, logs: np.ndarray) -> np.ndarray:
    """(K,) variance of the sum, whose groups are a random sample.

    Widened by Student's t, so that two standard errors hold the exact value in 95% of cases however
    few the groups are. Of a single probe z of independent signs the variance is at most
    2 tr f(F)^2 (Hutchinson), which it tells itself.

    Args:
        logs: (K, groups, r) the summands f of the roots.
    """
    groups = logs.shape[1]
    if groups == 1 and block.below is None:
        return np.full(len(logs), np.nan)
    if groups == 1:
        return 2 * block.sums(logs**2).sum(axis=1)
    from scipy import special  # a tenth of a second, and exact spectra do not need it

    widening = (special.stdtrit(groups - 1, 0.975) / special.ndtri(0.975)) ** 2
    return widening * block.sampling * groups * block.sums(logs).var(axis=1, ddof=1)
