"""SIGKILL at random moments, and while a file is being written; then the same command again."""

from __future__ import annotations

import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from scripts.reliability.lab import Lab, kept

PHASES = (
    "before anything was kept",
    "with no model finished",
    "with some models finished",
    "with all models finished",
    "after its end",
)


def check(
    lab: Lab, kills: int, while_writing: int, seed: int, report: Callable[[str], None]
) -> list[str]:
    """Lines of the page.

    Raises:
        BrokenError: a resumed result is not the undisturbed one.
    """
    rng = random.Random(seed)
    phases: Counter[str] = Counter()
    pieces = half_written = 0
    for number in range(kills + while_writing):
        with lab.scratch() as scratch:
            run_dir, json = scratch / "run", scratch / "r.json"
            process = lab.start(run_dir, json)
            if number < kills:
                _wait(process, rng.uniform(0, lab.seconds))
            else:
                _wait_for_temporary(process, run_dir, rng.randint(1, 9))
            ended = process.poll() is not None
            process.kill()
            process.communicate()
            results, some, torn = kept(run_dir)
            half_written += torn > 0
            if number < kills:
                phases[_phase(run_dir, results, ended)] += 1
                pieces += some > 0
            lab.check(run_dir, json, f"kill {number + 1}")
        report(f"kill {number + 1} of {kills + while_writing}")
    return [
        f"| SIGKILL at {kills} random moments of the run, uniform from its start to its usual "
        f"end; then the same command | {kills} | {kills} equal results, byte for byte |",
        *(f"| - killed {phase} | {phases[phase]} | |" for phase in PHASES),
        f"| - killed with finished pieces of an unfinished model | {pieces} | |",
        f"| SIGKILL as soon as a file was being written | {while_writing} | {while_writing} equal "
        f"results, byte for byte |",
        f"| - of all kills, those that left a half-written file | {half_written} | |",
    ]


def _wait(process: subprocess.Popen[str], seconds: float) -> None:
    end = time.perf_counter() + seconds
    while process.poll() is None and time.perf_counter() < end:
        time.sleep(min(0.002, max(end - time.perf_counter(), 0)))


def _wait_for_temporary(process: subprocess.Popen[str], run_dir: Path, number: int) -> None:
    """Until the `number`-th file is being written, or the process has ended."""
    seen: set[Path] = set()
    while process.poll() is None:
        seen.update(run_dir.rglob(".*.tmp"))
        if len(seen) >= number:
            return
        time.sleep(0.0002)


def _phase(run_dir: Path, results: int, ended: bool) -> str:
    if ended:
        return PHASES[4]
    if not run_dir.exists() or not any(run_dir.rglob("*.*")):
        return PHASES[0]
    return PHASES[3] if results == 3 else PHASES[2] if results else PHASES[1]
