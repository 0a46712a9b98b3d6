"""Log-determinants of the blocks: where eps and zeta enter (docs/concepts/measure.md, section 4).

    logdet_j(theta) = sum_{i in block j} log(1 + a sqrt(lam_i)),   a = eps^(zeta - 1),

with lam_i the eigenvalues of Fhat = F d / E[tr F].
"""

from __future__ import annotations

from dataclasses import dataclass

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
    are missing; 0 where the spectrum is exact, NaN where one sample says nothing of it."""
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
            scaled = amplitude * block.roots
            terms = block.sums(np.log1p(scaled))
            values[e, :, j] = terms.sum(axis=1)
            variances[e, :, j] = _sampling_variance(block, terms)
            if block.coarse is not None:
                coarse = block.coarse.sums(np.log1p(amplitude * block.coarse.roots)).sum(axis=1)
                variances[e, :, j] += (values[e, :, j] - coarse) ** 2
            scaled /= 1 + scaled
            slopes[e, :, j] = block.sums(scaled).sum(axis=1) / 2
    return LogDets(values, slopes, variances, spectra.traces, spectra.parameters)


def _sampling_variance(block: BlockSpectrum, terms: np.ndarray) -> np.ndarray:
    """(K,) variance of the sum of the terms (K, groups), if the groups are a random sample.

    Widened by Student's t, so that two standard errors hold the exact value in 95% of cases however
    few the groups are."""
    groups = terms.shape[1]
    if not block.sampling:
        return np.zeros(len(terms))
    if groups == 1:
        return np.full(len(terms), np.nan)
    from scipy import special  # a tenth of a second, and exact spectra do not need it

    widening = (special.stdtrit(groups - 1, 0.975) / special.ndtri(0.975)) ** 2
    return widening * block.sampling * groups * terms.var(axis=1, ddof=1)
