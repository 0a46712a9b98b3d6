"""Two processes on one directory at once."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from scripts.reliability.lab import Lab, demand, result


def check(lab: Lab, pairs: int, seed: int, report: Callable[[str], None]) -> list[str]:
    """Lines of the page. In every second pair one of the two is killed.

    Raises:
        BrokenError: a process failed, or found another result.
    """
    rng = random.Random(seed)
    killed = 0
    for number in range(pairs):
        with lab.scratch() as scratch:
            run_dir, files = scratch / "run", [scratch / "a.json", scratch / "b.json"]
            first = lab.start(run_dir, files[0])
            time.sleep(rng.uniform(0, lab.seconds / 2) if number % 4 > 1 else 0)
            second = lab.start(run_dir, files[1])
            if number % 2:
                time.sleep(rng.uniform(0, lab.seconds))
                second.kill()
                killed += 1
            for process, file in ((first, files[0]), (second, files[1])):
                _, err = process.communicate()
                if process is second and number % 2:
                    continue
                what = f"pair {number + 1}"
                demand(process.returncode == 0, f"{what}: both succeed: {err}")
                demand("damaged" not in err, f"{what}: no file is damaged: {err}")
                demand(result(file) == lab.wanted, f"{what}: the result is the same")
            lab.check(run_dir, files[1], f"after pair {number + 1}")
        report(f"pair {number + 1} of {pairs}")
    return [
        f"| two processes on one directory, begun together or half a run apart | {pairs} | "
        f"{pairs} equal results |",
        f"| - of these, with one of the two killed by SIGKILL | {killed} | the other goes on |",
    ]
