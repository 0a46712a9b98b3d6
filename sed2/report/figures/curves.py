"""Curves of the score and of 2sED over eps: a figure worth putting in a paper."""

from __future__ import annotations

import io
import textwrap
import warnings
from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from sed2.ranking.results import Crossing
from sed2.results import Curve, ModelResult, Score

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

# Okabe and Ito's palette: told apart by readers with any colour vision, and in grey by the marks.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKS = "os^DvPp<"  # one more than colours, so that 56 models all differ; chart.js has the same
DRAWN = 12
"""So many models have curves, the first ones: more would hide each other."""
_LABEL_WIDTH = 80  # characters of a line of the legend


def places(names: Sequence[str]) -> list[int]:
    """Which colour and mark each model has: the same in every figure and page of these models,
    whatever their order is. The first 56 of a longer list all differ."""
    kinds = len(COLOURS) * len(MARKS)
    alphabetic = {name: place % kinds for place, name in enumerate(sorted(names))}
    found: list[int] = []
    for i, name in enumerate(names):
        taken = found[i - i % kinds :]
        place = alphabetic[name]
        while place in taken:
            place = (place + 1) % kinds
        found.append(place)
    return found


def new_figure(**options: Any) -> Figure:
    """Whose parts share the room."""
    from matplotlib.figure import Figure

    return Figure(layout="constrained", **options)


def rendered(figure: Figure, file_format: str) -> bytes:
    """A figure as a file's content (png, svg or pdf); the same figure gives the same bytes."""
    from matplotlib import rc_context

    content = io.BytesIO()
    dateless = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(file_format)
    with rc_context({"svg.hashsalt": "sed2"}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(content, format=file_format, dpi=200, metadata=dateless)
    return content.getvalue()


def draw_curves(results: Sequence[ModelResult], crossings: Sequence[Crossing] = ()) -> Figure:
    """Curves over eps on a logarithmic axis.

    The score's measure is drawn solid in its 95% interval, 2sED dashed. Where there is no interval,
    a faint band between dotted lines shows two standard deviations of the scatter between seeds.
    A vertical line marks eps_n of Theorem 5.1, where the curves have a point of their own.

    Args:
        results: one or more models on the same eps grid.
        crossings: where two of them change order, which have a ring.
    """
    figure = new_figure()
    draw_curves_on(figure.add_subplot(), results, crossings)
    place_legend(figure, legend_of(figure, results), 6.4, 3.9)
    return figure


def draw_curves_on(
    axes: Axes, results: Sequence[ModelResult], crossings: Sequence[Crossing] = ()
) -> None:
    """The curves of all models, or of the first ones if they are many."""
    from matplotlib.ticker import LogLocator, NullFormatter

    kinds = places([result.name for result in results])
    for result, place in zip(results[:DRAWN], kinds, strict=False):
        _draw(axes, result, *colour_and_mark(place))
    _ring(axes, results[:DRAWN], crossings)
    _mark_eps_n(axes, results[0])
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(r"covering radius $\varepsilon$")
    axes.set_ylabel("effective dimension")
    plain_axes(axes)


def plain_axes(axes: Axes) -> None:
    """A faint grid and no frame."""
    axes.grid(alpha=0.25, lw=0.5)
    axes.spines[["top", "right"]].set_visible(False)


def colour_and_mark(i: int) -> tuple[str, str]:
    """Of the model that `places` gives i."""
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
    if handles:
        small: dict[str, Any] = {"frameon": False, "fontsize": "small"}
        figure.legend(handles=list(handles), loc="outside lower left", **small)


def _draw(axes: Axes, result: ModelResult, colour: str, mark: str) -> None:
    """The curves of one model."""
    eps, curve = _with_eps_n(result, result.curve, result.score)
    lower = curve.estimate
    between_seeds = np.stack([lower - 2 * curve.scatter, lower + 2 * curve.scatter])
    for (low, high), shown, alpha in (
        (curve.interval.T, ~curve.lower_estimate, 0.2),
        (between_seeds, curve.lower_estimate, 0.06),
    ):
        axes.fill_between(eps, low, high, where=shown, color=colour, alpha=alpha, lw=0)
        if len(eps) == 1 and shown.any():  # a band needs two points
            error = np.stack([lower - low, high - lower])
            axes.errorbar(eps, lower, error, color=colour, alpha=5 * alpha, capsize=4)
    if curve.lower_estimate.any():
        for edge in between_seeds:
            line = np.where(curve.lower_estimate, edge, np.nan)
            axes.plot(eps, line, color=colour, ls=":", lw=0.8)
    points: dict[str, Any] = {"marker": mark, "markersize": 4, "markevery": max(1, len(eps) // 8)}
    axes.plot(eps, lower, color=colour, label=model_label(result), **points)
    if len(eps) > 1:  # a line needs two points
        _, two = _with_eps_n(result, result.two_sed, result.two_sed_score)
        axes.plot(eps, two.estimate, color=colour, ls="--", lw=1)


def _with_eps_n(result: ModelResult, curve: Curve, score: Score) -> tuple[np.ndarray, Curve]:
    """A curve, which its score at eps_n is a point of; the radii of its points are first."""
    eps_n = result.eps_n
    if eps_n is None or np.isclose(result.eps, eps_n, rtol=1e-9, atol=0).any():
        return result.eps, curve
    at = int(np.searchsorted(result.eps, eps_n))
    more = {
        field.name: np.insert(getattr(curve, field.name), at, getattr(score, own), axis=0)
        for field in fields(curve)
        for own in ["value" if field.name == "estimate" else field.name]
    }
    return np.insert(result.eps, at, eps_n), Curve(**more)


def _ring(axes: Axes, results: Sequence[ModelResult], crossings: Sequence[Crossing]) -> None:
    """A ring where two curves that are drawn change order."""
    from matplotlib.lines import Line2D

    named = {result.name: result for result in results}
    label: str | None = " two curves change order"
    for crossing in crossings:
        if not {crossing.larger_below, crossing.larger_above} <= set(named):
            continue
        its = named[crossing.larger_below]
        eps, curve = _with_eps_n(its, its.curve, its.score)
        height = np.interp(np.log(crossing.eps), np.log(eps), curve.estimate)
        ring = Line2D([crossing.eps], [height], color="0.2", marker="o", ms=9, mfc="none", ls="")
        ring.set_label(label)
        axes.add_line(ring)
        label = None


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
    points = len(_with_eps_n(results[0], results[0].curve, results[0].score)[0])
    between = "± 2 s.d. between seeds, where it is biased low (few effective draws)"
    if points == 1:  # no line is seen
        bars = ["95% interval"] * intervals + [between] * lower_estimates
        lines = [
            Line2D([], [], color="0.3", ls="", marker="|", ms=9, label=f" {name}; {bar}")
            for bar in bars
        ]
    else:
        label = f" {name} = 2sED" if same else f" {name}"
        label += ", in its 95% interval" if intervals else ""
        lines = [Line2D([], [], color="0.3", label=label)]
    if lower_estimates and points > 1:
        lines.append(Line2D([], [], color="0.3", ls=":", lw=0.8, label=f" {between}"))
    if not same and points > 1:
        uncertain = any(result.two_sed.lower_estimate.any() for result in results)
        lower_estimate = " (biased low: few effective draws)" if uncertain else ""
        lines.append(Line2D([], [], color="0.3", ls="--", lw=1, label=f" 2sED{lower_estimate}"))
    if len(results) > DRAWN:
        more = f" {len(results) - DRAWN:,} more models have no curve"
        lines.append(Line2D([], [], ls="", label=more))
    return lines
