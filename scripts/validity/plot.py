"""The figure of the validity benchmark: tau by measure with intervals, and loss against score."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scripts.common.figures import panels
from scripts.validity.data import Benchmark
from scripts.validity.statistics import halves
from scripts.validity.tables import contenders, taus
from sed2.report.figures.curves import COLOURS, rendered

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, ORANGE, *_ = COLOURS
GREY = "0.45"


def draw(families: Mapping[str, Benchmark], path: Path, resamples: int) -> None:
    """A column for each family: tau on the half for reporting, and training loss against the
    score of 2sED that the other half chose."""
    count = max(len(contenders(one)) + len(one.baselines) for one in families.values())
    ratios = {"height_ratios": [0.22 * count, 2.6]}
    figure, grid = panels(10, 3.2 + 0.22 * count, 2, len(families), gridspec_kw=ratios)
    for column, (title, benchmark) in enumerate(families.items()):
        _draw_taus(grid[0, column], benchmark, resamples)
        _draw_losses(grid[1, column], benchmark)
        grid[0, column].set_title(title, fontsize="medium")
    path.write_bytes(rendered(figure, path.suffix.removeprefix(".")))


def _draw_taus(axes: Axes, benchmark: Benchmark, resamples: int) -> None:
    _, reporting = halves(len(benchmark.models))
    ours = contenders(benchmark)
    found = taus(ours | benchmark.baselines, benchmark.target, resamples, reporting)
    names = sorted(
        (name for name, tau in found.items() if not np.isnan(tau.value)),
        key=lambda name: found[name].value,
    )
    for height, name in enumerate(names):
        tau, colour = found[name], BLUE if name in ours else GREY
        if tau.interval is not None:
            axes.plot(tau.interval, [height, height], color=colour, lw=1.5)
        axes.plot(tau.value, height, color=colour, marker="o" if name in ours else "s", ms=4)
    axes.set_yticks(range(len(names)), [_short(name) for name in names], fontsize="small")
    for label, name in zip(axes.get_yticklabels(), names, strict=True):
        label.set_color(BLUE if name in ours else "0.2")
    axes.axvline(0, color="0.6", lw=0.8)
    axes.set_xlabel("Kendall's tau-b with -loss", fontsize="small")


def _draw_losses(axes: Axes, benchmark: Benchmark) -> None:
    name, score = list(contenders(benchmark).items())[1]
    narrow = benchmark.narrow_end
    for which, colour, mark, label in (
        (~narrow, BLUE, "o", f"last hidden width {benchmark.outputs} or more"),
        (narrow, ORANGE, "^", "narrower than the output"),
    ):
        axes.scatter(
            score[which],
            -benchmark.target[which],
            s=14,
            color=colour,
            marker=mark,
            alpha=0.8,
            lw=0,
            label=label,
        )
    axes.set_xlabel(_short(name), fontsize="small")
    axes.set_ylabel("training loss")
    axes.legend(frameon=False, fontsize="small")


def _short(label: str) -> str:
    """The kind of a measure, without the setting that was chosen, which the page tells."""
    return label.partition(": ")[0]
