"""How far plain Monte Carlo is from its limit in K, and the limit at N from that of many inputs.

    python -m scripts.statistics.bias --plot docs/estimator_bias.png

`MLP 54-16-7` on Covertype at one eps. In K: the inputs are the same N rows for all seeds, so that
only the draws differ; the limit is that of sequential Monte Carlo on them. In N: each seed has
its own inputs.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import sed2
from scripts.common.figures import panels
from scripts.common.options import numbers
from sed2.data.load import choose_inputs, load_dataset
from sed2.results import ModelResult

MODEL = "MLP 54-16-7"


@dataclass(frozen=True)
class Point:
    """Values of several seeds."""

    at: int
    """K or N."""
    lower: np.ndarray
    """(seeds,) lower 2sED."""
    two: np.ndarray
    """(seeds,) 2sED."""

    def __str__(self) -> str:
        both = " ".join(f"{v.mean():9.1f} +- {v.std(ddof=1):5.1f}" for v in (self.lower, self.two))
        return f"{self.at:>7,} {both}"


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="The bias of plain Monte Carlo in K and in N.")
    parser.add_argument("--plot", type=Path, help="figure: .png, .svg or .pdf")
    parser.add_argument("--eps", type=float, default=0.1)
    parser.add_argument("--samples", type=int, default=100, help="N of the sweep over K")
    parser.add_argument("--draws-grid", type=numbers, default="10,30,100,300,1000,3000")
    parser.add_argument("--samples-grid", type=numbers, default="50,100,200,400,800,1600")
    parser.add_argument(
        "--smc-samples", type=numbers, default="50,100", help="N at which smc runs too"
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--particles", type=int, default=32)
    arguments = parser.parse_args(given)
    common = {"eps": arguments.eps, "input_groups": 0}
    smc = {"estimator": "smc", "particles": arguments.particles}
    with tempfile.TemporaryDirectory() as folder:

        def fixed(samples: int) -> dict[str, object]:
            """Settings that take the same rows whatever the seed."""
            rows = choose_inputs(load_dataset("covertype"), samples, 0)
            path = Path(folder) / f"{samples}.npz"
            np.savez(path, x=rows)
            return common | {"dataset": str(path), "samples": samples}

        print("                lower 2sED              2sED")
        limit = sed2.compute(MODEL, **fixed(arguments.samples), **smc)
        print(f"smc at N = {arguments.samples}: {both(limit)}", flush=True)
        print(f"plain Monte Carlo over K, N = {arguments.samples}, the same inputs")
        in_draws = [
            point(k, arguments.seeds, fixed(arguments.samples) | {"draws": k})
            for k in arguments.draws_grid
        ]
        print("plain Monte Carlo over N, K = 100")
        free = common | {"dataset": "covertype"}
        in_samples = [
            point(n, arguments.seeds, free | {"samples": n}) for n in arguments.samples_grid
        ]
        print("smc over N")
        of_smc = []
        for n in arguments.smc_samples:
            result = limit if n == arguments.samples else sed2.compute(MODEL, **fixed(n), **smc)
            of_smc.append((n, float(result.lower_two_sed.estimate[0])))
            print(f"{n:>7,} {both(result)}", flush=True)
    if arguments.plot:
        draw(limit, in_draws, in_samples, of_smc, arguments)


def point(at: int, seeds: int, settings: dict[str, object]) -> Point:
    """Plain Monte Carlo under several seeds."""
    results = [sed2.compute(MODEL, seed=seed, **settings) for seed in range(seeds)]
    found = Point(
        at,
        np.array([result.lower_two_sed.estimate[0] for result in results]),
        np.array([result.two_sed.estimate[0] for result in results]),
    )
    print(found, flush=True)
    return found


def both(result: ModelResult) -> str:
    """Lower 2sED and 2sED with their 95% intervals, which are of the draws alone."""
    return "  ".join(
        "{:.1f} ({:.1f} to {:.1f})".format(curve.estimate[0], *curve.interval[0])
        for curve in (result.lower_two_sed, result.two_sed)
    )


def draw(
    limit: ModelResult,
    in_draws: Sequence[Point],
    in_samples: Sequence[Point],
    of_smc: Sequence[tuple[int, float]],
    arguments: argparse.Namespace,
) -> None:
    """Two panels: over K with the limit as a line, over N."""
    figure, grid = panels(7, 3.4, 1, 2)
    left, right = grid.flat
    blue, orange = "#0072B2", "#D55E00"
    for values, colour, mark, label in (
        ([p.lower for p in in_draws], blue, "o", "lower 2sED, plain Monte Carlo"),
        ([p.two for p in in_draws], orange, "s", "2sED, plain Monte Carlo"),
    ):
        means, scatter = np.mean(values, axis=1), np.std(values, axis=1, ddof=1)
        at = [p.at for p in in_draws]
        left.errorbar(at, means, scatter, color=colour, marker=mark, markersize=4, label=label)
    for curve, colour, name in (
        (limit.lower_two_sed, blue, "lower 2sED"),
        (limit.two_sed, orange, "2sED"),
    ):
        label = f"{name}, smc, and its 95% interval"
        left.axhline(float(curve.estimate[0]), color=colour, ls="--", lw=1, label=label)
        left.axhspan(*curve.interval[0], color=colour, alpha=0.12, lw=0)
    left.set_xlabel("draws K")
    left.set_ylabel("effective dimension")
    left.set_title(f"N = {arguments.samples}, the same inputs", fontsize="medium")
    means = [p.lower.mean() for p in in_samples]
    scatter = [p.lower.std(ddof=1) for p in in_samples]
    right.errorbar([p.at for p in in_samples], means, scatter, color=blue, marker="o", markersize=4)
    right.plot(*zip(*of_smc, strict=True), color=blue, ls="--", marker="x", lw=1)
    right.set_xlabel("inputs N")
    right.set_title("lower 2sED, K = 100 and smc", fontsize="medium")
    for axes in (left, right):
        axes.set_xscale("log")
    figure.legend(loc="outside lower left", ncols=2, frameon=False, fontsize="small")
    figure.savefig(arguments.plot, dpi=200)


if __name__ == "__main__":
    main()
