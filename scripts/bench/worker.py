"""One way in a process of its own: what it imports, its threads and its memory are its own.

    python -m scripts.bench.worker WAY CORES FOLDER...

For the first line on stdin it does the work of all folders once; for the next, again and again
until a second has gone by, since what takes milliseconds is not known from one time. It answers
with one line of JSON: the mean seconds of the work, the peak memory of the process so far, and what
was found.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from pathlib import Path

from scripts.bench.problem import Problem, Values
from scripts.bench.ways import WAYS

AT_LEAST = 1.0  # seconds that are measured, warm


def main() -> None:
    way, cores, folders = WAYS[sys.argv[1]], int(sys.argv[2]), map(Path, sys.argv[3:])
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints is no answer
    if "torch" in way.packages:
        import torch

        torch.set_num_threads(cores)
    make = way.load()
    ones = [make(Problem.load(folder)) for folder in folders]
    for number, _ in enumerate(sys.stdin):
        times, start = 0, time.perf_counter()
        while times == 0 or (number > 0 and time.perf_counter() - start < AT_LEAST):
            found = [one.run() for one in ones]
            times += 1
        seconds = (time.perf_counter() - start) / times
        answer = {"seconds": seconds, "bytes": peak_memory()}
        answer["values"] = [
            {name: array.tolist() for name, array in vars(values).items()}
            for values in found
            if isinstance(values, Values)
        ]
        if isinstance(found[-1], dict):
            answer["stages"] = found[-1]
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def peak_memory() -> int:
    """Bytes of this program alone; `getrusage` counts what the process was before it began."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])


if __name__ == "__main__":
    main()
