"""The figure of `rank`: the curves, and below them losses and sizes; and that of `select`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sed2.ranking.results import Ranking
from sed2.ranking.size import fronts, of_several_sizes
from sed2.report.figures.curves import (
    DRAWN,
    colour_and_mark,
    draw_curves,
    draw_curves_on,
    legend_of,
    new_figure,
    place_legend,
    places,
    plain_axes,
)
from sed2.selection.results import Selection
from sed2.training.result import Training

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


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
    figure = new_figure()
    grid = figure.add_gridspec(1 + len(below), 2, height_ratios=[3, *[2] * len(below)])
    draw_curves_on(figure.add_subplot(grid[0, :]), results, ranking.crossings)
    for row, panels in enumerate(below, start=1):
        for column, draw in enumerate(panels):
            draw(figure.add_subplot(grid[row, column]), ranking)
    place_legend(figure, legend_of(figure, results), 6.4, 3.9 + 2.5 * len(below))
    return figure


def draw_sizes(ranking: Ranking) -> Figure:
    """The score against the sizes alone."""
    figure = new_figure(figsize=(6.4, 2.6))
    left, right = figure.subplots(1, 2)
    _draw_against_parameters(left, ranking)
    _draw_against_flops(right, ranking)
    return figure


def draw_selection(selection: Selection) -> Figure:
    """The losses over the epochs; dashed to the forecast of the end with two of its standard errors
    either way."""
    figure = new_figure()
    axes, whole = figure.add_subplot(), selection.training.epochs
    kinds = zip(selection, places([model.name for model in selection]), strict=True)
    trained = [(model, its, place) for model, place in kinds if (its := model.training)]
    for model, training, place in trained[:DRAWN]:
        colour, mark = colour_and_mark(place)
        label = f" {model.name}".replace("$", r"\$")
        mean = _draw_losses(axes, training, colour, mark, ms=3, label=label)
        if np.isfinite(model.forecast) and np.isfinite(model.std_error):
            ends = [mean[-1], model.forecast]
            axes.plot([len(mean), whole], ends, color=colour, ls="--", lw=0.8)
            low, high = model.forecast * np.exp([-2 * model.std_error, 2 * model.std_error])
            error = [[model.forecast - low], [high - model.forecast]]
            axes.errorbar([whole], [model.forecast], error, color=colour, capsize=3, lw=0.8)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("epoch (dashed: forecast ± 2 standard errors)", fontsize="small")
    axes.set_ylabel("training loss", fontsize="small")
    plain_axes(axes)
    place_legend(figure, axes.get_legend_handles_labels()[0], 6.4, 4.2)
    return figure


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


def _draw_losses(
    axes: Axes, training: Training, colour: str, mark: str, **style: Any
) -> np.ndarray:
    """The mean loss of each epoch over the seeds, which is returned, in the band from the least to
    the largest."""
    loss = np.where(np.isfinite(training.loss), training.loss, np.nan)
    mean, epochs = loss.mean(axis=0), np.arange(1, loss.shape[1] + 1)
    axes.plot(epochs, mean, color=colour, marker=mark, **style)
    axes.fill_between(epochs, loss.min(axis=0), loss.max(axis=0), color=colour, alpha=0.2, lw=0)
    return mean


def _draw_epochs(axes: Axes, ranking: Ranking) -> None:
    from matplotlib.ticker import MaxNLocator

    for model, (colour, mark) in zip(ranking.models[:DRAWN], _kinds(ranking), strict=False):
        if training := model.training:
            every = max(1, training.loss.shape[1] // 8)
            _draw_losses(axes, training, colour, mark, ms=4, markevery=every)
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
