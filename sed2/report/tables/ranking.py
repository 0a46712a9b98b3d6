"""A ranking as tables that read well in a narrow terminal and in a pipe."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rich.console import Console

from sed2.ranking.order import LEADING
from sed2.ranking.results import Crossing, Demand, RankedModel, Ranking
from sed2.ranking.size import fronts, of_several_sizes, size_dependence
from sed2.report.decision import decision, next_step
from sed2.report.layout import fits as _fits
from sed2.report.layout import note as _note
from sed2.report.layout import number
from sed2.report.layout import print_table as _print_table
from sed2.report.layout import sentence as _sentence
from sed2.report.tables.cells import (
    describe,
    interval_cell,
    legend,
    probability_cell,
    scatter_cell,
    value_cell,
)
from sed2.report.tables.training import (
    accuracy_cell,
    baseline_columns,
    baseline_notes,
    loss_cell,
    print_baselines,
    print_prediction,
    training_note,
)
from sed2.results import Score

_CROSSINGS = 10  # lines of changes of order
_NAMED = 8  # models that a warning names
_OF_THE_FIRST = f"Changes of order are told of the first {LEADING} models."
_TIED = "#: models that are tied with the first of theirs have its place."
_ALL_LOWER = (
    "All values are biased low: too few effective draws for an honest error; the limits of many "
    "draws lie above, as a rule."
)
_CLAIM = {
    False: "P is about the limit of many draws, at this N.",
    True: "P is about these settings, values biased low as they are: how another seed at the same "
    "N and K would order them, on average; not about the limit of many draws.",
}


@dataclass(frozen=True)
class Column:
    """One column of the ranking, in every form of it."""

    header: str
    cell: Callable[[RankedModel], str]
    key: Callable[[RankedModel], float | str]
    """By which a page sorts it."""
    always: bool = False
    """Whether it is shown even where it says the same in every row."""


def rank_columns(ranking: Ranking) -> list[Column]:
    """The most important ones first; those that say the same of every model are left out."""
    models, settings = ranking.models, ranking.settings
    scores = [model.result.score for model in models]
    all_lower = all(score.lower_estimate for score in scores)

    def value(
        of: Callable[[RankedModel], Score | None], header: str, always: bool = False
    ) -> Column:
        """A score, marked where it is biased low, unless all are."""

        def cell(model: RankedModel) -> str:
            score = of(model)
            return value_cell(score.value, score.lower_estimate and not all_lower) if score else "–"

        return Column(header, cell, lambda m: s.value if (s := of(m)) else math.nan, always)

    def error(model: RankedModel) -> str:
        score = model.result.score
        return scatter_cell(score) if score.lower_estimate else interval_cell(score.interval)

    columns = [
        Column("#", lambda m: str(m.place), lambda m: m.rank, always=True),
        Column("model", lambda m: m.name, lambda m: m.name, always=True),
        value(lambda m: m.result.score, settings.score_name, always=True),
        Column(
            "± seeds" if all_lower else "95% interval",
            error,
            lambda m: m.result.score.scatter if all_lower else m.result.score.interval[0],
            always=True,
        ),
    ]
    trained, grown = models[0].training is not None, ranking.demand is not None
    if trained:
        columns.append(
            Column(
                "train loss",
                lambda m: loss_cell(m.training) if m.training else "–",
                lambda m: m.training.mean if m.training else math.nan,
                always=True,
            )
        )
    columns += [
        Column("P(best)", lambda m: probability_cell(_best(m)), _best, always=True),
        Column("P(order)", lambda m: probability_cell(_ahead(m)), _ahead, always=True),
    ]
    if settings.score == "joint":
        columns.append(value(_whole, "end-to-end"))
    if settings.score != "lower":
        columns.append(value(_lower, "lower 2sED"))
    columns += [
        Column("N", lambda m: f"{m.result.inputs:,}", lambda m: m.result.inputs, grown),
        Column("K", lambda m: f"{_draws(m):,}", _draws, grown),
        Column("parameters", lambda m: f"{m.result.parameters:,}", lambda m: m.result.parameters),
        *(_size_columns(ranking) if of_several_sizes(ranking) else []),
        value(lambda m: m.result.two_sed_score, "2sED"),
        Column("ESS", lambda m: f"{_size(m):.1f}", _size),
    ]
    if trained:
        columns.append(
            Column(
                "accuracy",
                lambda m: accuracy_cell(m.training) if m.training else "–",
                lambda m: m.training.mean_accuracy if m.training else math.nan,
                always=True,
            )
        )
    return [
        column
        for column in columns
        if column.always or len(models) == 1 or len({column.cell(model) for model in models}) > 1
    ]


def _size_columns(ranking: Ranking) -> list[Column]:
    """Operations, and against which sizes a score is on the Pareto front."""
    front = {
        model.name: ", ".join(name for name, its in (("parameters", small), ("FLOPs", fast)) if its)
        for model, small, fast in zip(ranking.models, *fronts(ranking), strict=True)
    }
    return [
        Column("FLOPs", lambda m: number(m.flops, 0, ","), lambda m: m.flops),
        Column("front", lambda m: front[m.name] or "–", lambda m: front[m.name]),
    ]


def size_notes(ranking: Ranking) -> list[str]:
    """Whether the order is that of the sizes, and who is left out by them."""
    dependence, notes = size_dependence(ranking), []
    if dependence.follows:
        moved = [
            f"{model.name} {gained:+d}"
            for model, gained in sorted(
                zip(ranking.models, dependence.gained, strict=True), key=lambda each: -abs(each[1])
            )
            if gained
        ]
        changed = f" Places gained with the size held: {_few(moved)}." if moved else ""
        notes.append(
            f"The order follows the number of parameters (tau-b {dependence.tau:.2f}).{changed}"
        )
    if ranking.left_out:
        notes.append(f"Above the limits of size, and left out: {_few(ranking.left_out)}.")
    return notes


def _best(model: RankedModel) -> float:
    return model.probability_best.score


def _ahead(model: RankedModel) -> float:
    return model.order_probability.score


def _whole(model: RankedModel) -> Score | None:
    return model.result.factors.end_to_end if model.result.factors else None


def _lower(model: RankedModel) -> Score | None:
    return model.result.factors.lower if model.result.factors else None


def _draws(model: RankedModel) -> int:
    return model.result.settings.draws


def _size(model: RankedModel) -> float:
    return float(model.result.effective_sample_size.min())


def rank_table(ranking: Ranking) -> tuple[list[str], list[list[str]]]:
    """Headers and rows."""
    columns = rank_columns(ranking)
    rows = [[column.cell(model) for column in columns] for model in ranking.models]
    return [column.header for column in columns], rows


def print_rank(console: Console, ranking: Ranking, command: str = "") -> None:
    """What to do, then all models, best first, with what a reader needs to judge the order.

    Args:
        command: the one that made the ranking, as it is typed; empty if none did.
    """
    for line in decision(ranking):
        _sentence(console, line, "bold")
    if following := next_step(ranking, command):
        _sentence(console, following, wrap=False)
    console.print()
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
    notes = (order_note(ranking), *size_notes(ranking), *crossings, *rank_notes(ranking, shown))
    for line in notes:
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
    return f"Ordered by {ranking.settings.score_name} {_where(ranking)}."


def crossing_notes(ranking: Ranking) -> list[str]:
    """Where the order changes, one sentence a line."""
    return [_crossing(crossing) for crossing in ranking.crossings]


def rank_notes(ranking: Ranking, shown: Sequence[str]) -> list[str]:
    """What a reader needs to judge the table, one sentence a line.

    Args:
        shown: headers to explain.
    """
    scores = [model.result.score for model in ranking.models]
    others = [model.result.two_sed_score for model in ranking.models]
    training, several = ranking.models[0].training, len(ranking.models) > 1
    by_lower = any(score.lower_estimate for score in scores)
    all_lower = all(score.lower_estimate for score in scores)
    any_lower = by_lower or any(score.lower_estimate for score in others)
    began = "Began with: " if ranking.demand else ""
    inputs = min(model.result.inputs for model in ranking.models)
    return [
        *legend(shown, lower=any_lower and not all_lower),
        *([_ALL_LOWER] if all_lower else []),
        *([_TIED] if any(model.place < model.rank for model in ranking.models) else []),
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
    """The ranking's own warnings, then the models', each kind said once for all it concerns.

    Warnings are of one kind if they differ in numbers and names of blocks alone."""
    kinds: dict[str, dict[str, list[str]]] = {}
    for model in ranking.models:
        for warning in model.warnings:
            kind = kinds.setdefault(_VARIABLE.sub("#", warning), {})
            kind.setdefault(warning, []).append(model.name)
    return [*ranking.warnings, *map(_merged, kinds.values())]


_VARIABLE = re.compile(r"\b[a-z_]+_\d+\b|[\d.,]*\d(?:e-?\d+)?")


def _merged(kind: dict[str, list[str]]) -> str:
    """One warning of a kind, as of the first model that has it."""
    names = list(dict.fromkeys(name for own in kind.values() for name in own))
    first = next(iter(kind))
    told = f"{_few(names)}: {first}"
    return told if len(kind) == 1 else f"{told} ({names[0]}; the others are alike)"


def _few(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")
