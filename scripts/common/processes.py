"""Commands in processes of their own, timed, with their peak memory.

Nothing large is imported here: the peak that the operating system counts for a process cannot read
below that of the one that started it.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scripts.common.paths import ROOT


@dataclass(frozen=True)
class Finished:
    """What became of one process."""

    exit_code: int
    seconds: float
    """From its start to its end."""
    peak_bytes: int
    errors: str
    """What it wrote on stderr."""


def run_alone(command: Sequence[str], environment: Mapping[str, str]) -> Finished:
    """Run a command with an empty cache of compiled programs; its stdout goes nowhere."""
    with tempfile.TemporaryDirectory() as cache, tempfile.TemporaryFile("w+") as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            command,
            env={**environment, "SED2_CACHE_DIR": cache},
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        return Finished(process.returncode, seconds, peak_bytes(usage), errors.read().strip())


def peak_bytes(usage: resource.struct_rusage | None = None) -> int:
    """The largest resident set: of a process that has ended, or by default of this one."""
    usage = usage or resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def without_settings() -> dict[str, str]:
    """The environment without the `SED2_*` variables, which would change what is measured."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SED2_")}


def finding_scripts(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of a process that has to find `scripts` and `sed2` wherever it starts."""
    paths = [str(ROOT), *filter(None, [environment.get("PYTHONPATH")])]
    return {**environment, "PYTHONPATH": os.pathsep.join(paths)}
