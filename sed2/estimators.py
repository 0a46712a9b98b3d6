"""What estimates 2sED from a model and its inputs: a strategy, plain Monte Carlo or another one.

All strategies are handed the same K draws from the parameter measure, whose mean trace is the
normaliser, and return the same `Estimates`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sed2.chain import Chain
from sed2.diagnostics import few_draws
from sed2.logdet import log_determinants
from sed2.measure import lower_two_sed_terms, two_sed
from sed2.montecarlo import effective_sample_size, tilted_weights
from sed2.resources import Plan
from sed2.results import SmcReport
from sed2.settings import Settings
from sed2.spectra import Spectra
from sed2.uncertainty import (
    MIN_EFFECTIVE_SAMPLE_SIZE,
    Jackknife,
    bootstrap_draws,
    sampling_errors,
    spread,
)


@dataclass(frozen=True)
class Problem:
    """All that a strategy may need."""

    chain: Chain
    inputs: np.ndarray
    """(N, *input_shape)."""
    settings: Settings
    plan: Plan
    spectra: Spectra
    """Of K draws from the parameter measure."""
    left_out: Spectra
    """Of the jackknife's items."""
    jackknife: Jackknife
    eps: np.ndarray
    """(E,) the grid, and eps_n if there is one."""
    score_weights: np.ndarray
    """(E,) of the curve in the score."""
    progress: Callable[[int, int], None]

    @property
    def functionals(self) -> np.ndarray:
        """(F, E) of a curve: its values and, last, the score."""
        return np.vstack([np.eye(len(self.eps)), self.score_weights])


@dataclass(frozen=True)
class Quantity:
    """A curve and, last, its score, with standard errors by source. All arrays (E + 1,)."""

    estimate: np.ndarray
    draws: np.ndarray
    inputs: np.ndarray
    spectra: np.ndarray


@dataclass(frozen=True)
class Estimates:
    """What a strategy returns, in dimensions."""

    two: Quantity
    lower: Quantity
    shares: np.ndarray
    """(E, L) the share of each block in lower 2sED."""
    two_size: np.ndarray
    """(E,) effective sample size in 2sED."""
    lower_size: np.ndarray
    """(E,) the smallest in lower 2sED."""
    warnings: tuple[str, ...] = ()
    smc: SmcReport | None = None


def plain(problem: Problem) -> Estimates:
    """Plain Monte Carlo over the K draws: log-mean-exp, and self-normalised weights for Phi_m."""
    eps, zeta, spectra = problem.eps, problem.settings.zeta, problem.spectra
    d, functionals = problem.chain.parameters, problem.functionals
    logdets = log_determinants(spectra, eps, zeta)
    shares = lower_two_sed_terms(logdets.values, eps)
    two = two_sed(logdets.values, eps, zeta, d)
    lower = zeta * d + shares.sum(axis=-1)

    # Effective sample sizes of the weights exp(sum_{i<=j} logdet_i): the last is 2sED's, the
    # others are those of lower 2sED (of its first term, where there is one block only).
    weight_logs = np.cumsum(logdets.values, axis=-1)
    sizes = effective_sample_size(tilted_weights(weight_logs, axis=1), axis=1)
    two_size, lower_size = sizes[:, -1], sizes[:, : max(1, len(spectra.blocks) - 1)].min(axis=1)

    stream = problem.chain.blocks[-1].stream
    rng = np.random.Generator(np.random.Philox([problem.settings.seed, stream]))
    two_draws, lower_draws = (
        spread(replicates @ functionals.T)
        for replicates in bootstrap_draws(logdets, eps, zeta, rng)
    )
    few = two_size < MIN_EFFECTIVE_SAMPLE_SIZE
    two_draws[(functionals[:, few] > 0).any(axis=1)] = np.nan
    two_inputs, lower_inputs = (
        input_errors(problem, np.append(size, size.min())) for size in (two_size, lower_size)
    )
    two_spectra, lower_spectra = (
        # The sampled units or probes are the same at one eps as at all others.
        np.append(errors, errors @ problem.score_weights)
        for errors in sampling_errors(logdets, eps)
    )
    return Estimates(
        two=Quantity(functionals @ two, two_draws, two_inputs, two_spectra),
        lower=Quantity(functionals @ lower, lower_draws, lower_inputs, lower_spectra),
        shares=shares,
        two_size=two_size,
        lower_size=lower_size,
        warnings=few_draws(spectra, eps[: len(problem.settings.eps)], two_size),
    )


def input_errors(problem: Problem, effective_draws: np.ndarray) -> np.ndarray:
    """(E + 1,) standard errors from the choice of inputs, by the jackknife over groups of them."""
    functionals = problem.functionals / np.abs(np.log(problem.eps))
    variance = problem.jackknife.variance(
        log_determinants(
            problem.left_out, problem.eps, problem.settings.zeta, problem.spectra.scale
        ),
        problem.spectra.traces[: problem.jackknife.draws],
        functionals,
    )
    return variance.std_error(effective_draws)
