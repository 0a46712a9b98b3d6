"""2sED and lower 2sED by sequential Monte Carlo over a grid of eps.

Lower 2sED is a Feynman-Kac flow (docs/concepts/measure.md, section 4): Phi_1 is the parameter
measure, and Phi_{m+1}, proportional to Phi_m exp(logdet_m), is Phi_m tilted by one more block.
With Z_m the normaliser that stage m adds,

    log E_theta[exp(sum_j logdet_j)] = sum_m log Z_m   (4)
    D_1 - zeta d = c log Z_1,   D_m - D_{m-1} = c E_{Phi_m}[logdet_m]   (10)

so one run yields both. At the largest eps stage m tempers from Phi_m to Phi_{m+1}; from each eps to
the next, the particles of every Phi_{m+1} go on from the old tilt to the new one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sed2.estimators.problem import Estimates, Problem
from sed2.estimators.smc.particles import ParticleChain
from sed2.estimators.smc.tempering import CORRELATION, Cloud, Health, Reservoir, Tilt
from sed2.measure.intervals import Deviations, Weighting, with_errors
from sed2.measure.montecarlo import log_mean_exp, tilted_weights
from sed2.results import SmcReport

MAX_SPREAD = 2.0
"""Nats between islands (standard deviation of log Z) above which the bias of log Z is told."""


@dataclass(frozen=True)
class LeftOut:
    """Groups of inputs that are left out in turn, for the error from the choice of the inputs."""

    weights: np.ndarray
    """(G, N) square roots of the weights of the inputs."""
    scales: np.ndarray
    """(G,) factor on sqrt(lambda) by which the normaliser d / E[tr F] changes."""


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
    left_out: np.ndarray
    """(E, R, G, 2) by how much the first, and the sum of the terms, change without each group of
    inputs."""
    health: tuple[Health, ...]
    """(E,)."""


def run_flow(
    chain: ParticleChain,
    amplitudes: np.ndarray,
    islands: int,
    particles: int,
    max_moves: int,
    rng: np.random.Generator,
    left_out: LeftOut,
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
        left_out: groups of inputs.
        progress: called with the share of the work that is done, by stages.
    """
    blocks, count = len(chain.splits), islands * particles
    stages, health = len(amplitudes) * blocks, []
    clouds: list[Cloud] = []
    log_z = np.zeros((len(amplitudes), islands, blocks))
    terms = np.zeros_like(log_z)
    slopes = np.zeros((len(amplitudes), 2))
    without = np.zeros((len(amplitudes), islands, len(left_out.scales), 2))
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
            if m:
                clouds[m].reservoir = Reservoir.of(clouds[0], tilt)
            gained, went = clouds[m].temper(start, [tilt] * (m + 1))
            log_z[e, :, m] = gained + (log_z[e - 1, :, m] if e else 0.0)
            health_here.join(went)
            progress((e * blocks + m + 1) / stages)
        terms[e], slopes[e], without[e] = _lower(clouds, tilt, log_z[e, :, 0], left_out)
        health.append(health_here)
    # At the largest eps stage m found Z_m; later on, cloud m follows Z_1 ... Z_m as a whole.
    log_z[:] += np.cumsum(log_z[0], axis=1) - log_z[0]
    return Flow(log_z[..., -1], terms, slopes[:, 0], slopes[:, 1], without, tuple(health))


def _lower(
    clouds: list[Cloud], tilt: Tilt, first: np.ndarray, left_out: LeftOut
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(R, L) terms; the slopes of 2sED and lower 2sED, before the factor c; and (R, G, 2) by how
    much the two change without each group of inputs."""
    terms = [first]
    two_slope = clouds[-1].slopes(tilt).sum(axis=1).mean()
    lower_slope = clouds[0].slopes(tilt).sum(axis=1).mean()
    two_change = log_mean_exp(_changes(clouds[-1], tilt, left_out).sum(axis=-1), axis=1)
    lower_change = two_change  # of one block
    for m, cloud in enumerate(clouds[:-1]):
        ahead = cloud.copy()
        ahead.extend(len(ahead.blocks[0].normals))
        values, slopes = ahead.values(tilt)[:, -1], ahead.slopes(tilt)
        by_island = values.reshape(cloud.islands, -1)
        terms.append(by_island.mean(axis=1))
        tilted = np.cov(values, slopes[:, :-1].sum(axis=1), ddof=0)[0, 1]
        lower_slope += slopes[:, -1].mean() + tilted
        changes = _changes(ahead, tilt, left_out)
        if m == 0:
            lower_change = log_mean_exp(changes[..., 0], axis=1)
        # Without the group the particles follow another tilt of the blocks before.
        weights = tilted_weights(changes[..., :-1].sum(axis=-1), axis=1)
        means = (weights * (by_island[..., None] + changes[..., -1])).sum(axis=1)
        lower_change = lower_change + means - terms[-1][:, None]
    return (
        np.stack(terms, axis=1),
        np.array([two_slope, lower_slope]),
        np.stack([two_change, lower_change], axis=-1),
    )


def _changes(cloud: Cloud, tilt: Tilt, left_out: LeftOut) -> np.ndarray:
    """(R, P, G, m) by how much the log-determinants change without each group of inputs."""
    values = cloud.values(tilt)
    changes = np.empty((len(values), len(left_out.scales), values.shape[1]))
    for g, (weights, scale) in enumerate(zip(left_out.weights, left_out.scales, strict=True)):
        changes[:, g] = cloud.values(tilt.scaled(scale), weights) - values
    return changes.reshape(cloud.islands, len(values) // cloud.islands, *changes.shape[1:])


def sequential(problem: Problem) -> Estimates:
    """Sequential Monte Carlo, on the same inputs and under the same normaliser as `plain`.

    Islands are averaged in the logarithm, so that their spread is the error of what is reported;
    the bias of a log Z, downwards, is half the variance between islands, in nats. The normaliser's
    own error, over the K draws, is added to first order.

    Raises:
        UsageError: the particles of this model cannot be moved; see `ParticleChain`.
        NumericsError: a spectrum is not finite.
    """
    settings, d = problem.settings, problem.chain.parameters
    chain = ParticleChain(problem.chain, problem.inputs, settings, problem.plan)
    order = np.argsort(-problem.eps, kind="stable")
    amplitudes = problem.eps[order] ** (settings.zeta - 1) * np.sqrt(problem.spectra.scale)
    rng = np.random.Generator(np.random.Philox([settings.seed, problem.stream, 1]))

    def report(share: float) -> None:
        problem.progress(round(1000 * share), 1000)

    jackknife, traces = problem.jackknife, problem.spectra.traces
    left_out = LeftOut(
        jackknife.weights(len(problem.inputs)),
        jackknife.trace_ratios(problem.left_out.traces, traces) ** -0.5,
    )
    islands, particles = settings.islands, settings.particles
    flow = run_flow(chain, amplitudes, islands, particles, settings.moves, rng, left_out, report)
    back, per_log_eps = np.argsort(order), 1 / np.abs(np.log(problem.eps))
    nats = flow.log_normalisers[back], flow.terms[back]
    two = settings.zeta * d + nats[0] * per_log_eps[:, None]
    shares = nats[1] * per_log_eps[:, None, None]
    lower = settings.zeta * d + shares.sum(axis=2)
    health = [flow.health[e] for e in back]
    sizes = np.array([h.ess_share for h in health]) * islands * particles
    # The particles are spread over the tilted measure: no few of them carry it.
    weighting = Weighting(sizes, np.zeros(len(sizes)), islands * particles)
    without = np.einsum("fe,ergm->mrgf", problem.functionals * per_log_eps, flow.left_out[back])
    of_two, of_lower = (
        with_errors(
            problem.functionals,
            values.mean(axis=1),
            _deviations(problem, values, slopes[back] * per_log_eps, log_z, per_log_eps),
            jackknife.of_replicates(replicates),
            np.zeros(len(values)),
            weighting,
            problem.stream,
        )
        for values, slopes, log_z, replicates in (
            (two, flow.two_slopes, nats[0], without[0]),
            (lower, flow.lower_slopes, nats[1][..., 0], without[1]),
        )
    )
    return Estimates(
        two=of_two,
        lower=of_lower,
        shares=shares.mean(axis=1),
        two_size=sizes,
        lower_size=sizes,
        warnings=_warnings(problem, health, two),
        smc=SmcReport(
            temperatures=np.array([h.temperatures for h in health]),
            moves=np.array([h.moves for h in health]),
            acceptance=np.array([h.acceptance for h in health]),
            correlation=np.array([h.correlation for h in health]),
            ess_share=np.array([h.ess_share for h in health]),
            island_spread=lower.std(axis=1, ddof=1),
        ),
    )


def _deviations(
    problem: Problem,
    islands: np.ndarray,
    slopes: np.ndarray,
    log_z: np.ndarray,
    per_log_eps: np.ndarray,
) -> Deviations:
    """Of the mean of the islands.

    Args:
        islands: (E, R) curves.
        slopes: (E,) of them by log(d / E[tr F]), which is known from the K draws.
        log_z: (E, R) the log-normalisers in them, whose mean is low by half their variance.
        per_log_eps: (E,) dimensions per nat.
    """
    count, traces = islands.shape[1], problem.spectra.traces
    own = (islands - islands.mean(axis=1, keepdims=True)) / np.sqrt(count * (count - 1))
    mean = traces.mean()
    of_log = traces.std(ddof=1) / np.sqrt(len(traces)) / mean if mean and len(traces) > 1 else 0.0
    bias = log_z.var(axis=1, ddof=1) / 2 * per_log_eps
    return Deviations(np.vstack([own.T, slopes * of_log]), count - 1, bias)


def _warnings(problem: Problem, health: list[Health], two: np.ndarray) -> tuple[str, ...]:
    """What was wrong with the particles, in plain words."""
    found = []
    left = np.array([each.correlation for each in health])
    worst = int(np.argmax(left))
    if left[worst] > CORRELATION:
        found.append(
            f"the particles of smc did not mix within {problem.settings.moves} moves at eps "
            f"{problem.eps[worst]:.3g}: log-determinants are still correlated by "
            f"{left[worst]:.2f} (at most {CORRELATION} is wanted) with those before the moves, "
            "and the value may be off by more than its error; raise --moves or --particles"
        )
    nats = two.std(axis=1, ddof=1) * np.abs(np.log(problem.eps))
    worst = int(np.argmax(nats))
    if nats[worst] > MAX_SPREAD:
        found.append(
            f"the islands of smc disagree on 2sED by {two.std(axis=1, ddof=1)[worst]:.1f} "
            f"(standard deviation) at eps {problem.eps[worst]:.3g}: it is estimated from below "
            f"by about {nats[worst] * two.std(axis=1, ddof=1)[worst] / 2:.1f}; raise --particles"
        )
    return tuple(found)
