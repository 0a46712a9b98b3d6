"""The recipe: from a model's spec and its data to its result, in two readable steps.

`sample` is costly and knows no eps; `evaluate` makes of its spectra what is asked for.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from sed2.chain import Chain, build_chain
from sed2.common.cost import Cost
from sed2.common.progress import Report
from sed2.data.load import Dataset, choose_inputs
from sed2.estimators.diagnostics import (
    QUIETER,
    beyond_dimension,
    find_warnings,
    noise_as_capacity,
    noise_checks,
    of_both,
)
from sed2.estimators.problem import Problem
from sed2.estimators.registry import ESTIMATORS, reserved
from sed2.fisher.items import Items
from sed2.fisher.kept import UNKEPT, SpectraStore, spectra_of_series
from sed2.fisher.plan import Plan, Reserved, make_plan
from sed2.fisher.prefixes import ALONE, Prefixes
from sed2.measure.intervals import Measured
from sed2.measure.joint import geometric_mean
from sed2.measure.spectra import Spectra
from sed2.measure.two_sed import trace_bracket, upper_bound
from sed2.measure.uncertainty import Jackknife
from sed2.provenance import provenance
from sed2.results import BlockShare, Factors, ModelResult, Provenance
from sed2.settings import Settings, SpectraSettings
from sed2.spec.schema import ModelSpec, data_check


@dataclass(frozen=True)
class Sampled:
    """The Fisher spectra of one model, and where they come from."""

    name: str
    chain: Chain
    inputs: np.ndarray
    """(N, *input_shape)."""
    plan: Plan
    jackknife: Jackknife
    spectra: Spectra
    """Of the K draws."""
    left_out: Spectra
    """Of the jackknife's items."""
    quieter: Spectra
    """Of the first `noise_checks` of the draws, with less noise."""
    provenance: Provenance

    def first(self, draws: int) -> Sampled:
        """Under the first of the draws alone, where no inputs were left out."""
        checks = noise_checks(self.chain, draws)
        return replace(self, spectra=self.spectra[:draws], quieter=self.quieter[:checks])


def estimate(
    model: ModelSpec,
    dataset: Dataset,
    settings: Settings,
    progress: Report = lambda done, total: None,
    store: SpectraStore = UNKEPT,
    prefixes: Prefixes = ALONE,
) -> ModelResult:
    """2sED and lower 2sED of one model, and its score.

    Args:
        model: the architecture.
        dataset: the inputs are chosen from its rows.
        settings: all that determines the numbers.
        progress: called with the number of work items done and their total.
        store: where spectra are kept, if they are.
        prefixes: what is shared with other models, if anything is.

    Raises:
        SpecError: the model does not fit the data.
        ResourceError: the work would not fit in memory.
        UsageError: the estimator cannot take the model.
        NumericsError: a spectrum is not finite.
    """
    start = time.process_time()
    data_check(model, dataset.x)
    chains = settings.by_chain

    def of_chain(number: int, its: Settings) -> ModelResult:
        def report(done: int, total: int) -> None:
            progress(done + number * total, len(chains) * total)

        chain = build_chain(model.blocks, dataset.input_shape, its.chain)
        room = reserved(chain, min(its.samples, dataset.rows), its)
        sharing = ALONE if number else prefixes
        sampled = sample(model, chain, dataset, its, report, store, sharing, room)
        return evaluate(sampled, its, report)

    result = scored(settings, *(of_chain(*each) for each in enumerate(chains)))
    return replace(result, cost=Cost.since(start))


def sample(
    model: ModelSpec,
    chain: Chain,
    dataset: Dataset,
    settings: SpectraSettings,
    progress: Report = lambda done, total: None,
    store: SpectraStore = UNKEPT,
    prefixes: Prefixes = ALONE,
    room: Reserved = lambda ways: 0,
) -> Sampled:
    """The spectra of one model under K draws, and with inputs left out. eps is not known here.

    Args:
        model, dataset, settings, progress, store, prefixes: as for `estimate`.
        chain: of the model.
        room: what to leave of the memory, as `make_plan` takes it.

    Raises:
        as `estimate`, but for UsageError.
    """
    inputs = choose_inputs(dataset, settings.samples, settings.seed)
    jackknife = Jackknife.plan(settings.draws, len(inputs), dataset.rows, settings.input_groups)
    whole, left = jackknife.series(settings.draws, len(inputs))
    checks = noise_checks(chain, settings.draws) if settings.noise else 0
    series = (whole, left, replace(whole, count=checks, quieter=QUIETER))
    plan = prefixes.plan(
        partial(
            make_plan,
            chain,
            whole.count + left.count,
            len(inputs),
            settings,
            store.work,
            reserved=room,
            more=checks,
        )
    )
    items = Items.of_series(chain, inputs, series, settings, plan)
    spectra, left_out, quieter = spectra_of_series(items, series, progress, store, prefixes)
    return Sampled(
        name=model.name,
        chain=chain,
        inputs=inputs,
        plan=plan,
        jackknife=jackknife,
        spectra=spectra,
        left_out=left_out,
        quieter=quieter,
        provenance=provenance(model, dataset.sha256, plan.engine),
    )


def scored(settings: Settings, lower: ModelResult, whole: ModelResult | None = None) -> ModelResult:
    """The result under the score that is asked for.

    Args:
        settings: those of both results are `settings.by_chain`.
        lower: of the chain of blocks.
        whole: of the network as one block, if the score takes it.
    """
    if whole is None:
        return lower
    of_lower, of_whole = (
        Measured(each.lower_two_sed, each.score, each.replicates) for each in (lower, whole)
    )
    eps, weights = score_radii(settings)
    chosen = of_whole
    if settings.score == "joint":
        on_grid = len(eps) == len(settings.eps)
        chosen = geometric_mean(of_lower, of_whole, weights if on_grid else None)
    engine = lower.provenance.engine
    if whole.provenance.engine != engine:
        engine += f", end-to-end {whole.provenance.engine}"
    return replace(
        lower,
        settings=settings,
        provenance=replace(lower.provenance, engine=engine),
        score=chosen.score,
        replicates=chosen.replicates,
        factors=Factors(
            curve=chosen.curve,
            lower=lower.score,
            end_to_end=whole.score,
            end_to_end_curve=whole.two_sed,
            effective_sample_size=whole.effective_sample_size,
            plan=whole.plan[0],
        ),
        warnings=of_both(lower.warnings, whole.warnings),
    )


def evaluate(
    sampled: Sampled, settings: Settings, progress: Report = lambda done, total: None
) -> ModelResult:
    """2sED and lower 2sED over a grid of eps, which is free once the spectra are there.

    Args:
        sampled: under these settings, but for those that are no `SpectraSettings`.
        settings: eps_n, if there is one, joins the grid for the score.
        progress: called as an estimator goes on that has more to do.

    Raises:
        UsageError: the estimator cannot take the model.
        NumericsError: a spectrum is not finite.
    """
    chain, spectra, grid = sampled.chain, sampled.spectra, np.asarray(settings.eps)
    eps, weights_of_eps = score_radii(settings)
    problem = Problem(
        chain=chain,
        inputs=sampled.inputs,
        settings=settings,
        plan=sampled.plan,
        spectra=spectra,
        left_out=sampled.left_out,
        jackknife=sampled.jackknife,
        eps=eps,
        score_weights=weights_of_eps,
        progress=progress,
    )
    found = ESTIMATORS[settings.estimator].run(problem)
    d, on_grid = chain.parameters, slice(len(grid))
    eigenvalue = spectra.max_eigenvalue if spectra.is_exact else math.nan
    return ModelResult(
        name=sampled.name,
        parameters=d,
        left_out=chain.left_out,
        blocks=tuple(
            BlockShare(block.name, block.parameters, int(block.ranks.max()), share[on_grid])
            for block, share in zip(spectra.blocks, found.shares.T, strict=True)
        ),
        settings=settings,
        inputs=len(sampled.inputs),
        eps=grid,
        two_sed=found.two.curve,
        lower_two_sed=found.lower.curve,
        effective_sample_size=found.two_size[on_grid],
        lower_effective_sample_size=found.lower_size[on_grid],
        upper_bound=upper_bound(grid, settings.zeta, d, spectra.max_rank, eigenvalue),
        upper_bracket=_bracket(spectra, grid, settings, by_block=True),
        trace_bracket=_bracket(spectra, grid, settings, by_block=False),
        max_rank=spectra.max_rank,
        max_eigenvalue=eigenvalue,
        score=found.lower.score,
        two_sed_score=found.two.score,
        replicates=found.lower.replicates,
        plan=sampled.plan.blocks,
        warnings=(
            *find_warnings(chain, spectra, settings),
            *noise_as_capacity(spectra, sampled.quieter, eps, weights_of_eps, settings),
            *beyond_dimension(
                grid,
                d,
                {"2sED": found.two.curve.estimate, "lower 2sED": found.lower.curve.estimate},
            ),
            *found.warnings,
        ),
        provenance=sampled.provenance,
        smc=found.smc,
    )


def _bracket(
    spectra: Spectra, eps: np.ndarray, settings: Settings, *, by_block: bool
) -> np.ndarray:
    """(E,) what 2sED with the same draws is at most by the traces; NaN if these are estimates
    themselves, and where 2sED is not that of the draws."""
    d, zeta = spectra.parameters, settings.zeta
    if not spectra.is_exact or not settings.averages_draws:
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
