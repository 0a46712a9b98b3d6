"""Log-determinants of the blocks: where eps and zeta enter (measure.md, section 4).

    logdet_j(theta) = sum_{i in block j} log(1 + a sqrt(lam_i)),   a = eps^(zeta - 1),

with lam_i the eigenvalues of Fhat = F d / E[tr F].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sed2.spectra import Spectra


@dataclass(frozen=True)
class LogDets:
    """Log-determinants of L blocks for K draws at E covering radii."""

    values: np.ndarray
    """(E, K, L)."""
    slopes: np.ndarray
    """(E, K, L): derivative by the logarithm of the normaliser,
    sum_i a sqrt(lam_i) / (2 (1 + a sqrt(lam_i))), which carries its error."""
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
    slopes = np.empty_like(values)
    for j, block in enumerate(spectra.blocks):
        for e, amplitude in enumerate(amplitudes):
            scaled = amplitude * block.roots
            values[e, :, j] = block.multiplicity * np.log1p(scaled).sum(axis=(1, 2))
            scaled /= 1 + scaled
            slopes[e, :, j] = block.multiplicity * scaled.sum(axis=(1, 2)) / 2
    return LogDets(values, slopes, spectra.traces, spectra.parameters)
