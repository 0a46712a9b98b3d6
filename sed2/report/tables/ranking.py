"""A ranking as tables that read well in a narrow terminal and in a pipe."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from rich.console import Console

from sed2.ranking.order import LEADING
from sed2.ranking.results import (
    Crossing,
    Demand,
    RankedModel,
    Ranking,
)
from sed2.report.layout import fits as _fits
from sed2.report.layout import note as _note
from sed2.report.layout import print_table as _print_table
from sed2.report.tables.cells import describe, legend, probability_cell, value_cell, with_interval
from sed2.report.tables.training import (
    accuracy_cell,
    baseline_columns,
    baseline_notes,
    loss_cell,
    print_baselines,
    print_prediction,
    training_note,
)

_CROSSINGS = 10  # lines of changes of order
_RANK_COLUMNS = ("#", "model", "lower 2sED", "95% interval", "P(best)", "P(order)")
_OF_THE_FIRST = f"Changes of order are told of the first {LEADING} models."
_CLAIM = {
    False: "P is about the limit of many draws, at this N.",
    True: "P is about these settings, values biased low as they are: how another seed at the same "
    "N and K would order them, on average; not about the limit of many draws.",
}


def print_rank(console: Console, ranking: Ranking) -> None:
    """All models, best first, with what a reader needs to judge the order."""
    headers, rows = rank_table(ranking)
    others, values = baseline_columns(ranking.models, without=headers)
    wide = [[*row, *more] for row, more in zip(rows, values, strict=True)]
    together = _fits(console, [*headers, *others], wide, foldable=1)
    if together:
        headers, rows = [*headers, *others], wide
    shown = _print_table(console, headers, rows, text=(1,), foldable=1)
    crossings = crossing_notes(ranking)
    more = len(crossings) - _CROSSINGS
    if more > 0:
        crossings[_CROSSINGS:] = [
            f"{more:,} more changes of order, at larger eps, are in --json and --html."
        ]
    for line in (order_note(ranking), *crossings, *rank_notes(ranking, shown)):
        _note(console, line)
    if others and not together:
        console.print()
        print_baselines(console, ranking.models)
    for line in baseline_notes(ranking.models):
        _note(console, line)
    if ranking.correlation:
        console.print()
        print_prediction(console, ranking)


def order_note(ranking: Ranking) -> str:
    """By what the models are ordered."""
    return f"Ordered by lower 2sED {_where(ranking)}."


def crossing_notes(ranking: Ranking) -> list[str]:
    """Where the order changes, one sentence a line."""
    return [_crossing(crossing) for crossing in ranking.crossings]


def rank_notes(ranking: Ranking, shown: Sequence[str]) -> list[str]:
    """What a reader needs to judge the table, one sentence a line.

    Args:
        shown: headers to explain.
    """
    scores = [score for m in ranking.models for score in (m.result.score, m.result.two_sed_score)]
    training, several = ranking.models[0].training, len(ranking.models) > 1
    by_lower = any(model.result.score.lower_estimate for model in ranking.models)
    began = "Began with: " if ranking.demand else ""
    inputs = min(model.result.inputs for model in ranking.models)
    return [
        *legend(shown, lower=any(score.lower_estimate for score in scores)),
        *([_OF_THE_FIRST] if len(ranking.models) > LEADING else []),
        *([_CLAIM[by_lower]] if "P(best)" in shown and several else []),
        *([training_note(training)] if training else []),
        *([_decisions(ranking, ranking.demand)] if ranking.demand else []),
        f"{began}{describe(ranking.settings, inputs)}",
    ]


def _where(ranking: Ranking) -> str:
    """At which eps the score is taken."""
    if ranking.eps_n is not None:
        return f"at eps_n = {ranking.eps_n:.4g} (Theorem 5.1, n = {ranking.settings.n_train:,})"
    if len(ranking.eps) == 1:
        return f"at eps = {ranking.eps[0]:g}"
    return f"averaged over eps {ranking.eps[0]:g} to {ranking.eps[-1]:g} in log eps"


def rank_table(ranking: Ranking) -> tuple[list[str], list[list[str]]]:
    """Headers and rows, the most important columns first."""
    trained, grown = ranking.models[0].training is not None, ranking.demand is not None
    before, after = _RANK_COLUMNS[:4], _RANK_COLUMNS[4:]
    headers = [
        *before,
        *(["train loss"] if trained else []),
        *after,
        *(["N", "K"] if grown else []),
        "parameters",
        "2sED",
        "ESS",
        *(["accuracy"] if trained else []),
    ]
    return headers, [_rank_row(model, grown=grown) for model in ranking.models]


def _rank_row(model: RankedModel, *, grown: bool) -> list[str]:
    result, training = model.result, model.training
    score, two = result.score, result.two_sed_score
    return [
        str(model.rank),
        result.name,
        *with_interval(score.value, score.interval, score.lower_estimate),
        *([loss_cell(training)] if training else []),
        probability_cell(model.probability_best.score),
        probability_cell(model.order_probability.score),
        *([f"{result.inputs:,}", f"{result.settings.draws:,}"] if grown else []),
        f"{result.parameters:,}",
        value_cell(two.value, two.lower_estimate),
        f"{result.effective_sample_size.min():.1f}",
        *([accuracy_cell(training)] if training else []),
    ]


def _crossing(crossing: Crossing) -> str:
    low, high = crossing.eps_interval
    probability = probability_cell(crossing.probability)
    if probability[0].isdigit():
        probability = f"= {probability}"
    sure = "" if math.isnan(low) else f" (95%: {low:.2g} to {high:.2g}; P {probability})"
    return (
        f"The order changes near eps {crossing.eps:.2g}{sure}: {crossing.larger_below} leads "
        f"below, {crossing.larger_above} above."
    )


def _decisions(ranking: Ranking, demand: Demand) -> str:
    """What `--until-decided` came to."""
    undecided = [
        f"{upper.result.name} / {lower.result.name}"
        for upper, lower in pairwise(ranking.models)
        if not upper.decided
    ]
    pairs = len(ranking.models) - 1
    return (
        f"{pairs - len(undecided)} of {pairs} orders decided at P = {demand.probability:g}, each "
        "at the N and K its two models had in common; values at other N and K do not compare."
        + (f" Not decided: {'; '.join(undecided)}." if undecided else "")
    )


def ranking_warnings(ranking: Ranking) -> list[str]:
    """The ranking's own warnings, then the models', each said once for all it concerns."""
    concerned: dict[str, list[str]] = {}
    for model in ranking.models:
        for warning in model.warnings:
            concerned.setdefault(warning, []).append(model.result.name)
    return [
        *ranking.warnings,
        *(f"{', '.join(names)}: {warning}" for warning, names in concerned.items()),
    ]
