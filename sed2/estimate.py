"""The recipe: from a model's spec and its data to its result, one readable function."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from sed2.chain import build_chain
from sed2.data.load import Dataset, choose_inputs
from sed2.diagnostics import find_warnings
from sed2.fisher.sample import sample_spectra
from sed2.intervals import Weighting, with_errors
from sed2.logdet import log_determinants
from sed2.measure import lower_two_sed_terms, two_sed, upper_bound
from sed2.montecarlo import effective_sample_size, tilted_weights
from sed2.provenance import provenance
from sed2.resources import make_plan
from sed2.results import BlockShare, ModelResult
from sed2.settings import Settings
from sed2.spec.schema import ModelSpec, data_check
from sed2.uncertainty import Jackknife, bootstrap_draws, sampling_errors


def estimate(
    model: ModelSpec,
    dataset: Dataset,
    settings: Settings,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ModelResult:
    """2sED and lower 2sED of one model.

    Args:
        model: the architecture.
        dataset: the inputs are chosen from its rows.
        settings: all that determines the numbers.
        progress: called with the number of work items done and their total.

    Raises:
        SpecError: the model does not fit the data.
        ResourceError: the work would not fit in memory.
        NumericsError: a spectrum is not finite.
    """
    data_check(model, dataset.x)
    chain = build_chain(
        model.blocks, dataset.input_shape, end_to_end=settings.chain == "end-to-end"
    )
    inputs = choose_inputs(dataset, settings.samples, settings.seed)
    jackknife = Jackknife.plan(settings.draws, len(inputs), dataset.rows, settings.input_groups)
    plan = make_plan(chain, settings.draws + jackknife.extra, len(inputs), settings)
    draws, weights = jackknife.items(settings.draws, len(inputs))
    sampled = sample_spectra(chain, inputs, draws, weights, settings, plan, progress)
    spectra, left_out = sampled[: settings.draws], sampled[settings.draws :]

    # From here on every eps is free. eps_n joins the grid for the score.
    grid = np.asarray(settings.eps)
    eps = grid if settings.eps_n is None else np.append(grid, settings.eps_n)
    zeta, d, on_grid = settings.zeta, chain.parameters, slice(len(grid))
    logdets = log_determinants(spectra, eps, zeta)
    shares = lower_two_sed_terms(logdets.values, eps)
    two = two_sed(logdets.values, eps, zeta, d)
    lower = zeta * d + shares.sum(axis=-1)
    score_weights = _score_weights(eps, settings)

    # Effective sample sizes of the weights exp(sum_{i<=j} logdet_i): the last is 2sED's, the
    # others are those of lower 2sED (of its first term, where there is one block only).
    weight_logs = np.cumsum(logdets.values, axis=-1)
    sizes = effective_sample_size(tilted_weights(weight_logs, axis=1), axis=1)
    spreads = weight_logs.std(axis=1)
    two_size = sizes[:, -1]
    of_lower = slice(max(1, len(chain.blocks) - 1))
    lower_size = sizes[:, of_lower].min(axis=1)

    stream = chain.blocks[-1].stream
    rng = np.random.Generator(np.random.Philox([settings.seed, stream]))
    two_replicates, lower_replicates = bootstrap_draws(logdets, eps, zeta, rng)
    functionals = np.vstack([np.eye(len(eps))[on_grid], score_weights])
    input_variance = jackknife.variance(
        log_determinants(left_out, eps, zeta, spectra.scale),
        spectra.traces[: jackknife.draws],
        functionals / np.abs(np.log(eps)),
    )
    two_spectra, lower_spectra = sampling_errors(logdets, eps)
    two_weighting = Weighting(two_size, spreads[:, -1], settings.draws)
    lower_weighting = Weighting(lower_size, spreads[:, of_lower].max(axis=1), settings.draws)
    two_curve, two_score, _ = with_errors(
        functionals, two, two_replicates, input_variance, two_spectra, two_weighting, stream
    )
    lower_curve, lower_score, replicates = with_errors(
        functionals, lower, lower_replicates, input_variance, lower_spectra, lower_weighting, stream
    )
    eigenvalue = spectra.max_eigenvalue if spectra.is_exact else math.nan
    return ModelResult(
        name=model.name,
        parameters=d,
        left_out=chain.left_out,
        blocks=tuple(
            BlockShare(block.name, block.parameters, int(block.ranks.max()), share[on_grid])
            for block, share in zip(spectra.blocks, shares.T, strict=True)
        ),
        settings=settings,
        inputs=len(inputs),
        eps=grid,
        two_sed=two_curve,
        lower_two_sed=lower_curve,
        effective_sample_size=two_size[on_grid],
        lower_effective_sample_size=lower_size[on_grid],
        upper_bound=upper_bound(grid, zeta, d, spectra.max_rank, eigenvalue),
        max_rank=spectra.max_rank,
        max_eigenvalue=eigenvalue,
        score=lower_score,
        two_sed_score=two_score,
        replicates=replicates,
        plan=plan.blocks,
        warnings=find_warnings(
            spectra,
            grid,
            two_weighting,
            {"2sED": two_curve.lower_estimate, "lower 2sED": lower_curve.lower_estimate},
            settings,
        ),
        provenance=provenance(model, dataset.sha256),
    )


def _score_weights(eps: np.ndarray, settings: Settings) -> np.ndarray:
    """(E,) weights of the curve in the score: all on eps_n, or the mean in log eps (trapezoids)."""
    weights = np.zeros(len(eps))
    if settings.eps_n is not None or len(eps) == 1:
        weights[-1] = 1
    else:
        widths = np.diff(np.log(eps))
        weights[:-1] += widths / 2
        weights[1:] += widths / 2
        weights /= widths.sum()
    return weights
