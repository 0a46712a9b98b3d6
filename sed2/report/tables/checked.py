"""What `validate` found, and the plan of the work, as tables."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from sed2.errors import shown
from sed2.report.layout import note as _note
from sed2.report.layout import print_table as _print_table
from sed2.report.layout import sentence as _sentence
from sed2.results import (
    BlockPlan,
    Checked,
)


def print_checked(console: Console, checked: Sequence[Checked]) -> None:
    """What `validate` found: one line per model."""
    _print_table(
        console,
        ["model", "parameters", "input", "output", "blocks"],
        [
            [
                model.name,
                f"{model.parameters:,}",
                _shape(model.input_shape),
                _shape(model.output_shape),
                str(model.blocks),
            ]
            for model in checked
        ],
        text=(0, 2, 3),
        foldable=0,
    )
    for label in dict.fromkeys(model.label for model in checked if model.label):
        _note(console, f"The column `{shown(label)}` is the label, all others are inputs.")
    _note(console, f"{len(checked)} model{'s' * (len(checked) != 1)}: no fault found.")


def print_plan(console: Console, name: str, plan: Sequence[BlockPlan]) -> None:
    """How each block's spectrum is computed, and what one draw of it takes."""
    _sentence(console, f"{name}: the way of each block", "bold")
    _print_table(
        console,
        ["block", "parameters", "GB", "GFlop", "way"],
        [
            [
                block.name,
                f"{block.parameters:,}",
                f"{block.bytes / 1e9:.2g}",
                f"{block.work / 1e9:.2g}",
                block.way,
            ]
            for block in plan
        ],
        text=(0, 4),
        foldable=4,
    )


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
