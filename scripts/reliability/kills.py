"""SIGKILL at random moments, and while a file is being written; then the same command again."""

from __future__ import annotations

import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from scripts.reliability.lab import MODELS, Lab, kept
from sed2.common.files import temporaries

PHASES = (
    "before anything was kept",
    "with no model finished",
    "with some models finished",
    "with all models finished",
)
FILES = 1 + 3 + len(MODELS)
"""Which a run writes, before the ranking: the manifest, a plan and two pieces, the results."""


def check(
    lab: Lab, kills: int, while_writing: int, seed: int, report: Callable[[str], None]
) -> list[str]:
    """Lines of the page.

    Raises:
        BrokenError: a resumed result is not the undisturbed one.
    """
    rng = random.Random(seed)
    phases: Counter[str] = Counter()
    pieces = half_written = late = number = 0
    usual = lab.seconds
    while number < kills + while_writing:
        at_random = number < kills
        with lab.scratch() as scratch:
            run_dir, json = scratch / "run", scratch / "r.json"
            process, start = lab.start(run_dir, json), time.perf_counter()
            if at_random:
                _wait(process, rng.uniform(0, usual))
            else:
                _wait_for_temporary(process, run_dir, rng.randint(1, FILES))
            process.kill()
            process.communicate()
            if process.returncode == 0:  # it was sooner at its end than usual
                late += 1
                usual = time.perf_counter() - start
                continue
            results, some, torn = kept(run_dir)
            half_written += torn > 0
            if at_random:
                phases[_phase(run_dir, results)] += 1
                pieces += some > 0
            number += 1
            lab.check(run_dir, json, f"kill {number}")
        report(f"kill {number} of {kills + while_writing}")
    return [
        f"| SIGKILL at {kills} random moments of the run, uniform from its start to its usual end "
        f"(and drawn again where it had ended: {late}); then the same command | {kills} | {kills} "
        "equal results |",
        *(f"| - killed {phase} | {phases[phase]} | |" for phase in PHASES),
        f"| - killed with finished pieces of an unfinished model | {pieces} | |",
        f"| SIGKILL as soon as a file was being written | {while_writing} | {while_writing} equal "
        f"results |",
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
        seen.update(temporaries(run_dir))
        if len(seen) >= number:
            return
        time.sleep(0.0002)


def _phase(run_dir: Path, results: int) -> str:
    if not run_dir.exists() or not any(run_dir.rglob("*.*")):
        return PHASES[0]
    return PHASES[3] if results == len(MODELS) else PHASES[2] if results else PHASES[1]
