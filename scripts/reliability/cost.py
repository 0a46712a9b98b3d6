"""What keeping costs: the same ranking with a run directory and without."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import sed2
from scripts.reliability.lab import apart
from scripts.reliability.trying import Outcome, Try

TITLE = "What keeping costs"
ABOUT = (
    "Seconds of `sed2.rank` with a run directory, which keeps the results and every piece of the "
    "work of a second or two, over those without, in one process, each beside the other."
)


def tries(folder: Path, runs: int, size: dict[str, Any]) -> Iterator[Try]:
    """For two models."""
    for spec in ("MLP 54-8-7", "MLP 54-48-32-7"):
        yield Try(f"`{spec}`", spec, partial(compared, folder / "kept", runs, size, spec))


def compared(kept: Path, runs: int, size: dict[str, Any], spec: str) -> Outcome:
    """In a process of its own."""
    found, peak = apart(ratios, kept, runs, size, spec)
    text = f"ratio {median(found):.3f} (median), {min(found):.3f} to {max(found):.3f}; pairs"
    return Outcome({text: runs}, peak, runs)


def ratios(kept: Path, runs: int, size: dict[str, Any], spec: str) -> list[float]:
    """Each run of the one beside one of the other, so that a drift of the machine's speed does
    not move the ratio."""
    found = []
    for number in range(runs + 1):
        pair = [seconds(spec, directory, size) for directory in (None, kept)]
        shutil.rmtree(kept)
        if number:  # the first one compiles
            found.append(pair[1] / pair[0])
    return found


def seconds(spec: str, run_dir: Path | None, size: dict[str, Any]) -> float:
    """Of one ranking."""
    start = time.perf_counter()
    sed2.rank(spec, run_dir=run_dir, dataset="covertype", score="lower", eps="1e-2,1e-1", **size)
    return time.perf_counter() - start
