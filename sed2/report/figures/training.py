"""The figure of `rank`: the curves, and below them losses and sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sed2.ranking.results import Ranking
from sed2.ranking.size import fronts, of_several_sizes
from sed2.report.figures.curves import (
    DRAWN,
    colour_and_mark,
    draw_curves,
    draw_curves_on,
    legend_of,
    place_legend,
    places,
    plain_axes,
    rendered,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def ranking_figure(ranking: Ranking, file_format: str) -> bytes:
    """The figure as a file's content; the same ranking gives the same bytes."""
    return rendered(draw_ranking(ranking), file_format)


def draw_ranking(ranking: Ranking) -> Figure:
    """Curves over eps; if the models were trained, also the loss over the epochs, and the final
    loss against the score; if they are of several sizes, the score against these, with the Pareto
    fronts. A model has one colour and mark in all of them."""
    results = [model.result for model in ranking.models]
    below = [[_draw_epochs, _draw_against_score]] if ranking.correlation else []
    if of_several_sizes(ranking):
        below.append([_draw_against_parameters, _draw_against_flops])
    if not below:
        return draw_curves(results, ranking.crossings)
    from matplotlib.figure import Figure

    figure = Figure(layout="constrained")
    grid = figure.add_gridspec(1 + len(below), 2, height_ratios=[3, *[2] * len(below)])
    draw_curves_on(figure.add_subplot(grid[0, :]), results, ranking.crossings)
    for row, panels in enumerate(below, start=1):
        for column, draw in enumerate(panels):
            draw(figure.add_subplot(grid[row, column]), ranking)
    place_legend(figure, legend_of(figure, results), 6.4, 3.9 + 2.5 * len(below))
    return figure


def sizes_figure(ranking: Ranking, file_format: str) -> bytes:
    """The score against the sizes alone, as a file's content."""
    from matplotlib.figure import Figure

    figure = Figure(layout="constrained", figsize=(6.4, 2.6))
    for axes, draw in zip(
        figure.subplots(1, 2), (_draw_against_parameters, _draw_against_flops), strict=True
    ):
        draw(axes, ranking)
    return rendered(figure, file_format)


def _kinds(ranking: Ranking) -> list[tuple[str, str]]:
    """The colour and mark of each model; small and grey, if it has no curve."""
    found = [colour_and_mark(place) for place in places([model.name for model in ranking.models])]
    return [kind if i < DRAWN else ("0.7", ".") for i, kind in enumerate(found)]


def _draw_against_parameters(axes: Axes, ranking: Ranking) -> None:
    sizes = [float(model.result.parameters) for model in ranking.models]
    _draw_front(axes, ranking, sizes, fronts(ranking)[0], "parameters")


def _draw_against_flops(axes: Axes, ranking: Ranking) -> None:
    sizes = [model.flops for model in ranking.models]
    _draw_front(axes, ranking, sizes, fronts(ranking)[1], "FLOPs of one input")


def _draw_front(
    axes: Axes, ranking: Ranking, sizes: Sequence[float], front: Sequence[bool], label: str
) -> None:
    """Scores with their scatter against sizes, and the Pareto front as steps."""
    for model, size, (colour, mark) in zip(ranking.models, sizes, _kinds(ranking), strict=True):
        score = model.result.score
        error = None if np.isnan(score.scatter) or mark == "." else score.scatter
        axes.errorbar(size, score.value, yerr=error, color=colour, marker=mark, ms=4, capsize=2)
    scores = [model.result.score.value for model in ranking.models]
    steps = sorted((s, y) for s, y, its in zip(sizes, scores, front, strict=True) if its)
    if steps:
        axes.step(*zip(*steps, strict=True), where="post", color="0.5", lw=0.8, zorder=0)
    axes.set_xscale("log")
    axes.set_xlabel(f"{label} (line: Pareto front)", fontsize="small")
    axes.set_ylabel(ranking.settings.score_name, fontsize="small")
    axes.tick_params(which="both", labelsize="x-small")
    plain_axes(axes)


def _draw_epochs(axes: Axes, ranking: Ranking) -> None:
    """The mean loss of each epoch over the seeds, in the band from the least to the largest."""
    from matplotlib.ticker import MaxNLocator

    for model, (colour, mark) in zip(ranking.models[:DRAWN], _kinds(ranking), strict=False):
        if model.training is None:
            continue
        loss = np.where(np.isfinite(model.training.loss), model.training.loss, np.nan)
        epochs = np.arange(1, loss.shape[1] + 1)
        every = max(1, len(epochs) // 8)
        axes.plot(epochs, loss.mean(axis=0), color=colour, marker=mark, ms=4, markevery=every)
        axes.fill_between(epochs, loss.min(axis=0), loss.max(axis=0), color=colour, alpha=0.2, lw=0)
    axes.set_xlabel("epoch (bands: least to largest seed)", fontsize="small")
    axes.set_ylabel("training loss", fontsize="small")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    plain_axes(axes)


def _draw_against_score(axes: Axes, ranking: Ranking) -> None:
    """The final loss with its standard error over the seeds, against the score."""
    for model, (colour, mark) in zip(ranking.models, _kinds(ranking), strict=True):
        training, score = model.training, model.result.score
        if training is None or np.isnan(training.mean):
            continue
        error = None if np.isnan(training.std_error) else training.std_error
        axes.errorbar(
            score.value, training.mean, yerr=error, color=colour, marker=mark, ms=5, capsize=3
        )
    at = "at" if len(ranking.eps) == 1 else "averaged over"
    of = r"at $\varepsilon_n$" if ranking.eps_n is not None else rf"{at} $\varepsilon$"
    axes.set_xlabel(f"{ranking.settings.score_name} {of}", fontsize="small")
    axes.set_ylabel("final training loss", fontsize="small")
    assert ranking.correlation is not None  # or the models were not trained
    tau = ranking.correlation.agreements[0].kendall
    told = "undefined" if np.isnan(tau.value) else f"{tau.value:.2f}"
    # Scores at N and K of their own do not compare; see `sed2.ranking.prediction.predict`.
    whose = "tau-b of the ranks" if ranking.demand else "tau-b"
    axes.set_title(f"{whose} with -loss: {told} ({tau.models} models)", fontsize="small")
    plain_axes(axes)
