"""How the cost of a spectrum grows with width, depth, N and K: a log-log plot and its slopes.

    python -m scripts.cost.growth --plot docs/cost_growth.png

One quantity is varied at a time around `MLP 54-64-64-7`, N = 100, K = 20. Every point is the least
time of some runs in this process after one that compiles, errors over inputs left out. The slope
is that of a straight line through the last three points: the exponent of the cost at its largest.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import sed2
from scripts.common.figures import panels

WIDTH, DEPTH, SAMPLES, DRAWS = 64, 2, 100, 20


@dataclass(frozen=True)
class Sweep:
    """One quantity that is varied."""

    name: str
    values: tuple[int, ...]
    settings: Callable[[int], tuple[str, int, int]]
    """From a value to the notation, N and K."""


def notation(width: int, depth: int) -> str:
    """`depth` hidden layers."""
    return f"MLP 54-{'-'.join([str(width)] * depth)}-7"


SWEEPS = (
    Sweep(
        "width of the layers",
        (16, 32, 64, 128, 256, 512, 1024),
        lambda width: (notation(width, DEPTH), SAMPLES, DRAWS),
    ),
    Sweep(
        "number of layers",
        (1, 2, 4, 8, 16),
        lambda depth: (notation(WIDTH, depth), SAMPLES, DRAWS),
    ),
    Sweep(
        "inputs N",
        (25, 50, 100, 200, 400, 800, 1600),
        lambda samples: (notation(WIDTH, DEPTH), samples, DRAWS),
    ),
    Sweep(
        "draws K",
        (5, 10, 20, 40, 80, 160),
        lambda draws: (notation(WIDTH, DEPTH), SAMPLES, draws),
    ),
)


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="How cost grows with width, depth, N and K.")
    parser.add_argument("--plot", type=Path, help="figure: .png, .svg or .pdf")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--largest", type=int, default=10**9, help="leave out larger values")
    arguments = parser.parse_args(given)
    curves = []
    for sweep in SWEEPS:
        values = [value for value in sweep.values if value <= arguments.largest]
        seconds = [measure(*sweep.settings(value), arguments.repeats) for value in values]
        slope = last_slope(values, seconds)
        curves.append((sweep.name, values, seconds, slope))
        print(f"{sweep.name}: seconds grow with exponent {slope:.2f} at the end")
        for value, took in zip(values, seconds, strict=True):
            print(f"  {value:>5,} {took:8.3f} s", flush=True)
    if arguments.plot:
        draw(curves, arguments.plot)


def measure(model: str, samples: int, draws: int, repeats: int) -> float:
    """Seconds of one run, compilation left out."""

    def run() -> float:
        start = time.perf_counter()
        sed2.compute(
            model, dataset="covertype", samples=samples, draws=draws, input_groups=0, eps="0.1"
        )
        return time.perf_counter() - start

    run()
    return min(run() for _ in range(repeats))


def last_slope(values: Sequence[int], seconds: Sequence[float]) -> float:
    """The exponent of the cost over the last three points."""
    return float(np.polyfit(np.log(values[-3:]), np.log(seconds[-3:]), 1)[0])


def draw(curves: Sequence[tuple[str, list[int], list[float], float]], path: Path) -> None:
    """One panel per sweep, both axes logarithmic."""
    figure, grid = panels(7, 5.4, 2, 2, sharey=True)
    for axes, (name, values, seconds, slope) in zip(grid.flat, curves, strict=True):
        axes.loglog(values, seconds, color="#0072B2", marker="o", markersize=4)
        line = seconds[-1] * (np.array(values[-3:]) / values[-1]) ** slope
        axes.loglog(values[-3:], 0.7 * line, color="0.4", lw=1, ls="--")
        axes.annotate(
            f"exponent {slope:.2f}",
            (values[-2], 0.7 * line[-2]),
            xytext=(4, -4),
            textcoords="offset points",
            va="top",
            fontsize="small",
            color="0.3",
        )
        axes.set_xlabel(name)
        axes.set_xticks(values, [f"{value:,}" for value in values], fontsize="small")
        axes.minorticks_off()
    for axes in grid[:, 0]:
        axes.set_ylabel("seconds")
    figure.suptitle("MLP 54-64-64-7, N = 100, K = 20; one quantity varied at a time", fontsize=10)
    figure.savefig(path, dpi=200)


if __name__ == "__main__":
    main()
