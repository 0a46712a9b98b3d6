"""Several processes on one directory at once."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from functools import partial

from scripts.reliability.lab import Lab, same
from scripts.reliability.trying import Outcome, Try, demand

TITLE = "Several processes on one run directory"
ABOUT = (
    "The same command, in two or in six processes at once, begun together or up to half a run "
    "apart; in every second try some of them, but not all, are killed. All others must end with "
    "exit code 0 and the result of the undisturbed run, and so must the same command afterwards."
)


def tries(lab: Lab, pairs: int, sixes: int, seed: int) -> Iterator[Try]:
    """Of two and of six."""
    for many, times in ((2, pairs), (6, sixes)):
        for number in range(times):
            kills = (1 if many == 2 else 3) * (number % 2)
            yield Try(
                f"{many} processes" + f", of which {kills} killed" * bool(kills),
                f"{many} processes, {number}",
                partial(
                    together,
                    lab,
                    many,
                    kills,
                    number % 4 > 1,
                    random.Random(f"{seed} {many} {number}"),
                ),
            )


def together(lab: Lab, many: int, kills: int, later: bool, rng: random.Random) -> Outcome:
    """Processes on one directory.

    Args:
        kills: how many of them are killed.
        later: whether they begin apart.

    Raises:
        BrokenError: a process failed, or found another result.
    """
    seconds = lab.seconds
    with lab.scratch() as scratch:
        run_dir, started = scratch / "run", []
        for number in range(many):
            time.sleep(rng.uniform(0, seconds / many) if later and number else 0)
            file = scratch / f"{number}.json"
            started.append((lab.start(run_dir, file), file))
        victims = rng.sample(started, kills)
        for process, _ in victims:
            time.sleep(rng.uniform(0, seconds / kills))
            process.kill()
        for process, file in started:
            _, err = process.communicate()
            if (process, file) in victims:
                continue
            demand(process.returncode == 0, f"all succeed: {err}")
            demand("damaged" not in err, f"no file is damaged: {err}")
            demand(same(file.read_bytes(), lab.wanted), "the result is the same")
        lab.check(run_dir, started[0][1], "afterwards")
    return Outcome({"equal results": many - kills + 1})
