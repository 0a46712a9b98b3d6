"""What estimates 2sED from a model and its inputs: a strategy, plain Monte Carlo or another one.

All strategies are handed the same K draws from the parameter measure, whose mean trace is the
normaliser, and return the same `Estimates`.
"""

from __future__ import annotations

import numpy as np

from sed2.estimators.diagnostics import few_draws
from sed2.estimators.problem import Estimates, Problem
from sed2.measure.intervals import Deviations, Weighting, upper_spread, with_errors
from sed2.measure.logdet import log_determinants
from sed2.measure.montecarlo import effective_sample_size, tilted_weights
from sed2.measure.two_sed import lower_two_sed_terms, two_sed
from sed2.measure.uncertainty import bootstrap_draws, sampling_errors


def plain(problem: Problem) -> Estimates:
    """Plain Monte Carlo over the K draws: log-mean-exp, and self-normalised weights for Phi_m."""
    eps, zeta, spectra = problem.eps, problem.settings.zeta, problem.spectra
    d, blocks = problem.chain.parameters, len(problem.chain.blocks)
    logdets = log_determinants(spectra, eps, zeta)
    shares = lower_two_sed_terms(logdets.values, eps)
    two = two_sed(logdets.values, eps, zeta, d)
    lower = zeta * d + shares.sum(axis=-1)

    # Effective sample sizes and scatter of the weights exp(sum_{i<=j} logdet_i): the last are
    # 2sED's, the others are those of lower 2sED (of its first term, where there is one block only).
    weight_logs = np.cumsum(logdets.values, axis=-1)
    sizes = effective_sample_size(tilted_weights(weight_logs, axis=1), axis=1)
    spreads, earlier = upper_spread(weight_logs, axis=1), slice(max(1, blocks - 1))
    two_size, lower_size = sizes[:, -1], sizes[:, earlier].min(axis=1)
    two_weighting = Weighting(two_size, spreads[:, -1], spectra.draws)
    lower_weighting = Weighting(lower_size, spreads[:, earlier].max(axis=1), spectra.draws)

    rng = np.random.Generator(np.random.Philox([problem.settings.seed, problem.stream]))
    left_out = log_determinants(problem.left_out, eps, zeta, spectra.scale)
    functionals = problem.functionals / np.abs(np.log(eps))
    # In 2sED all log-determinants are weighted by their sum, in lower 2sED by those before.
    of_two_weights = np.broadcast_to(weight_logs[..., -1:], weight_logs.shape)
    of_lower_weights = weight_logs[..., [0, *range(blocks - 1)]]
    of_two, of_lower = (
        with_errors(
            problem.functionals,
            values,
            Deviations.of_bootstrap(values, resampled, spectra.draws),
            problem.jackknife.variance(left_out, spectra.traces, functionals, log_weights),
            of_spectra,
            weighting,
            problem.stream,
        )
        for values, resampled, of_spectra, weighting, log_weights in zip(
            (two, lower),
            bootstrap_draws(logdets, eps, zeta, rng),
            sampling_errors(logdets, eps),
            (two_weighting, lower_weighting),
            (of_two_weights, of_lower_weights),
            strict=True,
        )
    )
    return Estimates(
        two=of_two,
        lower=of_lower,
        shares=shares,
        two_size=two_size,
        lower_size=lower_size,
        warnings=few_draws(
            spectra,
            eps[: len(problem.settings.eps)],
            two_weighting,
            {"2sED": of_two.curve.lower_estimate, "lower 2sED": of_lower.curve.lower_estimate},
        ),
    )
