"""Running the command line in this process, as a user would type it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from sed2.cli.app import run

FAST = ("--dataset", "covertype", "--samples", "5", "--draws", "3", "--eps", "1e-3:1e-1:4")


@dataclass(frozen=True)
class Ran:
    """What one command line gave."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def sed2(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Run:
    """`sed2("rank", "file.yaml", ...)`, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SED2_DEBUG", raising=False)

    def run_it(*arguments: str | Path) -> Ran:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run_it


def shell(line: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """A line of bash in which `sed2` and `python` are those under test."""
    bin_ = cwd / "bin"
    bin_.mkdir()
    for name, start in (("python", ""), ("sed2", " -m sed2")):
        (bin_ / name).write_text(f'#!/bin/sh\nexec "{sys.executable}"{start} "$@"\n')
        (bin_ / name).chmod(0o755)
    root = Path(__file__).parents[2]
    path = f"{bin_}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", line],
        capture_output=True,
        check=False,
        cwd=cwd,
        encoding="utf-8",
        env=os.environ | {"PATH": path, "PYTHONPATH": str(root)} | env,
    )
