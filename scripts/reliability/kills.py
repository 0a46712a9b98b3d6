"""SIGKILL at random moments, and while a file is being written; then the same command again."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from scripts.reliability.lab import MODELS, Lab, kept
from scripts.reliability.trying import Outcome, Try, demand
from sed2.common.files import temporaries

TITLE = "SIGKILL"
ABOUT = (
    "After a kill the same command must come to the result of a run that nothing disturbs, byte "
    "for byte, and leave nothing half-written. Moments are uniform from the start of a run to its "
    "usual end; where it had ended sooner, another one is drawn. In the second row one run "
    "directory, of 40 networks, is killed again and again, each time while the same command goes "
    "on, and finished then."
)
FILES = 1 + 3 + len(MODELS)
"""Which a run writes, before the ranking: the manifest, a plan and two pieces, the results."""


def tries(lab: Lab, kills: int, while_writing: int, in_a_row: int, seed: int) -> Iterator[Try]:
    """Kills of a run directory of their own, and of one directory in a row."""
    yield Try(
        "SIGKILL of one run directory, again and again",
        "kills in a row",
        lambda: row(lab, in_a_row, random.Random(f"{seed} row")),
    )
    for number in range(kills):
        name = f"kill {number}"
        yield Try(
            "SIGKILL at a random moment, then the same command",
            name,
            partial(killed, lab, random.Random(f"{seed} {name}"), writing=False),
        )
    for number in range(while_writing):
        name = f"kill while writing {number}"
        yield Try(
            "SIGKILL as soon as a file is being written, then the same command",
            name,
            partial(killed, lab, random.Random(f"{seed} {name}"), writing=True),
        )


def killed(lab: Lab, rng: random.Random, *, writing: bool) -> Outcome:
    """One run that is killed, and goes on.

    Raises:
        BrokenError: a resumed result is not the undisturbed one.
    """
    usual = lab.seconds
    while True:
        with lab.scratch() as scratch:
            run_dir, json = scratch / "run", scratch / "r.json"
            process, start = lab.start(run_dir, json), time.perf_counter()
            if writing:
                _wait_for_temporary(process, run_dir, rng.randint(1, FILES))
            else:
                _wait(process, rng.uniform(0, usual))
            process.kill()
            process.communicate()
            if process.returncode == 0:  # it was sooner at its end than usual
                usual = time.perf_counter() - start
                continue
            seen = phases(run_dir)
            lab.check(run_dir, json, "after the kill")
            return Outcome(seen)


def row(lab: Lab, kills: int, rng: random.Random) -> Outcome:
    """Kills of one run of many networks, each time of the command that goes on.

    Raises:
        BrokenError: a file is damaged, or the result is not the undisturbed one.
    """
    widths = ((first, second) for first in range(3, 11) for second in range(3, 8))
    many = replace(lab, models=tuple(f"MLP 54-{first}-{second}-7" for first, second in widths))
    seconds = lab.seconds
    many.report(f"the undisturbed run of many: {len(many.wanted)} bytes")
    torn, ends, last = 0, 0, 0
    with lab.scratch() as scratch:
        run_dir, json = scratch / "run", scratch / "r.json"
        for number in range(kills):
            lab.report(f"kill {number + 1} of {kills} in a row")
            process = many.start(run_dir, json)
            _wait(process, rng.uniform(0, seconds))
            process.kill()
            _, err = process.communicate()
            demand("damaged" not in err, f"kill {number + 1}: no file is damaged: {err}")
            results, _, half = kept(run_dir)
            demand(results >= last, f"kill {number + 1}: no finished model is lost")
            torn, last = torn + (half > 0), results
            ends += process.returncode == 0
        many.check(run_dir, json, "after the last kill")
    return Outcome(
        {
            "killed": kills - ends,
            "ended before": ends,
            "left a half-written file": torn,
            f"of {len(many.models)} models finished at the last kill": last,
        },
        times=kills,
    )


def phases(run_dir: Path) -> dict[str, int]:
    """How far a run had come, and what it left."""
    results, pieces, torn = kept(run_dir)
    nothing = not run_dir.exists() or not any(run_dir.rglob("*.*"))
    return {
        "before anything was kept": int(nothing),
        "no model finished": int(not nothing and not results),
        "some models finished": int(0 < results < len(MODELS)),
        "all models finished": int(results == len(MODELS)),
        "pieces of an unfinished model": int(pieces > 0),
        "left a half-written file": int(torn > 0),
    }


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
