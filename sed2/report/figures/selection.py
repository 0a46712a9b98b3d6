"""The learning curves of a selection, and what they are forecast to come to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sed2.report.figures.curves import DRAWN, colour_and_mark, places, plain_axes, rendered
from sed2.selection.results import Selection

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def selection_figure(selection: Selection, file_format: str) -> bytes:
    """The figure as a file's content; the same selection gives the same bytes."""
    return rendered(draw_selection(selection), file_format)


def draw_selection(selection: Selection) -> Figure:
    """The mean loss of each epoch over the seeds, in the band of the seeds; dashed to the forecast
    of the end with two of its standard errors either way."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(layout="constrained")
    FigureCanvasAgg(figure)
    axes, whole = figure.add_subplot(), selection.training.epochs
    kinds = zip(selection, places([model.name for model in selection]), strict=True)
    trained = [(model, place) for model, place in kinds if model.training][:DRAWN]
    for model, place in trained:
        assert model.training is not None
        colour, mark = colour_and_mark(place)
        loss = np.where(np.isfinite(model.training.loss), model.training.loss, np.nan)
        epochs = np.arange(1, loss.shape[1] + 1)
        mean = loss.mean(axis=0)
        label = f" {model.name}".replace("$", r"\$")
        axes.plot(epochs, mean, color=colour, marker=mark, ms=3, label=label)
        axes.fill_between(epochs, loss.min(axis=0), loss.max(axis=0), color=colour, alpha=0.2, lw=0)
        if np.isfinite(model.forecast) and np.isfinite(model.std_error):
            ends = [mean[-1], model.forecast]
            axes.plot([epochs[-1], whole], ends, color=colour, ls="--", lw=0.8)
            low, high = model.forecast * np.exp([-2 * model.std_error, 2 * model.std_error])
            error = [[model.forecast - low], [high - model.forecast]]
            axes.errorbar([whole], [model.forecast], error, color=colour, capsize=3, lw=0.8)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("epoch (dashed: forecast ± 2 standard errors)", fontsize="small")
    axes.set_ylabel("training loss", fontsize="small")
    plain_axes(axes)
    figure.set_size_inches(6.4, 4.2 + 0.17 * len(trained))
    if trained:
        figure.legend(loc="outside lower left", frameon=False, fontsize="small")
    return figure
