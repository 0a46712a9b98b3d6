"""How often sed2's 95% intervals hold the value that a far larger run converges to.

    python -m scripts.statistics.coverage [--runs 200] [--models A,B] [--write docs/coverage.md]

Every model is computed with --runs seeds. The value to hold is, at the same number N of inputs,
that of infinitely many draws, averaged over the choice of the inputs: here the mean over
--references further seeds, each with its own inputs and --reference-draws draws. Where a run says
`biased low` it gives no interval; how often it does is stated beside the coverage of the rest.
The error beside a share is that of a binomial. Reports, and judges nothing but 90% and 99%.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scripts.common import pages
from scripts.common.data import covertype_columns, made
from scripts.common.options import at_least, names_of
from sed2.data.load import Dataset
from sed2.estimate import estimate
from sed2.results import Curve, ModelResult, Score
from sed2.settings import Settings
from sed2.spec.schema import load_spec

EPS = (0.01, 0.1, 0.5)
FIRST_REFERENCE = 10**6
"""Seed of the first reference: none of the runs has it."""
MANY = 0.25
"""Share of the runs that must give an interval for its coverage to be judged."""
MEASURES = ("lower 2sED", "2sED")


def normal(rows: int, width: int) -> Dataset:
    """Made data: correlated normal numbers."""
    rng = np.random.default_rng(width)
    return made("coverage", rng.normal(size=(rows, width)) @ rng.normal(size=(width, width)))


def covertype(columns: int, rows: int = 20_000) -> Dataset:
    """Real data."""
    return covertype_columns("coverage", columns, rows)


@dataclass(frozen=True)
class Case:
    """A model, its data and the size of a run."""

    what: str
    spec: str | dict[str, object]
    data: Callable[[], Dataset]
    samples: int
    draws: int


TANH = {
    "name": "tanh",
    "blocks": [{"dense": {"features": 3, "activation": "tanh"}}, {"dense": {"features": 2}}],
}
CASES = {
    "linear": Case("MLP 54-7 on Covertype", "MLP 54-7", lambda: covertype(54), 50, 20),
    "relu": Case("MLP 4-3-2 on normal data", "MLP 4-3-2", lambda: normal(4000, 4), 50, 100),
    "relu-real": Case(
        "MLP 4-3-2 on 4 columns of Covertype", "MLP 4-3-2", lambda: covertype(4), 50, 100
    ),
    "three": Case("MLP 4-3-3-2 on normal data", "MLP 4-3-3-2", lambda: normal(4000, 4), 40, 400),
    "tanh": Case("dense 8-3 tanh, 3-2, on normal data", TANH, lambda: normal(4000, 8), 100, 400),
    "all-but-few": Case(
        "MLP 4-3-2 on 100 rows of Covertype", "MLP 4-3-2", lambda: covertype(4, 100), 60, 100
    ),
    "wide": Case("MLP 54-16-7 on Covertype", "MLP 54-16-7", lambda: covertype(54), 50, 50),
}


@dataclass(frozen=True)
class Coverage:
    """Of one measure at the eps of the grid and, last, of its mean over the grid: (E + 1,)."""

    target: np.ndarray
    target_error: np.ndarray
    """Standard error of the target."""
    scatter: np.ndarray
    """Standard deviation over the runs."""
    given: np.ndarray
    """How many runs gave an interval."""
    held: np.ndarray
    """How many of these hold the target."""
    unknown: np.ndarray
    """Whether the references are lower estimates themselves, most of them."""


def count(
    values: np.ndarray, bounds: np.ndarray, references: np.ndarray, lower: np.ndarray
) -> Coverage:
    """Compare runs with references.

    Args:
        values: (S, C) of the runs.
        bounds: (S, C, 2) their intervals, NaN where there is none.
        references: (T, C).
        lower: (T, C) whether these are lower estimates.
    """
    target = references.mean(axis=0)
    given = ~np.isnan(bounds).any(axis=2)
    held = (bounds[..., 0] <= target) & (target <= bounds[..., 1])  # NaN holds nothing
    return Coverage(
        target,
        references.std(axis=0, ddof=1) / np.sqrt(len(references)),
        values.std(axis=0, ddof=1),
        given.sum(axis=0),
        held.sum(axis=0),
        lower.mean(axis=0) > 0.5,
    )


def measure(
    case: Case,
    runs: int,
    references: int,
    reference_draws: int,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Coverage]:
    """Coverage of both measures for one model."""
    model, dataset = load_spec(case.spec).models[0], case.data()
    base = {"dataset": "coverage", "samples": case.samples, "eps": EPS, "sigma": 0.01}

    def results(seeds: range, **settings: int) -> list[ModelResult]:
        found = []
        for seed in seeds:
            its = Settings.model_validate({**base, **settings, "seed": seed})
            found.append(estimate(model, dataset, its))
            report(seed - seeds[0] + 1, len(seeds))
        return found

    small = results(range(runs), draws=case.draws)
    large = results(
        range(FIRST_REFERENCE, FIRST_REFERENCE + references),
        draws=reference_draws,
        input_groups=0,
    )
    return {
        name: count(
            np.array([_values(*_measure(result, name)) for result in small]),
            np.array([_bounds(*_measure(result, name)) for result in small]),
            np.array([_values(*_measure(result, name)) for result in large]),
            np.array([_lower(*_measure(result, name)) for result in large]),
        )
        for name in MEASURES
    }


def _measure(result: ModelResult, name: str) -> tuple[Curve, Score]:
    if name == "2sED":
        return result.two_sed, result.two_sed_score
    return result.lower_two_sed, result.score


def _values(curve: Curve, score: Score) -> np.ndarray:
    return np.append(curve.estimate, score.value)


def _bounds(curve: Curve, score: Score) -> np.ndarray:
    return np.vstack([curve.interval, score.interval])


def _lower(curve: Curve, score: Score) -> np.ndarray:
    return np.append(curve.lower_estimate, score.lower_estimate)


def rows(case: Case, name: str, found: Coverage, runs: int) -> list[list[str]]:
    """Of the table."""
    lines = []
    for c, column in enumerate([*(f"{eps:g}" for eps in EPS), "mean"]):
        given, held = int(found.given[c]), int(found.held[c])
        share = held / max(given, 1)
        error = np.sqrt(share * (1 - share) / max(given, 1))
        coverage = f"{share:.1%} ± {error:.1%}" if given >= MANY * runs else f"{held} of {given}"
        target = f"{found.target[c]:.2f} ± {found.target_error[c]:.2f}"
        line = [case.what, name, column, f"{'> ' * bool(found.unknown[c])}{target}"]
        lines.append([*line, f"{found.scatter[c]:.2f}", f"{1 - given / runs:.0%}", coverage])
    return lines


def strange(found: Coverage, runs: int) -> list[str]:
    """Coverages outside 90% to 99%, where enough runs give an interval to judge it; with `!` if by
    more than the error of counting."""
    told = []
    for given, held in zip(found.given, found.held, strict=True):
        if given < MANY * runs:
            continue
        share = held / given
        error = np.sqrt(share * (1 - share) / given)
        if not 0.9 <= share <= 0.99:
            beyond = share + error < 0.9 or share - error > 0.99
            told.append(f"{share:.1%} ± {error:.1%}{' !' * bool(beyond)}")
    return told


def document(given: argparse.Namespace, report: Callable[[str], None]) -> str:
    """The whole page."""
    lines = [
        "# Coverage of the 95% intervals",
        "",
        f"Made by `python -m scripts.statistics.coverage --runs {given.runs} --references "
        f"{given.references} --reference-draws {given.reference_draws}`: {given.runs} seeded runs "
        f"of each model, against {given.references} runs with other inputs and "
        f"{given.reference_draws:,} draws each.",
        "The last two columns: in how many runs sed2 says `biased low` instead of an interval, "
        "and how many of the intervals hold the value, with the error of a binomial. `mean` is the "
        "mean over log eps, by which `rank` orders. `>`: the references are biased low, too.",
        "",
    ]
    head = ["model", "measure", "eps", "value to hold", "scatter of runs", "`biased low`"]
    found_rows: list[list[str]] = []
    sizes, outside = [], []
    for key in given.models:
        case = CASES[key]
        sizes.append(f"{case.what}: N = {case.samples}, K = {case.draws}")
        measured = measure(
            case,
            given.runs,
            given.references,
            given.reference_draws,
            lambda done, total, key=key: report(f"{key}: {done} of {total}"),
        )
        for name, found in measured.items():
            found_rows += rows(case, name, found, given.runs)
            outside += [f"{case.what}, {name}: {share}" for share in strange(found, given.runs)]
    verdict = (
        "Wherever at least a quarter of the runs give an interval, the coverage is between 90% and "
        "99%, or outside by less than the error of counting."
        if not any("!" in text for text in outside)
        else "Outside 90% to 99% by more than the error of counting (!)."
    )
    if outside:
        verdict += f" Outside as counted: {'; '.join(outside)}."
    table = pages.table([*head, "coverage"], found_rows)
    return "\n".join([*lines, "; ".join(sizes) + ".", "", *table, "", verdict, ""])


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How often 95% intervals hold what they are to.")
    parser.add_argument(
        "--runs", type=at_least(2), default=200, help="seeds per model [%(default)s]"
    )
    parser.add_argument("--references", type=at_least(2), default=120, help="[%(default)s]")
    parser.add_argument("--reference-draws", type=at_least(2), default=500, help="[%(default)s]")
    parser.add_argument(
        "--models", type=names_of(CASES), default=",".join(CASES), help="[%(default)s]"
    )
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the table to a file, too")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    given = parse(arguments)
    pages.show(document(given, pages.tell), given.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
