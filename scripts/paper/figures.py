"""Panels of curves, in the style of sed2's own figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from scripts.common import figures
from sed2.report.figures.curves import COLOURS, MARKS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def panels(rows: int, columns: int) -> tuple[Figure, np.ndarray]:
    """An empty figure and its axes (rows, columns)."""
    figure, axes = figures.panels(3.4 * columns + 0.4, 2.9 * rows + 0.5, rows, columns)
    for each in axes.flat:
        each.tick_params(labelsize="small")
    return figure, axes


def curve(
    axes: Axes, x: Sequence[float] | np.ndarray, values: np.ndarray, kind: int, **style: Any
) -> None:
    """The mean over the seeds of values (S, X), in a band of their standard deviation."""
    mean, colour = values.mean(axis=0), COLOURS[kind % len(COLOURS)]
    if len(values) > 1:
        scatter = values.std(axis=0, ddof=1)
        axes.fill_between(x, mean - scatter, mean + scatter, color=colour, alpha=0.15, lw=0)
    marks = {"marker": MARKS[kind % len(MARKS)], "markersize": 3, "lw": 1.2}
    axes.plot(x, mean, color=colour, **(marks | style))


def over_eps(axes: Axes, title: str) -> None:
    """Label a panel whose axis is the covering radius."""
    axes.set_xscale("log")
    axes.set_xlabel(r"covering radius $\varepsilon$")
    axes.set_title(title, fontsize="medium")


def legend(figure: Figure, axes: Axes, columns: int = 2) -> None:
    """One legend for all panels, below them."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside lower left",
        ncols=columns,
        frameon=False,
        fontsize="small",
    )
