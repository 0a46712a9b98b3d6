"""Time a way in a process of its own: from the start to its first answer, and again when warm."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from scripts.bench.problem import Values
from scripts.bench.ways import WAYS
from scripts.common.processes import finding_scripts, without_settings

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Failed(Exception):
    """A way ended without an answer."""


class Stopped(Exception):
    """A way was ended before its first answer, since it took too long."""


@dataclass(frozen=True)
class Run:
    """One process of a way."""

    first: float
    """Seconds from the start of the process to its first answer."""
    warm: float | None
    """Seconds of the work from the second time on, a mean; None if it was done once only."""
    bytes: int
    """Peak memory of the process."""
    values: list[Values]
    """Of each problem, if it answers with any."""
    stages: dict[str, float] | None = None
    """Seconds of the first answer that went into imports, tracing, lowering and compiling; of sed2
    alone."""


def time_way(
    name: str,
    folders: Sequence[Path],
    cores: int,
    cache: Path,
    once_above: float = math.inf,
    at_most: float = math.inf,
) -> Run:
    """Start a way, and have it do its work once, or twice.

    Args:
        folders: of the problems, one after the other in one process.
        cache: where programs that are compiled are kept from one process to the next.
        once_above: seconds after which the work is not done a second time.
        at_most: seconds after which it is ended.

    Raises:
        Failed: it ended without an answer; it says why on stderr.
        Stopped: it was ended.
    """
    threads = dict.fromkeys(THREADS, str(WAYS[name].blas_threads or cores))
    kept = finding_scripts(without_settings())
    kept.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed has its bytecode
    start = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "scripts.bench.worker", name, str(cores), *map(str, folders)],
        env=kept | threads | {"SED2_CACHE_DIR": str(cache)},
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=(errors := tempfile.TemporaryFile("w+")),
    ) as process:

        def ask() -> dict[str, Any]:
            assert process.stdin is not None
            assert process.stdout is not None
            alarm = threading.Timer(min(at_most, threading.TIMEOUT_MAX), process.kill)
            alarm.start()
            try:
                print("go", file=process.stdin, flush=True)
                return json.loads(process.stdout.readline())
            except (BrokenPipeError, json.JSONDecodeError):
                code = process.wait()
                if time.perf_counter() - start >= at_most:
                    raise Stopped from None
                errors.seek(0)
                last = (errors.read().strip().splitlines() or ["no word"])[-1]
                raise Failed(f"{WAYS[name].title} ended with {code}: {last}") from None
            finally:
                alarm.cancel()

        with errors:
            answer = ask()
            first, warm = time.perf_counter() - start, None
            if first <= once_above:
                again = ask()
                warm, answer["bytes"] = again["seconds"], again["bytes"]
    values = [
        Values(*(np.array(each[field.name]) for field in fields(Values)))
        for each in answer["values"]
    ]
    return Run(first, warm, answer["bytes"], values, answer.get("stages"))
