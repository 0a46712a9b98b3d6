"""NAS-Bench-201: does 2sED order its cells as their accuracy does?

    python -m scripts.nb201 run --accuracies 142.csv half.csv.gz --images cifar10_part.npz \
        --out docs/evidence/nas-bench-201.csv
    python -m scripts.nb201 report --accuracies 142.csv half.csv.gz \
        --scores docs/evidence/nas-bench-201.csv --full docs/evidence/nas-bench-201-full.csv \
        --out docs/evidence/nas-bench-201.md

`run` goes on where it stopped. The tables of accuracies are not part of the repository: the first
has the columns index, arch and cifar10_test_200, the second index, arch, cifar10_test, cifar10_val,
cifar100_test and imagenet16_test (of 12 epochs).

The rules, written before the run:

- Cells: all of the first table (142 in ours), in its order; then the first 1,000 of a permutation
  of the second one's indices in ascending order, `default_rng(201)`. All are counted, whatever
  their accuracy. A run that stops early has the first ones of that order.
- Networks: C = 4 channels, one cell per stage, CIFAR-10 averaged to 8 x 8 pixels, standardised by
  channel. Seed 0.
- `--full`: C = 16 channels and five cells per stage, those of the benchmark, on the same images;
  the cells of the first table alone, in its order, the first 100 at least. Blocks that are too
  large for a Gram matrix go by Lanczos quadrature as sed2 has it. Everything else is the same.
- Scores: N = 16 inputs, K = 2 draws, prior torch, sigma 0.01, Fisher expected; chain of stem,
  cells, reductions and head: lower 2sED; one block in all: 2sED end-to-end; joint = sqrt(lower x
  end-to-end). The primary one is joint at eps 0.3; eps 0.1, lower and end-to-end are secondary.
- Baselines of the same networks: params, flops, and snip, synflow, jacob_cov and naswot as sed2 has
  them (64 inputs, 10 draws). Larger is better in all.
- Targets: accuracy on the CIFAR-10 test set after 200 epochs (first table, primary) and after 12
  epochs (second table). Others of the second table are told as well.
- Figures: tau-b; nDCG of the first 10% (gain 2^r - 1, r the accuracy between the least and the
  largest, discount log2(1 + place)); regret, the largest accuracy less that of the first place;
  precision, the share of the best 10% among the first 10%. Ties are broken by one fixed random
  order, `default_rng(0)`, but in tau-b. Undefined values stand last.
- Intervals: percentiles (95%) of 1,000 bootstrap resamples of the cells, the same for all measures.
- joint at eps 0.3 beats a baseline if the interval of its tau less the baseline's is above 0, and
  loses if it is below. The goal is a tau of 0.75.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from scripts.common.pages import tell
from scripts.nb201.data import RANDOM_CELLS, cells, images, order
from scripts.nb201.measures import NAMES, measure
from scripts.nb201.report import write
from scripts.nb201.space import Size

SIZE = Size(channels=4, cells=1, side=8, samples=16, draws=2)
FULL = replace(SIZE, channels=16, cells=5)
HEADER = ["index", "arch", *NAMES, "cpu_seconds"]


def run(given: argparse.Namespace) -> None:
    """Score every cell that is not in the file yet."""
    size = FULL if given.full else SIZE
    dataset = images(given.images, size.side)
    known = resume(given.out)
    wanted = order(*map(cells, given.accuracies), 0 if given.full else given.count)
    for number, (index, arch) in enumerate(wanted, start=1):
        if index in known:
            continue
        tell(f"{number} of {len(wanted)}")
        start = time.process_time()
        values = measure(arch, size, dataset)
        seconds = time.process_time() - start
        numbers = [f"{value:.10g}" for value in (values[name] for name in NAMES)]
        with given.out.open("a", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow(
                [index, arch, *numbers, f"{seconds:.2f}"]
            )


def resume(out: Path) -> set[int]:
    """The indices in the file, after cutting off a line that was being written."""
    if not out.exists():
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(",".join(HEADER) + "\n", encoding="utf-8")
    content = out.read_bytes()
    os.truncate(out, content.rfind(b"\n") + 1)
    with out.open(encoding="utf-8") as file:
        return {int(row["index"]) for row in csv.DictReader(file)}


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.nb201",
        description=__doc__.partition("\n\n")[0],
        epilog=__doc__.partition("\n\n")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True)
    running = commands.add_parser("run", help="score the cells")
    running.set_defaults(command=run)
    running.add_argument("--images", type=Path, required=True, metavar="FILE.npz")
    running.add_argument("--out", type=Path, required=True, metavar="FILE.csv")
    running.add_argument("--full", action="store_true", help="C = 16, five cells per stage")
    running.add_argument("--count", type=int, default=RANDOM_CELLS, help="random [%(default)s]")
    reporting = commands.add_parser("report", help="write the page")
    reporting.set_defaults(command=write)
    reporting.add_argument("--scores", type=Path, required=True, metavar="FILE.csv")
    reporting.add_argument("--full", type=Path, required=True, metavar="FILE.csv")
    reporting.add_argument("--out", type=Path, required=True, metavar="FILE.md")
    reporting.add_argument("--resamples", type=int, default=1000, help="[%(default)s]")
    for each in (running, reporting):
        each.add_argument(
            "--accuracies", type=Path, nargs=2, required=True, metavar=("200.csv", "12.csv.gz")
        )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    given = parse(arguments)
    given.command(given)
    return 0


if __name__ == "__main__":
    sys.exit(main())
