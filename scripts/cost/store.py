"""Time a ranking in a run directory: at first, the same again, another eps grid, fewer draws.

    python -m scripts.cost.store [--samples 300] [--draws 100] [--runs 3]

Each command is a process of its own, as a user gives it. A second eps grid computes no spectra, so
it takes little more than the identical call; fewer draws take the first of those that are kept.
What is taken from the store is compared with the same command without one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np

SPEC = "configs/mlps.yaml"


def run(*arguments: str) -> tuple[float, float, list[float]]:
    """Wall and CPU seconds of one `sed2 rank`, and the scores of the models in their order."""
    before, start = os.times(), time.perf_counter()
    command = [
        sys.executable,
        "-m",
        "sed2",
        "rank",
        SPEC,
        "--score",
        "lower",
        "--json",
        "-",
        *arguments,
    ]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    wall, after = time.perf_counter() - start, os.times()
    spent = sum(after[2:4]) - sum(before[2:4])  # of the children
    models = json.loads(done.stdout)["models"]
    return wall, spent, [model["score"] for model in models]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Time a ranking in a run directory.")
    parser.add_argument("--samples", default="300", help="N [%(default)s]")
    parser.add_argument("--draws", default="100", help="K [%(default)s]")
    parser.add_argument("--runs", type=int, default=3, help="[%(default)s]")
    given = parser.parse_args(arguments)
    size = ["--samples", given.samples, "--draws", given.draws]
    other = ["--eps", "1e-4:0.5:30"]
    fewer = ["--samples", given.samples, "--draws", str(int(given.draws) // 2)]
    run(*size)  # what is compiled once for all is
    seconds: dict[str, list[tuple[float, float]]] = {}
    for _ in range(given.runs):
        with tempfile.TemporaryDirectory() as folder:
            kept = ["--run-dir", str(Path(folder, "run"))]
            for name, its in {
                "first": size,
                "identical": size,
                "other eps grid": size + other,
                "half the draws": fewer,
            }.items():
                wall, spent, scores = run(*its, *kept)
                seconds.setdefault(name, []).append((wall, spent))
                if name in ("other eps grid", "half the draws"):
                    np.testing.assert_allclose(scores, run(*its)[2], rtol=1e-12)
    print("| command | wall, s | CPU, s | of the identical call |")
    print("| --- | --- | --- | --- |")
    same = median(wall for wall, _ in seconds["identical"])
    for name, times in seconds.items():
        wall, spent = (median(column) for column in zip(*times, strict=True))
        print(f"| {name} | {wall:.2f} | {spent:.2f} | {wall / same:.2f} |")


if __name__ == "__main__":
    main()
