"""2sED and lower 2sED by sequential Monte Carlo over a grid of eps.

Lower 2sED is a Feynman-Kac flow (measure.md, section 4): Phi_1 is the parameter measure, and
Phi_{m+1}, proportional to Phi_m exp(logdet_m), is Phi_m tilted by one more block. With Z_m the
normaliser that stage m adds,

    log E_theta[exp(sum_j logdet_j)] = sum_m log Z_m   (4)
    D_1 - zeta d = c log Z_1,   D_m - D_{m-1} = c E_{Phi_m}[logdet_m]   (10)

so one run yields both. At the largest eps stage m tempers from Phi_m to Phi_{m+1}; from each eps to
the next, the particles of every Phi_{m+1} go on from the old tilt to the new one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sed2.fisher.particles import ParticleChain
from sed2.tempering import Cloud, Health, Tilt


@dataclass(frozen=True)
class Flow:
    """What the islands found, at E covering radii for L blocks."""

    log_normalisers: np.ndarray
    """(E, R) log E_theta[exp(sum_j logdet_j)] of each of R islands."""
    terms: np.ndarray
    """(E, R, L): log Z_1, then E_{Phi_m}[logdet_m]."""
    two_slopes: np.ndarray
    """(E,) derivative of the first by the logarithm of the normaliser d / E[tr F]."""
    lower_slopes: np.ndarray
    """(E,) the same of the sum of the terms."""
    health: tuple[Health, ...]
    """(E,)."""


def run_flow(
    chain: ParticleChain,
    amplitudes: np.ndarray,
    islands: int,
    particles: int,
    max_moves: int,
    rng: np.random.Generator,
    progress: Callable[[float], None] = lambda share: None,
) -> Flow:
    """Run the flow along a grid.

    Args:
        chain: evaluates the blocks of particles.
        amplitudes: (E,) eps^(zeta - 1) sqrt(d / E[tr F]), ascending: eps descending.
        islands: R.
        particles: of each island.
        max_moves: at one temperature, at most.
        rng: of the islands and their moves.
        progress: called with the share of the work that is done, by stages.
    """
    blocks, count = len(chain.splits), islands * particles
    stages, health = len(amplitudes) * blocks, []
    clouds: list[Cloud] = []
    log_z = np.zeros((len(amplitudes), islands, blocks))
    terms = np.zeros_like(log_z)
    slopes = np.zeros((len(amplitudes), 2))
    for e, amplitude in enumerate(amplitudes):
        tilt, health_here = Tilt(((1.0, float(amplitude)),)), Health()
        for m in range(blocks):
            if e == 0:
                cloud = clouds[-1].copy() if clouds else Cloud(chain, islands, rng, max_moves)
                cloud.extend(count)
                clouds.append(cloud)
                start = [tilt] * m + [Tilt()]
            else:
                start = [Tilt(((1.0, float(amplitudes[e - 1])),))] * (m + 1)
            gained, went = clouds[m].temper(start, [tilt] * (m + 1))
            log_z[e, :, m] = gained + (log_z[e - 1, :, m] if e else 0.0)
            health_here.join(went)
            progress((e * blocks + m + 1) / stages)
        terms[e], slopes[e] = _lower(clouds, tilt, log_z[e, :, 0])
        health.append(health_here)
    # At the largest eps stage m found Z_m; later on, cloud m follows Z_1 ... Z_m as a whole.
    log_z[:] += np.cumsum(log_z[0], axis=1) - log_z[0]
    return Flow(log_z[..., -1], terms, *slopes.T, tuple(health))


def _lower(clouds: list[Cloud], tilt: Tilt, first: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(islands, L) terms, and the slopes of 2sED and lower 2sED, before the factor c."""
    terms = [first]
    lower_slope = clouds[0].slopes(tilt).sum(axis=1).mean()
    for cloud in clouds[:-1]:
        ahead = cloud.copy()
        ahead.extend(len(ahead.blocks[0].normals))
        values = tilt.values(ahead.blocks[-1]).sum(axis=1)
        terms.append(values.reshape(cloud.islands, -1).mean(axis=1))
        slopes = ahead.slopes(tilt)
        tilted = np.cov(values, slopes[:, :-1].sum(axis=1), ddof=0)[0, 1]
        lower_slope += slopes[:, -1].mean() + tilted
    return np.stack(terms, axis=1), np.array([clouds[-1].slopes(tilt).sum(axis=1).mean(), lower_slope])
