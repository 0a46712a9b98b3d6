"""Ctrl-C at random moments from the start of the command on; then the same command again.

python -m scripts.reliability.interrupts [--count 60] [--seconds 3] [--seed 0]
"""

from __future__ import annotations

import argparse
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from scripts.common import pages
from scripts.reliability.lab import Lab, kept, whole_files
from scripts.reliability.trying import Ledger, Outcome, Try, demand, rows

TITLE = "Ctrl-C"
ABOUT = (
    "SIGINT at a moment that is uniform from 0 to {seconds:g} s after the start, or to the usual "
    "end of a run; drawn again where the run had ended. It must end with exit code 130 and one "
    "line, write no result and leave every kept file whole; every {every}th is followed by the "
    "same command, which must come to the result of the undisturbed run. Before Python has come to "
    "sed2, what becomes of the signal is up to Python."
)
_MAIN = re.compile(r'cli.__init__\.py", line \d+, in main')


def tries(lab: Lab, count: int, seconds: float, every: int, seed: int) -> Iterator[Try]:
    """Interrupts that reach a running command.

    Args:
        seconds: the longest time from the start of a process to every second interrupt; that to
            the others is what a run usually takes.
        every: 1 to follow every interrupt by the same command, 10 for every tenth.
    """
    # A background job ignores Ctrl-C, and so would all that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in range(count):
        yield Try(
            f"Ctrl-C at a random moment of {'a run' if number % 2 else f'the first {seconds:g} s'}",
            f"interrupt {number}",
            partial(interrupted, lab, seed, number, None if number % 2 else seconds, every),
        )


def interrupted(lab: Lab, seed: int, number: int, seconds: float | None, every: int) -> Outcome:
    """One interrupt, within some seconds or within the usual time of a run.

    Raises:
        BrokenError: it did not end with its exit code and one line, or what was finished was lost.
    """
    rng, again = random.Random(f"{seed} interrupt {number}"), number // 2 % every == 0
    usual = lab.seconds
    while True:
        moment = rng.uniform(0, seconds or usual)
        with lab.scratch() as scratch:
            run_dir, json = scratch / "run", scratch / "r.json"
            process = lab.start(run_dir, json)
            time.sleep(moment)
            process.send_signal(signal.SIGINT)
            sent = time.perf_counter()
            _, err = process.communicate()
            took = time.perf_counter() - sent
            if process.returncode == 0 and json.exists():  # it had ended
                continue
            if _before_sed2(process, err):
                return Outcome({"before Python had come to sed2": 1})
            what = f"after {moment:.3f} s"
            demand(process.returncode == 130, f"{what}: exit 130, not {process.returncode}: {err}")
            demand(err.startswith("Interrupted"), f"{what}: one line says so: {err}")
            demand(err.count("\n") == 1, f"{what}: nothing else is said: {err}")
            demand(not json.exists(), f"{what}: no result is written")
            results, pieces, torn = kept(run_dir)
            demand(torn == 0, f"{what}: no file is half-written")
            whole_files(run_dir)  # or it raises
            if again:
                lab.check(run_dir, json, what)
            return Outcome(
                {
                    "exit 130": 1,
                    "within 0.1 s": int(took < 0.1),
                    "within 1 s": int(took < 1),
                    "finished models kept": int(results > 0),
                    "pieces of an unfinished model kept": int(pieces > 0),
                    "followed by the same command": int(again),
                }
            )


def _before_sed2(process: subprocess.Popen[str], err: str) -> bool:
    """Whether Python itself had not yet come to `main` of sed2: what it does then is up to it
    alone, and it dies by the signal or tells of its own files."""
    died = process.returncode in (-signal.SIGINT, 1)
    return died and "Interrupted" not in err and not _MAIN.search(err)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Whether Ctrl-C ends a run, always.")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--every", type=int, default=1, help="1: the same command after each")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--draws", type=int, default=40)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder), given.samples, given.draws, pages.tell)
        trying = tries(lab, given.count, given.seconds, given.every, given.seed)
        tried = list(Ledger(Path(folder, "tried.jsonl")).run("interrupts", trying, pages.tell))
    print("\n".join(map(pages.row, rows(tried))))
    for line in tried:
        if line.failure:
            print(f"broken: {line.name}: {line.failure}", file=sys.stderr)
    return int(any(line.failure for line in tried))


if __name__ == "__main__":
    sys.exit(main())
