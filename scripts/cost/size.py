"""How the time and the memory of one draw grow with the parameters of a large network.

    python -m scripts.cost.size                                # a table in Markdown
    python -m scripts.cost.size --widths 256,512 --samples 20  # smaller

Takes MLP 784-W-W-10 on random data for one width after the other, each in a process of its own,
which computes it twice. The time is that of the second, in which nothing is compiled; the peak
memory is what the operating system counted. The exponents are those of straight lines through the
last three points, in the logarithms.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from scripts.common.data import made
from scripts.common.options import numbers
from scripts.common.pages import table, tell
from scripts.common.processes import finding_scripts, peak_bytes
from scripts.cost.growth import last_slope
from sed2.common.threads import cores, variables

FEATURES, CLASSES = 784, 10


@dataclass(frozen=True)
class Point:
    """One width."""

    width: int
    parameters: int
    seconds: float
    """Of one draw."""
    peak_gb: float
    """Of the process."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--widths",
        type=numbers,
        default=[512, 1024, 2048, 4096, 8192],
        help="ascending [512,1024,2048,4096,8192]",
    )
    parser.add_argument("--samples", type=int, default=100, metavar="N", help="[%(default)s]")
    parser.add_argument("--draws", type=int, default=4, metavar="K", help="[%(default)s]")
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.worker:
        print(json.dumps(asdict(measure(given.worker, given.samples, given.draws))))
        return 0
    points = []
    for width in given.widths:
        tell(f"width {width:,}")
        points.append(measure_alone(width, given.samples, given.draws))
    print(as_table(points, given.samples))
    return 0


def measure_alone(width: int, samples: int, draws: int) -> Point:
    """In a process of its own, whose peak memory is that of this width."""
    options = ["--worker", str(width), "--samples", str(samples), "--draws", str(draws)]
    ran = subprocess.run(
        [sys.executable, "-m", "scripts.cost.size", *options],
        env=finding_scripts() | variables(cores()),  # as the command line has them
        stdout=subprocess.PIPE,
        check=True,
    )
    return Point(**json.loads(ran.stdout))


def measure(width: int, samples: int, draws: int) -> Point:
    """In this process."""
    from sed2.estimate import estimate
    from sed2.settings import Settings
    from sed2.spec.schema import load_spec

    x = np.random.default_rng(0).normal(size=(samples + 1, FEATURES))
    dataset = made("normal numbers", x)
    settings = Settings(samples=samples, draws=draws, input_groups=0)
    model = load_spec(f"MLP {FEATURES}-{width}-{width}-{CLASSES}").models[0]
    for _ in range(2):
        start = time.perf_counter()
        result = estimate(model, dataset, settings)
        seconds = time.perf_counter() - start
    return Point(width, result.parameters, seconds / draws, peak_bytes() / 1e9)


def as_table(points: Sequence[Point], samples: int) -> str:
    """The points, and their exponents if there are three."""
    head = [f"MLP 784-W-W-10, N = {samples}", "parameters", "seconds per draw"]
    head += ["nanoseconds per draw and parameter", "peak memory"]
    rows = [
        [
            f"W = {point.width:,}",
            f"{point.parameters:,}",
            f"{point.seconds:.2g}",
            f"{1e9 * point.seconds / point.parameters:.0f}",
            f"{point.peak_gb:.2g} GB",
        ]
        for point in points
    ]
    lines = table(head, rows)
    if len(points) >= 3 and all(point.seconds > 0 for point in points):
        sizes = [point.parameters for point in points]
        times = last_slope(sizes, [point.seconds for point in points])
        memory = last_slope(sizes, [point.peak_gb for point in points])
        lines += ["", f"Exponents in the parameters: time {times:.2f}, memory {memory:.2f}."]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
