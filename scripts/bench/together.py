"""The paper's three MLPs in one process: sed2 against the paper's way to the same numbers.

    python -m scripts.bench.together [--rounds 3] [--cores N]

All K = 100 draws are done by both, nothing is extrapolated, and the values are compared before any
time is told. Cold is from the start of a process to its answers for all three networks, warm is the
same again in that process.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from scripts.bench.agreement import Answer, compare
from scripts.bench.cases import PROBES, Case
from scripts.bench.clock import Run, time_way
from scripts.bench.prepare import make_problem
from scripts.bench.suite import Ratio
from scripts.bench.ways import WAYS
from scripts.common.pages import table, tell

MODELS = ("MLP 54-16-7", "MLP 54-13-11-9-7", "MLP 54-10-2-10-25-7")
NAMES = ("sed2", "sed2+errors", "eigvals", "eigvalsh")


def measure(
    cases: Sequence[Case], rounds: int, cores: int, names: Sequence[str] = NAMES
) -> dict[str, list[Run]]:
    """The runs of each way, in turn.

    Raises:
        SystemExit: a way's values are not sed2's.
    """
    runs: dict[str, list[Run]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as temporary:
        folders = [Path(temporary, str(number)) for number in range(len(cases))]
        answers = []
        for case, folder in zip(cases, folders, strict=True):
            folder.mkdir()
            answers.append(make_problem(case, folder, memory=1e18)[1])
        for number in range(rounds):
            for name in names:
                tell(f"round {number + 1}, {WAYS[name].title}")
                with tempfile.TemporaryDirectory() as cache:
                    run = time_way(name, folders, cores, Path(cache))
                runs[name].append(run)
                _check(name, run, answers)
    return runs


def _check(name: str, run: Run, answers: Sequence[dict[str, Answer]]) -> None:
    way = WAYS[name]
    for values, answer in zip(run.values, answers, strict=bool(run.values)):  # sed2's own has none
        every = np.isfinite(values.needs)
        if not compare(values, answer[way.answer], every, way.tolerance, PROBES).holds:
            sys.exit(f"FAILED: {way.title} differs from sed2")


def rows(runs: dict[str, list[Run]]) -> list[list[str]]:
    """Of the table: the medians, and how many times those of sed2 without errors they are."""
    found = []
    for name, its in runs.items():
        cells = []
        for kind in ("first", "warm"):
            ours, theirs = ([getattr(run, kind) for run in each] for each in (runs["sed2"], its))
            times = Ratio.of(theirs, ours)
            cells += [
                f"{Ratio.of(theirs, [1.0]).median:.2f} s",
                f"{times.median:.1f} ({times.low:.1f} to {times.high:.1f})",
            ]
        found.append([WAYS[name].title, *cells])
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    cores = len(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(description="The paper's three MLPs in one process.")
    parser.add_argument("--rounds", type=int, default=3, help="[%(default)s]")
    parser.add_argument("--cores", type=int, default=cores, help="threads of each way [all]")
    given = parser.parse_args(arguments)
    cases = [Case(model, "covertype", samples=100, draws=100, few=100) for model in MODELS]
    runs = measure(cases, given.rounds, given.cores)
    columns = ["way", "cold", "times sed2", "warm", "times sed2"]
    print("\n".join(table(columns, rows(runs))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
