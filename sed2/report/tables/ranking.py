"""A ranking as tables that read well in a narrow terminal and in a pipe."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from operator import attrgetter

from rich.console import Console

from sed2.ranking.order import LEADING
from sed2.ranking.results import Crossing, Demand, RankedModel, Ranking
from sed2.ranking.size import fronts, of_several_sizes, size_dependence
from sed2.report.decision import decision, next_step
from sed2.report.layout import Column, Table, fits, note, number, print_table, sentence
from sed2.report.tables.cells import (
    describe,
    interval_cell,
    legend,
    probability_cell,
    scatter_cell,
    score_at,
    value_cell,
)
from sed2.report.tables.training import (
    accuracy_cell,
    baseline_columns,
    baseline_notes,
    loss_cell,
    print_baselines,
    print_costs,
    print_prediction,
    training_note,
)
from sed2.results import Score
from sed2.training.result import Training

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


def rank_table(ranking: Ranking, *, baselines: bool = True) -> Table:
    """The most important columns first; those that say the same of every model are left out.

    Args:
        baselines: whether they are in it, if they were asked for.
    """
    models, settings = ranking.models, ranking.settings
    scores = [model.result.score for model in models]
    all_lower = all(score.lower_estimate for score in scores)
    trained, grown = models[0].training is not None, ranking.demand is not None
    thousands, whole = "{:,}".format, settings.score == "joint"

    def value(
        of: Callable[[RankedModel], Score | None], header: str, always: bool = False
    ) -> Column[RankedModel]:
        """A score, marked where it is biased low, unless all are."""

        def cell(model: RankedModel) -> str:
            score = of(model)
            return value_cell(score.value, score.lower_estimate and not all_lower) if score else "–"

        return Column(header, cell, lambda m: s.value if (s := of(m)) else None, always=always)

    def error(model: RankedModel) -> str:
        score = model.result.score
        return scatter_cell(score) if score.lower_estimate else interval_cell(score.interval)

    columns: list[Column[RankedModel]] = [
        Column("#", lambda m: str(m.place), lambda m: m.rank),
        Column.of("model", lambda m: m.name),
        value(lambda m: m.result.score, settings.score_name, always=True),
        Column(
            "± seeds" if all_lower else "95% interval",
            error,
            lambda m: m.result.score.scatter if all_lower else m.result.score.interval[0],
        ),
        *([_trained("train loss", loss_cell, attrgetter("mean"))] if trained else []),
        Column.of("P(best)", lambda m: m.probability_best.score, probability_cell),
        Column.of("P(order)", lambda m: m.order_probability.score, probability_cell),
        *([value(_factor("end_to_end"), "end-to-end")] if whole else []),
        *([value(_factor("lower"), "lower 2sED")] if settings.score != "lower" else []),
        Column.of("N", lambda m: m.result.inputs, thousands, always=grown),
        Column.of("K", lambda m: m.result.settings.draws, thousands, always=grown),
        Column.of("parameters", lambda m: m.result.parameters, thousands, always=False),
        *(_size_columns(ranking) if of_several_sizes(ranking) else []),
        value(lambda m: m.result.two_sed_score, "2sED"),
        Column.of("ESS", _effective_draws, "{:.1f}".format, always=False),
        *([_trained("accuracy", accuracy_cell, attrgetter("mean_accuracy"))] if trained else []),
    ]
    shown = [
        column
        for column in columns
        if column.always or len(models) == 1 or len({column.cell(model) for model in models}) > 1
    ]
    if baselines:
        headers = {column.header for column in shown}
        shown += [each for each in baseline_columns(models) if each.header not in headers]
    return Table.of(shown, models, text=(1,), named=1)


def _trained(
    header: str, cell: Callable[[Training], str], key: Callable[[Training], float]
) -> Column[RankedModel]:
    """Of the training of a model, if it was trained."""
    return Column(
        header,
        lambda m: cell(m.training) if m.training else "–",
        lambda m: key(m.training) if m.training else None,
    )


def _size_columns(ranking: Ranking) -> list[Column[RankedModel]]:
    """Operations, and against which sizes a score is on the Pareto front."""
    front = {
        model.name: ", ".join(name for name, its in (("parameters", small), ("FLOPs", fast)) if its)
        for model, small, fast in zip(ranking.models, *fronts(ranking), strict=True)
    }
    return [
        Column.of("FLOPs", lambda m: m.flops, lambda n: number(n, 0, ","), always=False),
        Column.of("front", lambda m: front[m.name], lambda its: its or "–", always=False),
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


def _factor(name: str) -> Callable[[RankedModel], Score | None]:
    """A factor of joint 2sED, where the score has them."""
    return lambda model: getattr(model.result.factors, name, None)


def _effective_draws(model: RankedModel) -> float:
    return float(model.result.effective_sample_size.min())


def print_rank(console: Console, ranking: Ranking, command: str = "") -> None:
    """What to do, then all models, best first, with what a reader needs to judge the order.

    Args:
        command: the one that made the ranking, as it is typed; empty if none did.
    """
    for line in decision(ranking):
        sentence(console, line, "bold")
    if following := next_step(ranking, command):
        sentence(console, following, wrap=False)
    console.print()
    wide, table = rank_table(ranking), rank_table(ranking, baselines=False)
    together = fits(console, wide)
    shown = print_table(console, wide if together else table)
    crossings = crossing_notes(ranking)
    more = len(crossings) - _CROSSINGS
    if more > 0:
        crossings[_CROSSINGS:] = [
            f"{more:,} more changes of order, at larger eps, are in --json and --html."
        ]
    notes = (order_note(ranking), *size_notes(ranking), *crossings, *rank_notes(ranking, shown))
    for line in notes:
        note(console, line)
    if wide != table and not together:
        console.print()
        print_baselines(console, ranking.models)
    for line in baseline_notes(ranking.models):
        note(console, line)
    if ranking.correlation:
        console.print()
        print_prediction(console, ranking)
    elif ranking.models[0].baselines:
        console.print()
        print_costs(console, ranking)


def order_note(ranking: Ranking) -> str:
    """By what the models are ordered."""
    return f"Ordered by {ranking.settings.score_name} {score_at(ranking.settings, ranking.eps)}."


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
