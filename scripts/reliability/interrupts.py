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
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from scripts.reliability.lab import BrokenError, Lab, demand, kept
from sed2.errors import ExitCode
from sed2.runs.store import unsealed

_MAIN = re.compile(r'cli.__init__\.py", line \d+, in main')


def check(
    lab: Lab, count: int, seconds: float, every: int, seed: int, report: Callable[[str], None]
) -> list[str]:
    """Lines of the page.

    Args:
        count: interrupts that reach a running command.
        seconds: the longest time from the start of a process to its interrupt.
        every: 1 to follow every interrupt by the same command, 10 for every tenth.

    Raises:
        BrokenError: an interrupt did not end with its exit code and one line, or what was finished
            was lost.
    """
    rng, tally = random.Random(seed), Counter[str]()
    ends: list[float] = []
    while tally["interrupts"] < count:
        moment = rng.uniform(0, seconds)
        with lab.scratch() as scratch:
            run_dir, json = scratch / "run", scratch / "r.json"
            process = lab.start(run_dir, json)
            time.sleep(moment)
            process.send_signal(signal.SIGINT)
            sent = time.perf_counter()
            _, err = process.communicate()
            if process.returncode == 0 and json.exists():  # it had ended
                tally["late"] += 1
                continue
            tally["interrupts"] += 1
            if _before_sed2(process, err):
                tally["python"] += 1
            else:
                ends.append(time.perf_counter() - sent)
                what = f"interrupt {tally['interrupts']}, after {moment:.3f} s"
                demand(process.returncode == ExitCode.INTERRUPTED, f"{what}: exit 130: {err}")
                demand(err.startswith("Interrupted"), f"{what}: one line says so: {err}")
                demand(err.count("\n") == 1, f"{what}: nothing else is said: {err}")
                demand(not json.exists(), f"{what}: no result is written")
                results, pieces, torn = kept(run_dir)
                tally["results"] += results > 0
                tally["pieces"] += pieces > 0
                demand(torn == 0, f"{what}: no file is half-written")
                for path in run_dir.rglob("*.sed2"):
                    unsealed(path.read_bytes(), path.stem)
                if tally["interrupts"] % every == 0:
                    tally["again"] += 1
                    lab.check(run_dir, json, what)
        report(f"interrupt {tally['interrupts']} of {count}")
    reached = count - tally["python"]
    return [
        f"| Ctrl-C at {count} random moments, uniform from 0 to {seconds:g} s after the start (and "
        f"drawn again where the run had ended: {tally['late']}) | {count} | {reached} times exit "
        "130, one line and nothing half-written; "
        f"{tally['python']} times before Python had come to sed2 |",
        f"| - of these, followed by the same command | {tally['again']} | {tally['again']} equal "
        "results |",
        f"| - with finished models kept | {tally['results']} | |",
        f"| - with finished pieces of an unfinished model | {tally['pieces']} | |",
        f"| - seconds from Ctrl-C to the end, at most | {max(ends, default=0):.2f} | |",
    ]


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
    # A background job ignores Ctrl-C, and so would all that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as folder:
        tell = lambda line: print(line, file=sys.stderr, flush=True)  # noqa: E731
        lab = Lab.prepare(Path(folder), given.samples, given.draws, tell)
        try:
            lines = check(lab, given.count, given.seconds, given.every, given.seed, tell)
        except BrokenError as error:
            print(f"broken: {error}", file=sys.stderr)
            return 1
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
