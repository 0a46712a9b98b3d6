"""The result of one model as tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.console import Console

from sed2.report.layout import Column, Table, note, number, print_table, sentence
from sed2.report.tables.cells import (
    coverage,
    describe,
    interval_cell,
    legend,
    score_in_words,
    value_cell,
)
from sed2.results import BlockShare, Curve, ModelResult
from sed2.settings import SCORE_NAMES

_CURVE_ROWS = 9  # rows of the eps table; the whole grid goes to --csv and --json


def print_compute(console: Console, result: ModelResult) -> None:
    """The curve of one model over eps, the share of each block, and the settings."""
    sentence(console, f"{result.name}: {coverage(result)}", "bold", wrap=False)
    points = shown_points(result.eps)
    shown = print_table(console, curve_table(result, points))
    if len(points) < len(result.eps):
        note(console, f"{len(points)} of {len(result.eps)} points; all with --csv or --json.")
    console.print()
    print_table(console, block_table(result))
    console.print()
    for line in compute_notes(result, shown):
        note(console, line)


def curve_table(result: ModelResult, points: np.ndarray) -> Table:
    """The curves, at these places of the grid."""
    curves = {"lower 2sED": result.lower_two_sed, "2sED": result.two_sed}
    if result.factors:
        named = {SCORE_NAMES["end-to-end"]: result.factors.end_to_end_curve}
        curves = {result.settings.score_name: result.curve} | named | curves
    columns: list[Column[int]] = [
        Column("eps", lambda e: f"{result.eps[e]:.3g}"),
        *(column for name, curve in curves.items() for column in _of_curve(name, curve)),
        Column("ESS", lambda e: f"{result.effective_sample_size[e]:.1f}"),
        Column("bracket", lambda e: number(result.upper_bracket[e])),
        Column("at most", lambda e: number(result.upper_bound[e], digits=0)),
    ]
    return Table.of(columns, points)


def _of_curve(name: str, curve: Curve) -> list[Column[int]]:
    lower = curve.lower_estimate
    return [
        Column(name, lambda e: value_cell(curve.estimate[e], lower[e])),
        Column("95% interval", lambda e: interval_cell(curve.interval[e], lower[e])),
    ]


def block_table(result: ModelResult) -> Table:
    """The blocks, with their shares in the middle of the grid."""
    middle = len(result.eps) // 2
    total = sum(block.share[middle] for block in result.blocks)
    columns: list[Column[BlockShare]] = [
        Column("block", lambda block: block.name),
        Column("parameters", lambda block: f"{block.parameters:,}"),
        Column("rank", lambda block: f"{block.rank:,}"),
        Column(f"share at eps {result.eps[middle]:.3g}", lambda b: f"{b.share[middle]:.1f}"),
        Column("", lambda block: f"{block.share[middle] / total if total else 0.0:.0%}"),
    ]
    return Table.of(columns, result.blocks)


def compute_notes(result: ModelResult, shown: Sequence[str]) -> list[str]:
    """What a reader needs to judge the curves, one sentence a line.

    Args:
        shown: headers to explain.
    """
    lower = bool(result.lower_two_sed.lower_estimate.any() | result.two_sed.lower_estimate.any())
    at_eps_n = (
        []
        if result.eps_n is None
        else [
            f"At eps_n = {result.eps_n:.4g} (Theorem 5.1, n = {result.settings.n_train:,}): "
            f"{result.settings.score_name} {score_in_words(result.score)}."
        ]
    )
    return [*at_eps_n, *legend(shown, lower=lower), describe(result.settings, result.inputs)]


def shown_points(eps: np.ndarray) -> np.ndarray:
    """The places of the grid that a table shows."""
    return np.unique(np.linspace(0, len(eps) - 1, _CURVE_ROWS).round().astype(int))


def print_smc(console: Console, result: ModelResult) -> None:
    """How sequential Monte Carlo went, if it did."""
    report = result.smc
    if report is None:
        return
    sentence(console, f"{result.name}: sequential Monte Carlo", "bold")
    columns: list[Column[int]] = [
        Column("eps", lambda e: f"{result.eps[e]:.3g}"),
        Column("temperatures", lambda e: f"{report.temperatures[e]}"),
        Column("moves", lambda e: f"{report.moves[e]}"),
        Column("accepted", lambda e: f"{report.acceptance[e]:.0%}"),
        Column("correlation", lambda e: f"{report.correlation[e]:.2f}"),
        Column("ESS", lambda e: f"{report.ess_share[e]:.0%}"),
        Column("island spread", lambda e: f"{report.island_spread[e]:.1f}"),
    ]
    print_table(console, Table.of(columns, shown_points(result.eps)))
