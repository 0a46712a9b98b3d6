"""Does a run survive? Kills, Ctrl-C, two processes, a full disk, damaged files, and a fuzz.

    python -m scripts.reliability [--quick] [--write docs/reliability.md]

Every check ends with the same command again, whose JSON must be that of an undisturbed run, byte
for byte. Exits with 1, and says why, as soon as one is not. The full disk is a tmpfs, which only
root can mount; elsewhere the page says that it was not tried. --quick is a few of everything.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.common import pages
from scripts.reliability import cost, damage, disk, fuzz, interrupts, kills, processes
from scripts.reliability.lab import BrokenError, Lab


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    samples: int
    draws: int
    kills: int
    while_writing: int
    interrupts: int
    pairs: int
    disks: tuple[str, ...]
    every: int
    """Byte that is flipped."""
    reruns: int
    examples: int
    cost: int


FULL = Size(100, 40, 50, 10, 100, 8, ("4k", "64k", "400k", "1m", "3m"), 1, 20, 3000, 7)
QUICK = Size(4, 2, 1, 1, 1, 1, ("4k",), 211, 1, 20, 1)


def document(size: Size, seed: int, folder: Path, report: Callable[[str], None]) -> str:
    """The whole page.

    Raises:
        BrokenError: a promise is not kept.
    """
    lab = Lab.prepare(folder, size.samples, size.draws, report)
    rows = [
        *kills.check(lab, size.kills, size.while_writing, seed, report),
        *interrupts.check(lab, size.interrupts, 3.0, 1, seed, report),
        *processes.check(lab, size.pairs, seed, report),
        *disk.check(lab, size.disks, report),
        *damage.check(folder, size.every, size.reruns, seed, report),
        *fuzz.check(folder, size.examples, seed, report),
    ]
    costs = cost.check(folder, size.cost, {"samples": size.samples, "draws": size.draws}, report)
    return "\n".join(
        [
            "# Do runs survive?",
            "",
            f"Made by `python -m scripts.reliability{' --quick' * (size is QUICK)} --seed "
            f"{seed}`. The run is `sed2 rank --run-dir` of three networks on Covertype, N = "
            f"{size.samples}, K = {size.draws}. Results are the JSON of `--json`, compared with "
            "that of a run that nothing disturbs, but for what they cost.",
            "",
            "| what happens | times | what comes of it |",
            f"|{' --- |' * 3}",
            *rows,
            "",
            "A file that is refused is told on stderr by its name and computed anew; a spec, a "
            "manifest or a baseline that is refused ends the command with one line that names the "
            "cause, the place and the mend. Of a stored file that nothing but a right checksum "
            "vouches for, the types are checked and no more: checksums are against accidents, not "
            "against forgery.",
            "",
            "What it costs to keep the results and every piece of the work of a second or two: "
            "seconds of `sed2.rank` with a run directory, over those without, in one process, each "
            "beside the other.",
            "",
            "| model | pairs | median ratio | from, to |",
            f"|{' --- |' * 4}",
            *costs,
            "",
        ]
    )


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.reliability",
        description="Whether runs survive kills, full disks, damage.",
    )
    parser.add_argument("--quick", action="store_true", help="a few of everything")
    parser.add_argument("--seed", type=int, default=0, help="of all that is random [%(default)s]")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the page to a file, too")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    given = parse(arguments)
    with tempfile.TemporaryDirectory() as folder:
        try:
            page = document(QUICK if given.quick else FULL, given.seed, Path(folder), pages.tell)
        except BrokenError as error:
            print(f"broken: {error}", file=sys.stderr)
            return 1
    pages.show(page, given.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
