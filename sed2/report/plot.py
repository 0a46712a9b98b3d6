"""Curves of lower 2sED and 2sED over eps: a figure worth putting in a paper."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence

import numpy as np

from sed2.results import ModelResult

# Okabe and Ito's palette: told apart by readers with any colour vision, and in grey by the marks.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKS = "os^Dv*P"
_LABEL_WIDTH = 80  # characters of a line of the legend


def curves_figure(results: Sequence[ModelResult], file_format: str) -> bytes:
    """The figure as a file's content.

    Lower 2sED is drawn solid with a band of two standard errors, 2sED dashed. A vertical line
    marks eps_n of Theorem 5.1.

    Args:
        results: one or more models on the same eps grid.
        file_format: png, svg or pdf.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    labels = [
        textwrap.fill(f"{result.name}  ({result.parameters:,} parameters)", _LABEL_WIDTH)
        for result in results
    ]
    legend_lines = sum(label.count("\n") + 1 for label in labels) + 2
    figure = Figure(figsize=(6.4, 3.9 + 0.17 * legend_lines), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for i, (result, label) in enumerate(zip(results, labels, strict=True)):
        colour, mark = _COLOURS[i % len(_COLOURS)], _MARKS[i % len(_MARKS)]
        lower, band = result.lower_two_sed.estimate, 2 * result.lower_two_sed.std_error
        axes.fill_between(result.eps, lower - band, lower + band, color=colour, alpha=0.15, lw=0)
        axes.plot(
            result.eps,
            lower,
            color=colour,
            marker=mark,
            markersize=4,
            markevery=max(1, len(result.eps) // 8),
            label=label,
        )
        axes.plot(result.eps, result.two_sed.estimate, color=colour, ls="--", lw=1)
    eps_n = results[0].eps_n
    if eps_n is not None:
        axes.axvline(eps_n, color="0.4", lw=1, ls=":")
        axes.annotate(
            rf"$\varepsilon_n$, n = {results[0].settings.n_train:,}",
            (eps_n, 1),
            xycoords=("data", "axes fraction"),
            xytext=(-3, -3),
            ha="right",
            textcoords="offset points",
            va="top",
            fontsize="small",
            color="0.3",
        )
    axes.set_xscale("log")
    axes.set_xlabel(r"covering radius $\varepsilon$")
    axes.set_ylabel("effective dimension")
    axes.grid(alpha=0.25, lw=0.5)
    axes.spines[["top", "right"]].set_visible(False)
    handles, _ = axes.get_legend_handles_labels()
    handles += [
        Line2D([], [], color="0.3", label="lower 2sED, ± 2 s.e."),
        Line2D([], [], color="0.3", ls="--", lw=1, label="2sED" + _lower_estimate(results)),
    ]
    figure.legend(handles=handles, frameon=False, fontsize="small", loc="outside lower left")
    content = io.BytesIO()
    dateless = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(file_format)
    with rc_context({"svg.hashsalt": "sed2"}):  # the same result gives the same file
        figure.savefig(content, format=file_format, dpi=200, metadata=dateless)
    return content.getvalue()


def _lower_estimate(results: Sequence[ModelResult]) -> str:
    uncertain = any(np.isnan(result.two_sed.std_error).any() for result in results)
    return " (a lower estimate: few effective draws)" if uncertain else ""
