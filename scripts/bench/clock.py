"""Time a way in a process of its own: from the start to its first answer, and again when warm."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
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


@dataclass(frozen=True)
class Run:
    """One process of a way."""

    first: float
    """Seconds from the start of the process to its first answer."""
    warm: float | None
    """Seconds of the work from the second time on, a mean; None if it was done once only."""
    bytes: int
    """Peak memory of the process."""
    values: Values | None
    stages: dict[str, float] | None = None
    """Seconds of the first answer that went into imports, tracing, lowering and compiling; of sed2
    alone."""


def time_way(name: str, folder: Path, cores: int, cache: Path, once_above: float) -> Run:
    """Start a way, and have it do its work once, or twice.

    Args:
        cache: where programs that are compiled are kept from one process to the next.
        once_above: seconds after which the work is not done a second time.

    Raises:
        Failed: it ended without an answer; it says why on stderr.
    """
    threads = dict.fromkeys(THREADS, str(WAYS[name].blas_threads or cores))
    kept = finding_scripts(without_settings())
    kept.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed has its bytecode
    start = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "scripts.bench.worker", name, str(folder), str(cores)],
        env=kept | threads | {"SED2_CACHE_DIR": str(cache)},
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=(errors := tempfile.TemporaryFile("w+")),
    ) as process:

        def ask() -> dict[str, Any]:
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                print("go", file=process.stdin, flush=True)
                return json.loads(process.stdout.readline())
            except (BrokenPipeError, json.JSONDecodeError):
                code = process.wait()
                errors.seek(0)
                last = (errors.read().strip().splitlines() or ["no word"])[-1]
                raise Failed(f"{WAYS[name].title} ended with {code}: {last}") from None

        with errors:
            answer = ask()
            first, warm = time.perf_counter() - start, None
            if first <= once_above:
                again = ask()
                warm, answer["bytes"] = again["seconds"], again["bytes"]
    values = None
    if "traces" in answer:
        values = Values(*(np.array(answer[each.name]) for each in fields(Values)))
    return Run(first, warm, answer["bytes"], values, answer.get("stages"))
