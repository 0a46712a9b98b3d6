"""Does a run survive? Kills, Ctrl-C, many processes, full disks and streams, containers, damage.

    python -m scripts.reliability [--quick] [--only PART ...] [--anew | --failed]
        [--write docs/reliability.md]

The outcome of every try is kept in a file at once, by default docs/reliability.jsonl, and what
stands there is not tried again: an interrupted run goes on. Each part can be run by itself, several
beside each other.
--quick is a few of everything, kept nowhere. Exits with 1 if a promise was not kept in any try.

The full disk, the container and the user who may write nowhere need root; elsewhere the page says
that they were not tried.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from scripts.common import pages
from scripts.common.paths import DOCS
from scripts.reliability import (
    bounds,
    containers,
    cost,
    damage,
    disk,
    fuzz,
    inputs,
    interrupts,
    kills,
    processes,
    streams,
    surroundings,
    users,
)
from scripts.reliability.commands import Bench
from scripts.reliability.lab import MODELS, Lab
from scripts.reliability.trying import Ledger, Tried, Try, rows


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    few: bool
    """Whether of commands and the like only some are tried."""
    samples: int
    draws: int
    kills: int
    in_a_row: int
    while_writing: int
    interrupts: int
    every: int
    """Which interrupts are followed by the same command."""
    pairs: int
    sixes: int
    disks: tuple[str, ...]
    bytes: int
    """Every so many are flipped."""
    reruns: int
    examples: int
    candidates: int
    cost: int


DISKS = ("4k", "64k", "400k", "1m", "3m")
FULL = Size(False, 100, 40, 20, 50, 5, 200, 10, 4, 2, DISKS, 1, 20, 1000, 500, 7)
QUICK = Size(True, 4, 2, 1, 1, 1, 1, 1, 1, 1, ("4k",), 211, 1, 20, 4, 1)
SECONDS = 3.0  # from the start of a process to its interrupt, at most


@dataclass(frozen=True)
class Part:
    """A part of the page."""

    title: str
    about: str
    tries: Callable[[], Iterable[Try]]


def parts(lab: Lab, size: Size, seed: int) -> dict[str, Part]:
    """All parts by their names, in the order of the page."""
    folder, few = lab.folder, size.few
    numbers = {"samples": size.samples, "draws": size.draws}

    def on_bench(module: Any, *more: object) -> Callable[[], Iterable[Try]]:
        return lambda: module.tries(Bench(lab), *more, few)

    about = interrupts.ABOUT.format(seconds=SECONDS, every=size.every)
    return {
        "kills": Part(
            kills.TITLE,
            kills.ABOUT,
            partial(kills.tries, lab, size.kills, size.while_writing, size.in_a_row, seed),
        ),
        "interrupts": Part(
            interrupts.TITLE,
            about.replace("every 1th is", "each is").replace("every 10th", "every tenth"),
            partial(interrupts.tries, lab, size.interrupts, SECONDS, size.every, seed),
        ),
        "processes": Part(
            processes.TITLE,
            processes.ABOUT,
            partial(processes.tries, lab, size.pairs, size.sixes, seed),
        ),
        "disk": Part(disk.TITLE, disk.ABOUT, partial(disk.tries, lab, size.disks)),
        "containers": Part(containers.TITLE, containers.ABOUT, on_bench(containers)),
        "users": Part(users.TITLE, users.ABOUT, on_bench(users)),
        "streams": Part(streams.TITLE, streams.ABOUT, on_bench(streams)),
        "inputs": Part(inputs.TITLE, inputs.ABOUT, on_bench(inputs)),
        "bounds": Part(bounds.TITLE, bounds.about(), partial(bounds.tries, lab, few)),
        "surroundings": Part(
            surroundings.TITLE, surroundings.ABOUT, on_bench(surroundings, size.candidates)
        ),
        "damage": Part(
            damage.TITLE,
            damage.ABOUT,
            partial(damage.tries, folder, size.bytes, size.reruns, seed),
        ),
        "fuzz": Part(fuzz.TITLE, fuzz.ABOUT, partial(fuzz.tries, folder, size.examples, seed)),
        "cost": Part(cost.TITLE, cost.ABOUT, partial(cost.tries, folder, size.cost, numbers)),
    }


def document(known: dict[str, Part], lines: Sequence[Tried], size: Size, command: str) -> str:
    """The whole page."""
    failed = [line for line in lines if line.failure]
    cases, tries = sum(line.times for line in lines), len(lines)
    page = [
        "# Do runs survive?",
        "",
        f"Made by `{command}`, on {platform.system()} with {os.cpu_count()} cores, which others "
        f"used as well. {cases:,} cases in {tries:,} tries; {len(failed)} failed in the end: what "
        "failed at first was mended, in sed2 or in the try, and tried again. The outcome of every "
        "try stands in docs/reliability.jsonl. The run that is disturbed is `sed2 "
        f"rank --run-dir` of {len(MODELS)} networks on Covertype, N = {size.samples}, K = "
        f"{size.draws}. Peaks are the largest resident set of one process, in MB, where it was "
        "read.",
        "",
    ]
    for name, part in known.items():
        own = [line for line in lines if line.part == name]
        page += [f"## {part.title}", "", part.about, ""]
        if own:
            head = ["what happens", "cases", "failures", "peak, MB", "what came of it"]
            page += [*pages.table(head, rows(own)), ""]
        else:
            page += ["Not tried here.", ""]
        page += [f"- Failed: {line.name}: {line.failure}" for line in own if line.failure]
        page += [""] * any(line.failure for line in own)
    return "\n".join(page)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.reliability",
        description="Whether runs survive kills, full disks, damage.",
    )
    parser.add_argument("--quick", action="store_true", help="a few of everything")
    parser.add_argument("--only", nargs="*", metavar="PART", help="these parts; none: the page")
    parser.add_argument("--anew", action="store_true", help="forget what was tried before of them")
    parser.add_argument("--failed", action="store_true", help="try anew what failed of them")
    parser.add_argument("--seed", type=int, default=0, help="of all that is random [%(default)s]")
    parser.add_argument(
        "--outcomes", type=Path, metavar="FILE", help="where outcomes are kept, and taken up"
    )
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the page to a file, too")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    given = parse(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that all is cleared away
    size = QUICK if given.quick else FULL
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        usual = folder / "outcomes.jsonl" if given.quick else DOCS / "reliability.jsonl"
        ledger = Ledger(given.outcomes or usual)
        lab = Lab(folder, size.samples, size.draws, pages.tell)
        known = parts(lab, size, given.seed)
        if unknown := set(given.only or ()) - known.keys():
            print(f"no part {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
            return 2
        chosen = list(known) if given.only is None else given.only
        if given.anew or given.failed:
            ledger.forget(chosen, failures=given.failed)
        for part in chosen:
            for line in ledger.run(part, known[part].tries(), pages.tell):
                if line.failure:
                    print(f"broken: {part}: {line.name}: {line.failure}", file=sys.stderr)
        lines = ledger.lines()
    command = f"python -m scripts.reliability{' --quick' * given.quick} --seed {given.seed}"
    pages.show(document(known, lines, size, command), given.write)
    return int(any(line.failure for line in lines))


if __name__ == "__main__":
    sys.exit(main())
