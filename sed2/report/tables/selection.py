"""A selection as a table, and what to do in words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Console

from sed2.common.terminal import duration
from sed2.report.layout import Column, Table, note, number, print_table, sentence
from sed2.report.tables.cells import describe, probability_cell
from sed2.report.tables.training import loss_cell
from sed2.selection.results import SelectedModel, Selection
from sed2.settings import SCORE_NAMES

_LEGEND = {
    "rungs": "in how many it was trained on.",
    "loss": "mean training loss so far over the seeds ± standard error.",
    "forecast": "of that loss at the end of a whole training, by the learning curves.",
    "P(best)": "probability of the lowest loss at the end, of all that were trained.",
}


def print_selection(console: Console, selection: Selection) -> None:
    """What to train, what it took, then all candidates."""
    for line in verdict(selection):
        sentence(console, line, "bold")
    sentence(console, spent_note(selection))
    console.print()
    shown = print_table(console, selection_table(selection))
    for line in selection_notes(selection, shown):
        note(console, line)


def verdict(selection: Selection) -> list[str]:
    """What to do, one sentence a line."""
    choice = selection.choice
    trained = sum(model.rungs > 0 for model in selection)
    if math.isnan(choice.forecast):
        return ["No candidate can be chosen: all trainings diverged."]
    probability = probability_cell(choice.probability)
    if math.isnan(choice.probability):
        return [
            f"Train {choice.name}: the best so far of the {trained} that were trained.",
            "How sure that is cannot be told from one rung; a larger --budget allows for more.",
        ]
    equals = probability if probability[0] in "<>" else f"= {probability}"
    lines = [
        f"Train {choice.name}: it has the lowest loss with P {equals} of the {trained} that were "
        f"trained; the expected regret is {number(selection.regret, 4)} of a loss of "
        f"{number(choice.forecast, 3)}."
    ]
    if not selection.decided:
        lines.append(
            f"P is below {selection.decide_at:g}, and the budget is spent: a larger --budget "
            "makes it surer."
        )
    return lines


def headline(selection: Selection) -> str:
    """The choice as a title."""
    choice = selection.choice
    cell = probability_cell(choice.probability)
    sure = "decided" if selection.decided else "not decided"
    return f"{choice.name} is chosen, P(best) {cell}: {sure}"


def spent_note(selection: Selection) -> str:
    """What it took, and what training all would."""
    spent = selection.spent
    judging = ""
    if spent.judging:
        name = SCORE_NAMES.get(selection.prune_by, selection.prune_by)
        judging = f", {duration(spent.judging)} of them for {name}"
    return (
        f"Spent {duration(spent.judging + spent.training)} of CPU{judging}: {spent.share:.0%} of "
        f"the {duration(spent.training_all)} that training all {len(selection)} would take "
        f"({spent.epochs:,} of {spent.epochs_all:,} epochs)."
    )


def selection_table(selection: Selection) -> Table:
    """The choice first."""
    name = SCORE_NAMES.get(selection.prune_by, selection.prune_by)
    places = {model.name: place for place, model in enumerate(selection, start=1)}
    columns: list[Column[SelectedModel]] = [
        Column.of("#", lambda its: places[its.name]),
        Column.of("model", lambda its: its.name),
        *([Column(name, _prior)] if selection.prune_by != "none" else []),
        Column.of("rungs", lambda its: its.rungs),
        Column.of("epochs", lambda its: its.epochs),
        Column("loss", lambda its: loss_cell(its.training) if its.training else "–"),
        Column.of("forecast", lambda its: its.forecast, lambda value: number(value, digits=3)),
        Column.of("P(best)", lambda its: its.probability, probability_cell),
        Column.of("parameters", lambda its: its.parameters, lambda value: f"{value:,}"),
    ]
    return Table.of(columns, selection, text=(1,), named=1)


def _prior(model: SelectedModel) -> str:
    return number(model.prior) if abs(model.prior) >= 1 else f"{model.prior:.3g}"


def selection_notes(selection: Selection, shown: Sequence[str]) -> list[str]:
    """What a reader needs to judge the table, one sentence a line.

    Args:
        shown: headers to explain.
    """
    rungs = ", ".join(f"{rung.models} to epoch {rung.epochs}" for rung in selection.rungs)
    its, first = selection.training, selection.settings
    left_out = f"Above the limits of size, and left out: {', '.join(selection.left_out)}."
    return [
        *(f"{header}: {meaning}" for header, meaning in _LEGEND.items() if header in shown),
        f"Planned: {rungs}; {selection.done} of {len(selection.rungs)} rungs done.",
        f"A whole training: {its.epochs:,} epochs of Adam, learning rate {its.learning_rate:g}, "
        f"{its.train_seeds} seeds.",
        *([left_out] if selection.left_out else []),
        describe(first, min(first.samples, selection.rows)),
    ]
