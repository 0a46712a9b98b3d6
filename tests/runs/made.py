"""A small run, and how to compare what it came to."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sed2 import api
from sed2.common.cost import Cost
from sed2.ranking.results import Ranking
from sed2.report.documents.ranking import rank_document
from sed2.report.documents.text import to_json
from sed2.runs.directory import RunDirectory

SPEC = {"models": ["MLP 54-2-7", "MLP 54-3-7", {"name": "deep", "notation": "MLP 54-2-2-7"}]}
TINY: dict[str, Any] = {"dataset": "covertype", "samples": 5, "draws": 3, "eps": "0.01,0.1"}


class Told:
    """What a run says."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.lines: list[str] = []

    def run(self, folder: Path) -> RunDirectory:
        """The run directory that says it."""
        return RunDirectory(folder, warn=self.warnings.append, tell=self.lines.append)


def ranked(run_dir: Path | RunDirectory | None, spec: Any = SPEC, **more: Any) -> Ranking:
    """The ranking of small networks."""
    return api.rank(spec, run_dir=run_dir, **TINY | more)


def text(ranking: Ranking) -> str:
    """All that `--json` tells of it, but for its cost."""
    return without_costs(to_json(rank_document(ranking)))


def without_costs(text: str | bytes) -> str:
    """A document without the CPU seconds, which no two runs have in common."""

    def other(mapping: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in mapping.items() if key != "cost"}

    return json.dumps(json.loads(text, object_hook=other))


def interrupt_after(count: int, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that is interrupted instead of being called once more than `count` times."""
    calls = [0]

    def wrapped(*arguments: Any, **named: Any) -> Any:
        calls[0] += 1
        if calls[0] > count:
            raise KeyboardInterrupt
        return function(*arguments, **named)

    return wrapped


def assert_same(one: Any, other: Any) -> None:
    """Equal to the last bit, NaN included, and of the same type; but for what it cost."""
    assert type(one) is type(other)
    if isinstance(one, Cost):
        return
    if isinstance(one, np.ndarray):
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        assert one.tobytes() == other.tobytes()
    elif isinstance(one, float):
        assert np.float64(one).tobytes() == np.float64(other).tobytes()
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for key, value in one.items():
            assert_same(value, other[key])
    elif isinstance(one, tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_same(a, b)
    elif hasattr(one, "__dataclass_fields__"):
        assert_same(vars(one), vars(other))
    else:
        assert one == other


# As a terminal starts it: background jobs of a script, and all they start, ignore the signal.
_IN_A_TERMINAL = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from sed2.cli import main; main()"
)


def command(*arguments: str) -> list[str]:
    """Of a process of `sed2` that Ctrl-C reaches."""
    return [sys.executable, "-c", _IN_A_TERMINAL, *arguments]


def interrupt(command: list[str], run_dir: Path, **more: Any) -> None:
    """Start a process, send it a real signal once its first model is finished, and check that it
    ends as it should."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more
    )
    while process.poll() is None and not list(run_dir.glob("results/*.sed2")):
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, out) == (130, "")
    assert "the same command goes on from there" in err
    assert "Traceback" not in err
