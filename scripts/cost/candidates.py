"""Does memory grow with the number of candidates? Tiny MLPs of different widths, in one process.

    python -m scripts.cost.candidates [--models 100] [--most-mb 1] [--most-maps 5]

All candidates are ranked by one call. At the end of each the resident set and the number of memory
mappings are read. Exits with 1 if either grows by more than its goal for each candidate, over the
second half of them: the first half fills what is kept for the next.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psutil

import sed2

_MB = 1e6


def growth(values: Sequence[float]) -> float:
    """By how much a series grows for each candidate: the slope of a line through its second
    half."""
    half = np.asarray(values[len(values) // 2 :], float)
    return float(np.polyfit(np.arange(len(half)), half, 1)[0])


def mappings() -> int:
    """Of this process; of which a system allows 65,530 by default."""
    return len(Path("/proc/self/maps").read_text().splitlines())


def measured(models: int) -> tuple[list[float], list[int], float]:
    """Resident MB and mappings after each candidate, and the seconds of all."""
    process, rows, maps, seen = psutil.Process(), list[float](), list[int](), set[str]()

    def progress(name: str, done: int, total: int) -> None:
        if name not in seen:  # the one before is at its end
            seen.add(name)
            rows.append(process.memory_info().rss / _MB)
            maps.append(mappings())

    candidates = [f"MLP 54-{3 + number}-{4 + number % 7}-7" for number in range(models)]
    start = time.perf_counter()
    sed2.rank(
        {"models": candidates},
        dataset="covertype",
        score="lower",
        eps="0.01,0.1",
        samples=10,
        draws=4,
        progress=progress,
    )
    return rows, maps, time.perf_counter() - start


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Whether memory grows with the candidates.")
    parser.add_argument("--models", type=int, default=100)
    parser.add_argument("--most-mb", type=float, default=1.0, help="goal, MB for each candidate")
    parser.add_argument("--most-maps", type=float, default=5.0, help="goal, mappings for each")
    given = parser.parse_args(arguments)
    rows, maps, seconds = measured(given.models)
    grown, mapped = growth(rows), growth(maps)
    print(f"{'candidate':>10}{'resident':>12}{'mappings':>10}")
    for number in sorted({*range(0, len(rows), max(1, len(rows) // 10)), len(rows) - 1}):
        print(f"{number:>10}{rows[number]:>9.0f} MB{maps[number]:>10,}")
    print(
        f"{given.models} candidates in {seconds:.0f} s; over the second half {grown:+.2f} MB and "
        f"{mapped:+.1f} mappings for each"
    )
    return int(not (grown <= given.most_mb and mapped <= given.most_maps))


if __name__ == "__main__":
    sys.exit(main())
