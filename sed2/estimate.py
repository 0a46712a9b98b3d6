"""The recipe: from a model's spec and its data to its result, one readable function."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from sed2.chain import build_chain
from sed2.data.load import Dataset, choose_inputs
from sed2.diagnostics import find_warnings
from sed2.fisher.sample import sample_spectra
from sed2.logdet import log_determinants
from sed2.measure import lower_two_sed_terms, trace_bracket, two_sed, upper_bound
from sed2.montecarlo import effective_sample_size, tilted_weights
from sed2.provenance import provenance
from sed2.resources import make_plan
from sed2.results import BlockShare, Curve, ModelResult, Score
from sed2.settings import Settings
from sed2.spec.schema import ModelSpec, data_check
from sed2.spectra import Spectra
from sed2.uncertainty import (
    MIN_EFFECTIVE_SAMPLE_SIZE,
    Jackknife,
    bootstrap_draws,
    sampling_errors,
    spread,
)


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
    two_size, lower_size = sizes[:, -1], sizes[:, : max(1, len(chain.blocks) - 1)].min(axis=1)

    rng = np.random.Generator(np.random.Philox([settings.seed, chain.blocks[-1].stream]))
    two_replicates, lower_replicates = bootstrap_draws(logdets, eps, zeta, rng)
    functionals = np.vstack([np.eye(len(eps)), score_weights]) / np.abs(np.log(eps))
    input_variance = jackknife.variance(
        log_determinants(left_out, eps, zeta, spectra.scale),
        spectra.traces[: jackknife.draws],
        functionals,
    )
    two_inputs = input_variance.std_error(np.append(two_size, two_size.min()))
    lower_inputs = input_variance.std_error(np.append(lower_size, lower_size.min()))
    two_draws = np.where(two_size < MIN_EFFECTIVE_SAMPLE_SIZE, np.nan, spread(two_replicates))
    two_score_draws = float(spread(two_replicates @ score_weights))
    two_spectra, lower_spectra = sampling_errors(logdets, eps)
    eigenvalue = spectra.max_eigenvalue if spectra.is_exact else math.nan
    if (two_size[score_weights > 0] < MIN_EFFECTIVE_SAMPLE_SIZE).any():
        two_score_draws = math.nan
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
        two_sed=Curve(*(a[on_grid] for a in (two, two_draws, two_inputs, two_spectra))),
        lower_two_sed=Curve(
            *(a[on_grid] for a in (lower, spread(lower_replicates), lower_inputs, lower_spectra))
        ),
        effective_sample_size=two_size[on_grid],
        lower_effective_sample_size=lower_size[on_grid],
        upper_bound=upper_bound(grid, zeta, d, spectra.max_rank, eigenvalue),
        upper_bracket=_bracket(spectra, grid, zeta, by_block=True),
        trace_bracket=_bracket(spectra, grid, zeta, by_block=False),
        max_rank=spectra.max_rank,
        max_eigenvalue=eigenvalue,
        score=Score(
            float(lower @ score_weights),
            float(spread(lower_replicates @ score_weights)),
            float(lower_inputs[-1]),
            float(lower_spectra @ score_weights),  # at one eps as at all others
        ),
        two_sed_score=Score(
            float(two @ score_weights),
            two_score_draws,
            float(two_inputs[-1]),
            float(two_spectra @ score_weights),
        ),
        plan=plan.blocks,
        warnings=find_warnings(chain, spectra, len(inputs), grid, two_size[on_grid], settings),
        provenance=provenance(model, dataset.sha256),
    )


def _bracket(spectra: Spectra, eps: np.ndarray, zeta: float, *, by_block: bool) -> np.ndarray:
    """(E,) what 2sED is at most by the traces; NaN if they are estimates themselves."""
    d = spectra.parameters
    if not spectra.is_exact:
        return np.full(len(eps), np.nan)
    traces = spectra.scale * np.stack([block.traces for block in spectra.blocks], axis=1)
    if not by_block:
        return trace_bracket(traces.sum(axis=1, keepdims=True), np.array(d), eps, zeta, d)
    ranks = np.stack([block.ranks for block in spectra.blocks], axis=1)
    return trace_bracket(traces, ranks, eps, zeta, d)


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
