"""The page on NAS-Bench-201, from the scores and the accuracies."""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats

from scripts.common.pages import table
from scripts.nb201.data import RANDOM_CELLS, Cells, cells, order
from scripts.nb201.figures import FIGURES, Figure, of_orders, resampled, tau_of
from scripts.nb201.measures import BASELINES, LARGEST, NAMES, WIDEST
from sed2.blocks.cell import OPERATIONS
from sed2.ranking.correlation import Advantage, against_best, tau_b

PRIMARY = "joint_0.3"
GOAL = 0.75
TITLES = {
    "joint_0.3": "**joint 2sED, eps 0.3**",
    "joint_0.1": "joint 2sED, eps 0.1",
    "lower_0.3": "lower 2sED, eps 0.3",
    "lower_0.1": "lower 2sED, eps 0.1",
    "end_to_end_0.3": "2sED end-to-end, eps 0.3",
    "end_to_end_0.1": "2sED end-to-end, eps 0.1",
    "params": "parameters",
    "flops": "FLOPs",
    "test_12": "accuracy after 12 epochs itself (a training, no score)",
}
SHOWN = ("joint_0.3", "lower_0.3", "end_to_end_0.3", "joint_0.1", "lower_0.1", "end_to_end_0.1")
PUBLISHED = [
    ("VKDNW, single", "0.618"),
    ("VKDNW, aggregated with others", "0.750"),
    ("synflow", "0.561"),
    ("FLOPs", "0.623"),
]
"""tau-b with the accuracy after 200 epochs over all 15,625 cells, as Tybl and Neumann (2025,
arXiv 2502.04975) give it."""


@dataclass(frozen=True)
class Part:
    """Some cells and what they are held against."""

    measures: dict[str, np.ndarray]
    """By name: (M,)."""
    target: np.ndarray
    """(M,) accuracy in percent."""
    orders: np.ndarray
    """(R, M) resamples of the cells."""
    ties: np.ndarray
    """(M,) the order in which ties are broken."""

    def ranks(self, name: str) -> np.ndarray:
        """(M,) of a measure, from the least up; what is undefined is below all."""
        values = np.nan_to_num(self.measures[name], nan=-math.inf, neginf=-math.inf)
        return np.unique(values, return_inverse=True)[1].astype(float)

    def figure(self, name: str, figure: Figure) -> tuple[float, np.ndarray]:
        """Of a measure, and (R,) in the resamples."""
        values = self.ranks(name)
        if figure.name == "tau-b":
            return tau_of(values, self.target, self.orders)
        return of_orders(figure, values, self.target, self.ties, self.orders)


def write(given: argparse.Namespace) -> None:
    """Read the tables, write the page."""
    rows, full = map(cells, (given.scores, given.full))
    first, second = map(cells, given.accuracies)
    text = page(rows, full, first, second, given.resamples, given.scores)
    given.out.write_text(text, encoding="utf-8")


def page(
    rows: Cells, full: Cells, first: Cells, second: Cells, resamples: int, source: Path
) -> str:
    """In Markdown.

    Args:
        rows, full: scores of small networks and of full ones.
        first, second: accuracies after 200 epochs and after 12.
    """
    long = [i for i in rows if i in first]
    short = random_cells(rows, second)
    seconds = _seconds(rows)
    of_long = part(rows, long, {i: first[i]["cifar10_test_200"] for i in long}, resamples)
    of_long.measures["test_12"] = np.array([float(first[i]["cifar10_test_12"]) for i in long])
    accuracies = {i: first[i]["cifar10_test_200"] for i in full}
    of_full, of_same = (part(its, [*full], accuracies, resamples) for its in (full, rows))
    of_short = {
        column: part(rows, short, {i: second[i][column] for i in short}, resamples)
        for column in ("cifar10_test", "cifar10_val", "cifar100_test", "imagenet16_test")
    }
    lines = [
        "# NAS-Bench-201",
        "",
        f"Made by `python -m scripts.nb201 report` from `{source.name}`, which `python -m "
        "scripts.nb201 run` wrote. The rules stand in the head of the script and were committed "
        "before the run. The accuracies are those of NAS-Bench-201 (Dong and Yang, ICLR 2020); "
        "they are not part of this repository.",
        "",
        f"Scored: {len(rows):,} cells (all {len(long)} that have an accuracy after 200 epochs, and "
        f"the first {len(short):,} of the random order; {RANDOM_CELLS:,} were planned) at C = 4 "
        "channels, one cell per stage, 8 x 8 CIFAR-10 "
        f"images, N = 16, K = 2; {seconds.mean():.1f} s of CPU per cell, baselines included. "
        "In brackets 95% intervals over resampled cells. nDCG, regret and precision are of the "
        "first 10%, or the first place. Parameters and FLOPs put cells in the same order. "
        f"{_undefined(rows)} cells have no jacob_cov, and stand last in it.",
        "",
        f"Of the first, {len(full)} were scored at C = 16 and five cells per stage as well, the "
        "networks of the benchmark, still on 8 x 8 images; "
        f"{_seconds(full).mean():.0f} s of CPU per cell. There blocks of more than "
        f"{LARGEST:,} eigenvalues or {WIDEST:,} outputs went by Lanczos quadrature. Images of 32 x "
        "32 were not: the time for them was not to be had.",
        "",
        *verdict(
            {
                f"200 epochs ({len(long)} cells)": of_long,
                f"200 epochs, full networks ({len(full)} cells)": of_full,
                f"12 epochs ({len(short):,})": of_short["cifar10_test"],
            },
            resamples,
        ),
        "",
        f"## {len(long)} cells, 200 epochs, CIFAR-10",
        "",
        *figures(of_long, (*SHOWN, *BASELINES, "test_12")),
        "",
        f"## {len(full)} of them, full networks",
        "",
        *figures(of_full, (*SHOWN, *BASELINES)),
        "",
        f"Small networks of the same cells: joint 2sED at eps 0.3 has tau-b "
        f"{_shown(*of_same.figure(PRIMARY, FIGURES[0]))}, and "
        f"{tau_b(of_same.ranks(PRIMARY), of_full.ranks(PRIMARY)):.2f} with that of the full ones.",
        "",
        f"## {len(short):,} random cells of the full range, 12 epochs, CIFAR-10",
        "",
        *figures(of_short["cifar10_test"], (*SHOWN, *BASELINES)),
        "",
        "tau-b with the other accuracies after 12 epochs:",
        "",
        *others(of_short),
        "",
        "## What joint 2sED misplaces",
        "",
        "How many places of 100 joint 2sED at eps 0.3 puts a random cell above where the accuracy "
        "after 12 epochs puts it, on average, by how many of the six edges have an operation (in "
        "brackets a 95% interval of the mean; how many cells):",
        "",
        *misplaced(of_short["cifar10_test"], [second[i]["arch"] for i in short]),
        "",
        "## Beside published figures",
        "",
        "tau-b over all 15,625 cells at full size (C = 16, five cells per stage, 32 x 32 images), "
        "with the accuracy after 200 epochs, from Tybl and Neumann (2025, arXiv 2502.04975):",
        "",
        *table(["measure", "tau-b"], [list(each) for each in PUBLISHED]),
        "",
        "Ours are of other cells, of smaller networks or images, so a difference to these is no "
        "proof of anything.",
    ]
    return "\n".join(lines) + "\n"


def _seconds(rows: Cells) -> np.ndarray:
    return np.array([float(row["cpu_seconds"]) for row in rows.values()])


def _undefined(rows: Cells) -> int:
    return sum(not row["jacob_cov"] or row["jacob_cov"] == "nan" for row in rows.values())


def random_cells(rows: Cells, second: Cells) -> list[int]:
    """Those of the random order that are scored, from its first one on without a gap."""
    wanted = [index for index, _ in order({}, second)]
    return list(itertools.takewhile(lambda index: index in rows, wanted))


def part(
    rows: Cells, indices: Sequence[int], accuracies: Mapping[int, str], resamples: int
) -> Part:
    """Of these cells."""
    measures = {name: np.array([float(rows[i][name]) for i in indices], float) for name in NAMES}
    target = np.array([float(accuracies[i]) for i in indices])
    ties = np.random.default_rng(0).permutation(len(indices))
    return Part(measures, target, resampled(len(indices), resamples), ties)


def figures(of: Part, names: Sequence[str]) -> list[str]:
    """All figures of the measures, and how much the primary score is ahead in tau-b."""
    lines = []
    taus = {name: of.figure(name, FIGURES[0]) for name in names}
    for name in names:
        found = [of.figure(name, figure) for figure in FIGURES]
        ahead = taus[PRIMARY][0] - taus[name][0], taus[PRIMARY][1] - taus[name][1]
        shown = [
            _shown(*each, form=figure.form) for figure, each in zip(FIGURES, found, strict=True)
        ]
        lines.append([TITLES.get(name, name), *shown, "" if name == PRIMARY else _shown(*ahead)])
    head = [figure.name for figure in FIGURES]
    return table(["measure", *head, "joint's tau-b less this"], lines)


def others(of: Mapping[str, Part]) -> list[str]:
    """tau-b alone, of each target."""
    names = ("joint_0.3", "lower_0.3", "end_to_end_0.3", *BASELINES)
    lines = [
        [TITLES.get(name, name), *(_shown(*part.figure(name, FIGURES[0])) for part in of.values())]
        for name in names
    ]
    titles = ["CIFAR-10 test", "CIFAR-10 validation", "CIFAR-100", "ImageNet16-120"]
    return table(["measure", *titles], lines)


def misplaced(of: Part, archs: Sequence[str]) -> list[str]:
    """By operation and how often a cell has it."""
    ahead = stats.rankdata(of.measures[PRIMARY]) - stats.rankdata(of.target)
    ahead *= 100 / len(archs)
    lines = []
    for operation in OPERATIONS:
        counts = np.array([arch.count(operation) for arch in archs])
        groups = [ahead[counts == n] for n in range(3)] + [ahead[counts >= 3]]
        lines.append([operation, *map(_mean, groups)])
    return table(["operation", "none", "one", "two", "three or more"], lines)


def _mean(values: np.ndarray) -> str:
    if len(values) < 2:
        return "–"
    half = 1.96 * values.std(ddof=1) / math.sqrt(len(values))
    mean = values.mean()
    return f"{mean:+.0f} ({mean - half:+.0f} to {mean + half:+.0f}; {len(values)})"


def verdict(parts: Mapping[str, Part], resamples: int) -> list[str]:
    """Who wins, by the rule; parts by their titles."""
    lines = []
    for title, of in parts.items():
        tau, _ = of.figure(PRIMARY, FIGURES[0])
        won: dict[str, list[str]] = {"beats": [], "loses to": [], "is not told apart from": []}
        for name in BASELINES:
            difference = of.figure(PRIMARY, FIGURES[0])[1] - of.figure(name, FIGURES[0])[1]
            low, high = _interval(difference)
            how = "beats" if low > 0 else "loses to" if high < 0 else "is not told apart from"
            won[how].append(TITLES.get(name, name))
        found = "; ".join(f"{how} {', '.join(who)}" for how, who in won.items() if who)
        best = _best(of, resamples)
        goal = "reached" if tau >= GOAL else f"missed by {GOAL - tau:.2f}"
        lines.append(
            f"- **{title}**: joint 2sED at eps 0.3 has tau-b {tau:.2f}; the goal of {GOAL} is "
            f"{goal}. It {found}. Against the best baseline chosen anew in each resample: {best}."
        )
    return lines


def _best(of: Part, resamples: int) -> str:
    against: Advantage = against_best(
        of.ranks(PRIMARY),
        np.array([of.ranks(name) for name in BASELINES]),
        of.target,
        resamples=resamples,
    )
    if against.interval is None:
        return "undefined"
    low, high = against.interval
    return f"{against.difference:+.2f} ({low:+.2f} to {high:+.2f})"


def _shown(value: float, samples: np.ndarray, form: str = ".2f") -> str:
    low, high = _interval(samples)
    return f"{value:{form}} ({low:{form}} to {high:{form}})"


def _interval(samples: np.ndarray) -> tuple[float, float]:
    defined = samples[~np.isnan(samples)]
    if not len(defined):
        return math.nan, math.nan
    low, high = np.quantile(defined, [0.025, 0.975])
    return float(low), float(high)
