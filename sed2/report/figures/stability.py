"""The figure of the stability study: four small panels, as in the paper's Figure 2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sed2.report.figures.curves import (
    colour_and_mark,
    model_label,
    new_figure,
    place_legend,
    places,
    plain_axes,
)
from sed2.robustness.results import StabilityResult, Sweep

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

_AXES = {
    "samples": "number of inputs $N$",
    "draws": "number of draws $K$",
    "sigma": r"noise $\sigma$",
}
_TICKS = 8  # that have room below a panel


def draw_stability(result: StabilityResult) -> Figure:
    """The score over N, K and sigma, and by seed: the mean over the seeds with a band of their
    standard deviation, and a dotted line at the settings given."""
    from matplotlib.lines import Line2D

    figure = new_figure()
    panels = figure.subplots(2, 2)  # each of its own height: a common one would hide the scatter
    styles = [_style(place) for place in places([model.name for model in result.models])]
    for axes, sweep in zip(panels.flat, result.sweeps, strict=False):
        _draw_sweep(axes, sweep, styles)
    _draw_seeds(panels[1, 1], result, styles)
    for axes in panels.flat:
        plain_axes(axes)
        axes.tick_params(labelsize="small")
    for axes in panels[:, 0]:
        axes.set_ylabel(result.models[0].settings.score_name)
    handles = [
        Line2D([], [], **style, label=model_label(model))
        for style, model in zip(styles, result.models, strict=True)
    ]
    place_legend(figure, [*handles, *_explanations(len(result.seeds))], 6.4, 4.8)
    return figure


def _draw_sweep(axes: Axes, sweep: Sweep, styles: Sequence[dict[str, Any]]) -> None:
    """The scores of all models along one sweep."""
    for mean, scatter, style in zip(sweep.mean, sweep.scatter, styles, strict=True):
        band, colour = np.nan_to_num(scatter), style["color"]
        axes.fill_between(sweep.grid, mean - band, mean + band, color=colour, alpha=0.15, lw=0)
        axes.plot(sweep.grid, mean, **style)
    axes.axvline(sweep.base_value, color="0.4", lw=1, ls=":")
    if sweep.grid[0] > 0:
        axes.set_xscale("log")
    else:  # the limit of sigma, which has a place of its own
        axes.set_xscale("symlog", linthresh=min(sweep.grid[1:], default=1.0))
    axes.set_xlabel(_AXES[sweep.setting])
    if sweep.setting != "sigma" and len(sweep.grid) <= _TICKS:  # the points themselves, not decades
        axes.set_xticks(sweep.grid, [f"{value:g}" for value in sweep.grid])
        axes.minorticks_off()


def _draw_seeds(axes: Axes, result: StabilityResult, styles: Sequence[dict[str, Any]]) -> None:
    """The scores under every seed: what the bands of the other panels are at the base."""
    seeds = np.arange(len(result.seeds))
    for scores, style in zip(result.base_scores, styles, strict=True):
        axes.plot(seeds, scores, **style, lw=0.8)
    axes.set_xlabel("seed")
    shown = seeds[:: max(1, len(seeds) // _TICKS)]
    axes.set_xticks(shown, [str(result.seeds[s]) for s in shown])


def _explanations(seeds: int) -> list[Line2D]:
    """Entries of the legend for the kinds of line."""
    from matplotlib.lines import Line2D

    given = Line2D([], [], color="0.4", lw=1, ls=":", label=" the settings given")
    if seeds == 1:
        return [given]
    label = f" mean ± standard deviation over {seeds} seeds"
    return [Line2D([], [], color="0.3", label=label), given]


def _style(place: int) -> dict[str, Any]:
    colour, mark = colour_and_mark(place)
    return {"color": colour, "marker": mark, "markersize": 4}
