"""What `validate` found, and the plan of the work, as tables."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from sed2.errors import shown
from sed2.report.layout import Column, Table, note, print_table, sentence
from sed2.results import BlockPlan, Checked
from sed2.settings import NO_LABEL


def print_checked(console: Console, checked: Sequence[Checked]) -> None:
    """What `validate` found: one line per model."""
    columns: list[Column[Checked]] = [
        Column("model", lambda model: model.name),
        Column("parameters", lambda model: f"{model.parameters:,}"),
        Column("input", lambda model: shape(model.input_shape)),
        Column("output", lambda model: shape(model.output_shape)),
        Column("blocks", lambda model: str(model.blocks)),
    ]
    print_table(console, Table.of(columns, checked, text=(0, 2, 3), named=0))
    for label in dict.fromkeys(model.label for model in checked if model.label):
        named = f"The column `{shown(label)}` is the label, all others are inputs."
        note(console, named if label != NO_LABEL else "No column is the label, all are inputs.")
    if any(model.numbers for model in checked):
        note(console, "Labels are numbers to predict, no classes; `--targets` says otherwise.")
    note(console, f"{len(checked)} model{'s' * (len(checked) != 1)}: no fault found.")


def print_plan(console: Console, name: str, plan: Sequence[BlockPlan]) -> None:
    """How each block's spectrum is computed, and what one draw of it takes."""
    sentence(console, f"{name}: the way of each block", "bold")
    columns: list[Column[BlockPlan]] = [
        Column("block", lambda block: block.name),
        Column("parameters", lambda block: f"{block.parameters:,}"),
        Column("output", lambda block: shape(block.output_shape)),
        Column("GB", lambda block: f"{block.bytes / 1e9:.2g}"),
        Column("GFlop", lambda block: f"{block.work / 1e9:.2g}"),
        Column("way", lambda block: block.way),
    ]
    if any(block.holds for block in plan):
        columns.append(Column("of", lambda block: _some(block.holds)))
    print_table(console, Table.of(columns, plan, text=(0, 2, 5, 6), named=5))


def _some(names: Sequence[str]) -> str:
    """The first of some names, and how many more there are."""
    more = f", {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return shown(", ".join(names[:_SHOWN])) + more


_SHOWN = 4


def shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
