"""The gate in the terminal."""

from __future__ import annotations

from rich.console import Console

from sed2.gating.outcome import GateResult
from sed2.report import words as gate_words
from sed2.report.layout import note, print_table


def print_gate(console: Console, result: GateResult) -> None:
    """All models with their verdicts, and how these came about.

    The verdict stands first in its line: a name of the spec's never begins one, where a runner of
    CI would read it as a command."""
    print_table(console, gate_words.gate_table(result))
    for line in gate_words.notes(result):
        note(console, line)
