"""The result of one model as tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.console import Console

from sed2.report.layout import note as _note
from sed2.report.layout import number as _number
from sed2.report.layout import print_table as _print_table
from sed2.report.layout import sentence as _sentence
from sed2.report.tables.cells import coverage, describe, legend, score_in_words, with_interval
from sed2.results import ModelResult
from sed2.settings import SCORE_NAMES

_CURVE_ROWS = 9  # rows of the eps table; the whole grid goes to --csv and --json


def print_compute(console: Console, result: ModelResult) -> None:
    """The curve of one model over eps, the share of each block, and the settings."""
    _sentence(console, f"{result.name}: {coverage(result)}", "bold", wrap=False)
    points = shown_points(result.eps)
    shown = _print_table(console, *curve_table(result, points))
    if len(points) < len(result.eps):
        _note(console, f"{len(points)} of {len(result.eps)} points; all with --csv or --json.")
    console.print()
    _print_table(console, *block_table(result))
    console.print()
    for line in compute_notes(result, shown):
        _note(console, line)


def curve_table(result: ModelResult, points: np.ndarray) -> tuple[list[str], list[list[str]]]:
    """Headers and rows of the curves, at these places of the grid."""
    lower, two = result.lower_two_sed, result.two_sed
    curves = {"lower 2sED": lower, "2sED": two}
    if result.factors:
        named = {SCORE_NAMES["end-to-end"]: result.factors.end_to_end_curve}
        curves = {result.settings.score_name: result.curve} | named | curves
    headers = [header for name in curves for header in (name, "95% interval")]
    return ["eps", *headers, "ESS", "bracket", "at most"], [
        [
            f"{result.eps[e]:.3g}",
            *(
                cell
                for curve in curves.values()
                for cell in with_interval(
                    curve.estimate[e], curve.interval[e], curve.lower_estimate[e]
                )
            ),
            f"{result.effective_sample_size[e]:.1f}",
            _number(result.upper_bracket[e]),
            _number(result.upper_bound[e], digits=0),
        ]
        for e in points
    ]


def block_table(result: ModelResult) -> tuple[list[str], list[list[str]]]:
    """Headers and rows of the blocks, with their shares in the middle of the grid."""
    middle = len(result.eps) // 2
    total = sum(block.share[middle] for block in result.blocks)
    return ["block", "parameters", "rank", f"share at eps {result.eps[middle]:.3g}", ""], [
        [
            block.name,
            f"{block.parameters:,}",
            f"{block.rank:,}",
            f"{block.share[middle]:.1f}",
            f"{block.share[middle] / total if total else 0.0:.0%}",
        ]
        for block in result.blocks
    ]


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
    _sentence(console, f"{result.name}: sequential Monte Carlo", "bold")
    headers = ["eps", "temperatures", "moves", "accepted", "correlation", "ESS", "island spread"]
    rows = [
        [
            f"{result.eps[e]:.3g}",
            f"{report.temperatures[e]}",
            f"{report.moves[e]}",
            f"{report.acceptance[e]:.0%}",
            f"{report.correlation[e]:.2f}",
            f"{report.ess_share[e]:.0%}",
            f"{report.island_spread[e]:.1f}",
        ]
        for e in shown_points(result.eps)
    ]
    _print_table(console, headers, rows)
