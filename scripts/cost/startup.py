"""Time `sed2 --help` against the bare import of typer and rich, in alternating runs.

    python -m scripts.cost.startup [--runs 15] [--below 3]

Both are whole processes of the same interpreter, with their bytecode in place as after an
installation. Each run of the one is paired with the run of the
other next to it, so that a drift of the machine's speed does not move the ratio. Exits with 1 if
the median ratio is not below the goal.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from scripts.common.options import at_least

HELP = [str(Path(sysconfig.get_path("scripts"), "sed2")), "--help"]
IMPORT = [sys.executable, "-c", "import typer, rich"]


def time_process(command: Sequence[str]) -> float:
    """Seconds from start to exit."""
    environment = dict(os.environ)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    start = time.perf_counter()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return time.perf_counter() - start


def summary(values: Sequence[float], digits: int) -> str:
    low, middle, high = min(values), median(values), max(values)
    return f"{middle:8.{digits}f}{low:10.{digits}f}{high:10.{digits}f}"


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time `sed2 --help` against its bare imports.")
    parser.add_argument(
        "--runs", type=at_least(1), default=15, help="of each command [%(default)s]"
    )
    parser.add_argument(
        "--below",
        type=float,
        default=3,
        metavar="RATIO",
        help="exit with 1 if the median ratio is not below this [%(default)s]",
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    given = parse(arguments)
    time_process(HELP)  # not counted: it may have to write the bytecode and read the disk
    time_process(IMPORT)
    pairs = [(time_process(HELP), time_process(IMPORT)) for _ in range(given.runs)]
    ratios = [help_ / bare for help_, bare in pairs]
    help_times, import_times = zip(*pairs, strict=True)
    print(f"{given.runs} runs each, in turn   median       min       max")
    print(f"sed2 --help            {summary(help_times, 3)}  s")
    print(f"import typer, rich     {summary(import_times, 3)}  s")
    print(f"ratio, pair by pair    {summary(ratios, 2)}")
    if not median(ratios) < given.below:
        print(f"FAILED: {median(ratios):.2f} is not below {given.below:g}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
