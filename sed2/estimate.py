"""The recipe: from a model's spec and its data to its result, one readable function."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from sed2.chain import build_chain
from sed2.data.load import Dataset, choose_inputs
from sed2.estimators.diagnostics import find_warnings
from sed2.estimators.plain import plain
from sed2.estimators.problem import Problem
from sed2.estimators.smc.sequential import sequential
from sed2.fisher.pieces import UNKEPT, Pieces
from sed2.fisher.plan import make_plan
from sed2.fisher.prefixes import ALONE, Prefixes
from sed2.fisher.sample import sample_spectra
from sed2.measure.spectra import Spectra
from sed2.measure.two_sed import trace_bracket, upper_bound
from sed2.measure.uncertainty import Jackknife
from sed2.provenance import provenance
from sed2.results import BlockShare, ModelResult
from sed2.settings import Settings
from sed2.spec.schema import ModelSpec, data_check


def estimate(
    model: ModelSpec,
    dataset: Dataset,
    settings: Settings,
    progress: Callable[[int, int], None] = lambda done, total: None,
    pieces: Pieces = UNKEPT,
    prefixes: Prefixes = ALONE,
) -> ModelResult:
    """2sED and lower 2sED of one model.

    Args:
        model: the architecture.
        dataset: the inputs are chosen from its rows.
        settings: all that determines the numbers.
        progress: called with the number of work items done and their total.
        pieces: where finished pieces of the work are kept, if they are.
        prefixes: what is shared with other models, if anything is.

    Raises:
        SpecError: the model does not fit the data.
        ResourceError: the work would not fit in memory.
        UsageError: the estimator cannot take the model.
        NumericsError: a spectrum is not finite.
    """
    data_check(model, dataset.x)
    chain = build_chain(model.blocks, dataset.input_shape, settings.chain)
    inputs = choose_inputs(dataset, settings.samples, settings.seed)
    jackknife = Jackknife.plan(settings.draws, len(inputs), dataset.rows, settings.input_groups)
    items = settings.draws + jackknife.extra
    plan = prefixes.plan(partial(make_plan, chain, items, len(inputs), settings, pieces.work))
    plan = pieces.plan(plan, items)
    draws, weights = jackknife.items(settings.draws, len(inputs))
    sampled = sample_spectra(
        chain, inputs, draws, weights, settings, plan, progress, pieces, prefixes
    )
    spectra, left_out = sampled[: settings.draws], sampled[settings.draws :]

    # From here on every eps is free. eps_n joins the grid for the score.
    grid = np.asarray(settings.eps)
    eps, weights_of_eps = score_radii(settings)
    problem = Problem(
        chain, inputs, settings, plan, spectra, left_out, jackknife, eps, weights_of_eps, progress
    )
    found = (sequential if settings.estimator == "smc" else plain)(problem)

    d, on_grid = chain.parameters, slice(len(grid))
    eigenvalue = spectra.max_eigenvalue if spectra.is_exact else math.nan
    return ModelResult(
        name=model.name,
        parameters=d,
        left_out=chain.left_out,
        blocks=tuple(
            BlockShare(block.name, block.parameters, int(block.ranks.max()), share[on_grid])
            for block, share in zip(spectra.blocks, found.shares.T, strict=True)
        ),
        settings=settings,
        inputs=len(inputs),
        eps=grid,
        two_sed=found.two,
        lower_two_sed=found.lower,
        effective_sample_size=found.two_size[on_grid],
        lower_effective_sample_size=found.lower_size[on_grid],
        upper_bound=upper_bound(grid, settings.zeta, d, spectra.max_rank, eigenvalue),
        upper_bracket=_bracket(spectra, grid, settings, by_block=True),
        trace_bracket=_bracket(spectra, grid, settings, by_block=False),
        max_rank=spectra.max_rank,
        max_eigenvalue=eigenvalue,
        score=found.score,
        two_sed_score=found.two_score,
        replicates=found.replicates,
        plan=plan.blocks,
        warnings=(*find_warnings(chain, spectra, settings), *found.warnings),
        provenance=provenance(model, dataset.sha256),
        smc=found.smc,
    )


def _bracket(
    spectra: Spectra, eps: np.ndarray, settings: Settings, *, by_block: bool
) -> np.ndarray:
    """(E,) what 2sED with the same draws is at most by the traces; NaN if these are estimates
    themselves, and where 2sED is not that of the draws."""
    d, zeta = spectra.parameters, settings.zeta
    if not spectra.is_exact or settings.estimator == "smc":
        return np.full(len(eps), np.nan)
    traces = spectra.scale * np.stack([block.traces for block in spectra.blocks], axis=1)
    if not by_block:
        return trace_bracket(traces.sum(axis=1, keepdims=True), np.array(d), eps, zeta, d)
    ranks = np.stack([block.ranks for block in spectra.blocks], axis=1)
    return trace_bracket(traces, ranks, eps, zeta, d)


def score_radii(settings: Settings) -> tuple[np.ndarray, np.ndarray]:
    """(E,) the grid of eps, with eps_n at its end if there is one; and (E,) the weights of a curve
    over it in the score: all on eps_n, or the mean in log eps (trapezoids)."""
    grid = np.asarray(settings.eps)
    eps = grid if settings.eps_n is None else np.append(grid, settings.eps_n)
    weights = np.zeros(len(eps))
    if settings.eps_n is not None or len(eps) == 1:
        weights[-1] = 1
    else:
        widths = np.diff(np.log(eps))
        weights[:-1] += widths / 2
        weights[1:] += widths / 2
        weights /= widths.sum()
    return eps, weights
