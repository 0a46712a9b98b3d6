"""What keeping costs: the same ranking with a run directory and without."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import sed2


def check(
    folder: Path, runs: int, size: dict[str, Any], report: Callable[[str], None]
) -> list[str]:
    """Lines of the page: each run of the one beside one of the other, so that a drift of the
    machine's speed does not move the ratio."""
    lines = []
    for spec in ("MLP 54-8-7", "MLP 54-48-32-7"):
        ratios = []
        for number in range(runs + 1):
            kept = folder / "kept"
            pair = [seconds(spec, directory, size) for directory in (None, kept)]
            shutil.rmtree(kept)
            if number:  # the first one compiles
                ratios.append(pair[1] / pair[0])
            report(f"{spec}: {number} of {runs}")
        lines.append(
            f"| `{spec}` | {runs} | {median(ratios):.3f} | {min(ratios):.3f} to {max(ratios):.3f} |"
        )
    return lines


def seconds(spec: str, run_dir: Path | None, size: dict[str, Any]) -> float:
    """Of one ranking."""
    start = time.perf_counter()
    sed2.rank(spec, run_dir=run_dir, dataset="covertype", eps="1e-2,1e-1", **size)
    return time.perf_counter() - start
