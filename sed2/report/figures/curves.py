"""Curves of the score and of 2sED over eps: a figure worth putting in a paper."""

from __future__ import annotations

import io
import textwrap
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sed2.results import ModelResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

# Okabe and Ito's palette: told apart by readers with any colour vision, and in grey by the marks.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKS = "os^Dv*PX"  # one more than colours, so that 56 models all differ
DRAWN = 56
"""So many models are drawn, the first ones: more cannot be told apart."""
_LABEL_WIDTH = 80  # characters of a line of the legend


def curves_figure(results: Sequence[ModelResult], file_format: str) -> bytes:
    """The figure as a file's content; the same results give the same bytes.

    Args:
        results: as for `draw_curves`.
        file_format: png, svg or pdf.
    """
    return rendered(draw_curves(results), file_format)


def rendered(figure: Figure, file_format: str) -> bytes:
    """A figure as a file's content; the same figure gives the same bytes."""
    from matplotlib import rc_context

    content = io.BytesIO()
    dateless = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(file_format)
    with rc_context({"svg.hashsalt": "sed2"}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(content, format=file_format, dpi=200, metadata=dateless)
    return content.getvalue()


def draw_curves(results: Sequence[ModelResult]) -> Figure:
    """Curves over eps on a logarithmic axis.

    The score's measure is drawn solid in its 95% interval, 2sED dashed. Where there is no interval,
    a faint band between dotted lines shows two standard deviations of the scatter between seeds.
    A vertical line marks eps_n of Theorem 5.1.

    Args:
        results: one or more models on the same eps grid.
    """
    from matplotlib.figure import Figure

    figure = Figure(layout="constrained")
    draw_curves_on(figure.add_subplot(), results)
    place_legend(figure, legend_of(figure, results), 6.4, 3.9)
    return figure


def draw_curves_on(axes: Axes, results: Sequence[ModelResult]) -> None:
    """The curves of all models, or of the first ones if they are many."""
    for i, result in enumerate(results[:DRAWN]):
        _draw(axes, result, *colour_and_mark(i))
    _mark_eps_n(axes, results[0])
    axes.set_xscale("log")
    axes.set_xlabel(r"covering radius $\varepsilon$")
    axes.set_ylabel("effective dimension")
    plain_axes(axes)


def plain_axes(axes: Axes) -> None:
    """A faint grid and no frame."""
    axes.grid(alpha=0.25, lw=0.5)
    axes.spines[["top", "right"]].set_visible(False)


def colour_and_mark(i: int) -> tuple[str, str]:
    """Of the model in place i."""
    return COLOURS[i % len(COLOURS)], MARKS[i % len(MARKS)]


def legend_of(figure: Figure, results: Sequence[ModelResult]) -> list[Any]:
    """The models of the first axes, and what the kinds of line mean."""
    return [*figure.axes[0].get_legend_handles_labels()[0], *_explanations(results)]


def place_legend(figure: Figure, handles: Sequence[Any], width: float, height: float) -> None:
    """The legend below all, and the size in inches that leaves the room."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure)
    legend_lines = sum(1 + str(handle.get_label()).count("\n") for handle in handles)
    figure.set_size_inches(width, height + 0.17 * legend_lines)
    figure.legend(handles=list(handles), loc="outside lower left", frameon=False, fontsize="small")


def _draw(axes: Axes, result: ModelResult, colour: str, mark: str) -> None:
    """The curves of one model."""
    curve = result.curve
    lower = curve.estimate
    between_seeds = np.stack([lower - 2 * curve.scatter, lower + 2 * curve.scatter])
    for (low, high), shown, alpha in (
        (curve.interval.T, ~curve.lower_estimate, 0.2),
        (between_seeds, curve.lower_estimate, 0.06),
    ):
        axes.fill_between(result.eps, low, high, where=shown, color=colour, alpha=alpha, lw=0)
        if len(result.eps) == 1 and shown.any():  # a band needs two points
            error = np.stack([lower - low, high - lower])
            axes.errorbar(result.eps, lower, error, color=colour, alpha=5 * alpha, capsize=4)
    if curve.lower_estimate.any():
        for edge in between_seeds:
            line = np.where(curve.lower_estimate, edge, np.nan)
            axes.plot(result.eps, line, color=colour, ls=":", lw=0.8)
    axes.plot(
        result.eps,
        lower,
        color=colour,
        marker=mark,
        markersize=4,
        markevery=max(1, len(result.eps) // 8),
        label=model_label(result),
    )
    axes.plot(result.eps, result.two_sed.estimate, color=colour, ls="--", lw=1)


def model_label(result: ModelResult) -> str:
    """A model in the legend.

    A label that began with an underscore, not a space, would be hidden; and no mathematics."""
    return textwrap.fill(
        f"{result.name}  ({result.parameters:,} parameters)",
        _LABEL_WIDTH,
        initial_indent=" ",
        subsequent_indent=" ",
    ).replace("$", r"\$")


def _mark_eps_n(axes: Axes, result: ModelResult) -> None:
    """A vertical line at eps_n, with its text on the side where there is more room."""
    if result.eps_n is None:
        return
    axes.axvline(result.eps_n, color="0.4", lw=1, ls=":")
    right = result.eps_n**2 < result.eps[0] * result.eps[-1]
    axes.annotate(
        rf"$\varepsilon_n$, n = {result.settings.n_train:,}",
        (result.eps_n, 1),
        xycoords=("data", "axes fraction"),
        xytext=(3 if right else -3, -3),
        textcoords="offset points",
        ha="left" if right else "right",
        va="top",
        fontsize="small",
        color="0.3",
    )


def _explanations(results: Sequence[ModelResult]) -> list[Line2D]:
    """Entries of the legend for the kinds of line."""
    from matplotlib.lines import Line2D

    curves = [result.curve for result in results]
    lower_estimates = any(curve.lower_estimate.any() for curve in curves)
    intervals = any((~curve.lower_estimate).any() for curve in curves)
    both = [(result.curve.estimate, result.two_sed.estimate) for result in results]
    same = all(np.allclose(lower, two, rtol=1e-6, equal_nan=True) for lower, two in both)
    name = results[0].settings.score_name
    label = f" {name} = 2sED" if same else f" {name}"
    label += ", in its 95% interval" if intervals else ""
    lines = [Line2D([], [], color="0.3", label=label)]
    if lower_estimates:
        label = " ± 2 s.d. between seeds, where it is biased low (few effective draws)"
        lines.append(Line2D([], [], color="0.3", ls=":", lw=0.8, label=label))
    if not same:
        uncertain = any(result.two_sed.lower_estimate.any() for result in results)
        lower_estimate = " (biased low: few effective draws)" if uncertain else ""
        lines.append(Line2D([], [], color="0.3", ls="--", lw=1, label=f" 2sED{lower_estimate}"))
    if len(results) > DRAWN:
        more = f" {len(results) - DRAWN:,} more models are not drawn"
        lines.append(Line2D([], [], ls="", label=more))
    return lines
