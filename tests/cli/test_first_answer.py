"""What users wait for first: nothing is imported, or compiled, that the answer does not need."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from sed2.cli.app import COMMANDS, app

HEAVY = {"jax", "flax", "optax", "matplotlib", "ray", "pandas", "scipy.stats", "blackjax"}
RANK = ["rank", "MLP 54-6-7", "MLP 54-4-7", "--dataset", "covertype", "--draws", "4"]


def imported(*arguments: str) -> set[str]:
    """What a command has imported at its end, which is a good one."""
    script = (
        "import sys\nfrom sed2.cli.app import run\n"
        f"code = run({list(arguments)!r})\n"
        "print(*sys.modules, file=sys.stderr)\nsys.exit(code)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], env=os.environ, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return set(ran.stderr.splitlines()[-1].split())


def test_help_needs_typer_alone() -> None:
    assert not imported("--help") & {*HEAVY, "numpy", "pydantic", "rich.console"}


@pytest.mark.parametrize("score", ["lower", "joint"])
def test_a_small_ranking_compiles_nothing(score: str) -> None:
    found = imported(*RANK, "--samples", "20", "--score", score)
    assert "sed2.fisher.lapack" in found
    assert not found & HEAVY


def test_an_unchanged_gate_computes_nothing(tmp_path: Path) -> None:
    baseline = ["--baseline", str(tmp_path / "b.json")]
    gate = ["gate", "MLP 54-6-7", "--dataset", "covertype", "--samples", "20", *baseline]
    assert not imported(*gate, "--update") & HEAVY
    found = imported(*gate)
    assert not found & {*HEAVY, "sed2.fisher.lapack"}


def test_the_list_of_commands_says_what_each_says_itself() -> None:
    root = typer.main.get_command(app)
    assert list(root.commands) == list(COMMANDS)  # type: ignore[attr-defined]
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        assert command.get_short_help_str(200) == COMMANDS[name]
