"""Hold sed2's standard errors against the scatter over seeds, on the paper's three MLPs.

    python -m scripts.statistics.standard_errors [--seeds 20] [--eps 1e-3,1e-2,1e-1]

A standard error of lower 2sED says how far another seed lands, with its own draws and its own
inputs, at the same N and K. So the standard deviation over seeds, divided by the mean standard
error, should be 1. Its own uncertainty is printed beside it: of the standard deviation of S
normal numbers, 1/sqrt(2(S - 1)) of it, and of the mean standard error. `score` is what `sed2 rank`
orders by, here the mean over the given eps. Reports, and judges nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

import sed2
from scripts.common.options import at_least
from scripts.common.pages import tell
from scripts.common.paths import CONFIGS

SPEC = CONFIGS / "mlps.yaml"


@dataclass(frozen=True)
class Agreement:
    """Scatter over seeds against the standard errors that were reported. All arrays (C,)."""

    mean: np.ndarray
    scatter: np.ndarray
    """Standard deviation over seeds."""
    reported: np.ndarray
    """Mean standard error."""
    ratio: np.ndarray
    """scatter / reported."""
    ratio_error: np.ndarray
    """Standard error of the ratio."""


def compare(values: np.ndarray, std_errors: np.ndarray) -> Agreement:
    """Both (S, C), S seeds of C quantities."""
    seeds = len(values)
    scatter, reported = values.std(axis=0, ddof=1), std_errors.mean(axis=0)
    ratio = scatter / reported
    of_reported = std_errors.std(axis=0, ddof=1) / reported / np.sqrt(seeds)
    ratio_error = ratio * np.hypot(1 / np.sqrt(2 * (seeds - 1)), of_reported)
    return Agreement(values.mean(axis=0), scatter, reported, ratio, ratio_error)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Standard errors against the scatter over seeds.")
    parser.add_argument("--seeds", type=at_least(2), default=20, help="how many [%(default)s]")
    parser.add_argument("--first-seed", type=int, default=0, help="[%(default)s]")
    parser.add_argument("--eps", default="1e-3,1e-2,1e-1", help="[%(default)s]")
    parser.add_argument("--samples", type=int, default=100, help="N, inputs [%(default)s]")
    parser.add_argument("--draws", type=int, default=100, help="K, draws [%(default)s]")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    given = parse(arguments)
    values, draws, inputs = defaultdict(list), defaultdict(list), defaultdict(list)
    for seed in range(given.first_seed, given.first_seed + given.seeds):
        tell(f"seed {seed}")
        ranking = sed2.rank(
            SPEC, score="lower", eps=given.eps, seed=seed, samples=given.samples, draws=given.draws
        )
        for model in ranking.models:
            result, curve, score = model.result, model.result.lower_two_sed, model.result.score
            values[result.name].append([*curve.estimate, score.value])
            draws[result.name].append([*curve.std_error_draws, score.std_error_draws])
            inputs[result.name].append([*curve.std_error_inputs, score.std_error_inputs])

    columns = [*(f"{radius:g}" for radius in ranking.eps), "score"]
    print(f"lower 2sED over {given.seeds} seeds, N = {given.samples}, K = {given.draws}\n")
    print(
        f"{'model':<22}{'eps':>7}{'mean':>8}{'scatter':>9}{'reported':>10}{'draws':>8}{'inputs':>8}"
        f"{'scatter/reported':>18}"
    )
    for name in values:
        of_draws, of_inputs = np.array(draws[name]), np.array(inputs[name])
        found = compare(np.array(values[name]), np.hypot(of_draws, of_inputs))
        for c, column in enumerate(columns):
            print(
                f"{name:<22}{column:>7}{found.mean[c]:>8.1f}{found.scatter[c]:>9.2f}"
                f"{found.reported[c]:>10.2f}{of_draws[:, c].mean():>8.2f}"
                f"{of_inputs[:, c].mean():>8.2f}"
                f"{found.ratio[c]:>10.2f} ± {found.ratio_error[c]:.2f}"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
