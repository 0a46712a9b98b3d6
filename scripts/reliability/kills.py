"""SIGKILL at random moments, and while a file is being written; then the same command again."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from scripts.reliability.lab import MODELS, Lab, kept, same
from scripts.reliability.trying import Outcome, Try, demand
from sed2.common.files import temporaries

TITLE = "SIGKILL"
ABOUT = (
    "After a kill the same command must come to the result of a run that nothing disturbs, bit for "
    "bit but for what it cost, and leave nothing half-written. Moments are uniform from the start "
    "of a run to its usual end; where it had ended sooner, another one is drawn. In a row, a run "
    "directory of 12 networks is killed again and again while the same command goes on, until that "
    "is at its end; then the next one begins. No finished network may be lost."
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
    """Kills of a run of many networks, each time of the command that goes on, until it is at its
    end; then of the next run.

    Raises:
        BrokenError: a file is damaged, something finished is lost, or a result is not the
            undisturbed one.
    """
    many = replace(lab, models=tuple(f"MLP 54-{width}-{3 + width % 5}-7" for width in range(3, 15)))
    seconds, wanted = lab.seconds, many.wanted
    done, seen = 0, {"killed": 0, "run directories": 0, "left a half-written file": 0}
    while done < kills:
        seen["run directories"] += 1
        with many.scratch() as scratch:
            run_dir, json, last = scratch / "run", scratch / "r.json", 0
            while done < kills:
                lab.report(f"kill {done + 1} of {kills} in a row")
                process = many.start(run_dir, json)
                _wait(process, rng.uniform(0, seconds))
                process.kill()
                _, err = process.communicate()
                demand("damaged" not in err, f"kill {done + 1}: no file is damaged: {err}")
                if process.returncode == 0:
                    demand(
                        same(json.read_bytes(), wanted),
                        f"after kill {done}: the result is the same",
                    )
                    break
                results, _, half = kept(run_dir)
                demand(results >= last, f"kill {done + 1}: no finished model is lost")
                done, last = done + 1, results
                seen["killed"] += 1
                seen["left a half-written file"] += half > 0
            many.check(run_dir, json, f"after kill {done}")
    return Outcome(seen, times=kills)


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
