"""Completion in shells: what is offered, how quickly, and that a real bash takes it."""

from __future__ import annotations

import os
import subprocess
import sys
import typing
from collections.abc import Callable
from pathlib import Path

import pytest

from sed2.cli.completion import completer
from sed2.data.catalogue import DATASETS
from sed2.settings import PRIORS, Settings, parse_prior
from tests.cli.conftest import Run, shell

Offered = Callable[[str], list[str]]


@pytest.fixture
def bash(sed2: Run, monkeypatch: pytest.MonkeyPatch) -> Offered:
    """What bash is offered at the end of a line."""

    def offered(line: str) -> list[str]:
        words = line.split()
        monkeypatch.setenv("_SED2_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(words) - (not line.endswith(" "))))
        return sed2().out.split()

    return offered


def test_commands(bash: Offered) -> None:
    assert bash("sed2 d") == ["diff", "doctor", "datasets"]
    assert bash("sed2 datasets ") == ["list", "info", "fetch"]
    assert {"compute", "rank", "gate"} <= set(bash("sed2 "))


@pytest.mark.parametrize("command", ["compute", "rank", "gate"])
def test_options(bash: Offered, command: str) -> None:
    assert bash(f"sed2 {command} --ht") == ["--html"]
    every = set(bash(f"sed2 {command} x.yaml --"))
    assert {f"--{name.replace('_', '-')}" for name in Settings.fields()} <= every


@pytest.mark.parametrize("command", ["compute", "rank", "gate", "stability", "bound", "validate"])
@pytest.mark.parametrize("setting", ["fisher", "chain", "likelihood", "estimator"])
def test_values_of_settings(bash: Offered, command: str, setting: str) -> None:
    allowed = typing.get_args(Settings.model_fields[setting].annotation)
    assert bash(f"sed2 {command} x.yaml --{setting} ") == list(allowed)


def test_data_sets_and_priors(bash: Offered) -> None:
    assert bash("sed2 rank --dataset ") == bash("sed2 datasets info ") == list(DATASETS)
    assert bash("sed2 rank --dataset mn") == ["mnist", "mnist-full"]
    offered = bash("sed2 rank --prior ")
    assert [name.rstrip(":") for name in offered] == list(PRIORS)
    for name in offered:
        parse_prior(f"{name}1:2" if name == "uniform:" else f"{name}1" if name[-1] == ":" else name)


@pytest.mark.parametrize(
    "line",
    [
        *("sed2 rank ", "sed2 rank mod", "sed2 rank --dataset ./da", "sed2 rank --html "),
        *("sed2 rank --json r", "sed2 gate x.yaml --baseline ", "sed2 diff a"),
    ],
)
def test_files_are_left_to_the_shell(bash: Offered, line: str) -> None:
    assert bash(line) == []


def test_numbers_have_nothing_to_complete() -> None:
    assert all(completer(name, Settings.model_fields[name]) is None for name in ("draws", "eps"))


@pytest.mark.parametrize(
    ("shell_name", "expected"),
    [("zsh", """_arguments '*: :(("expected"\n"empirical"))'"""), ("fish", "expected\nempirical")],
)
def test_other_shells(
    sed2: Run, monkeypatch: pytest.MonkeyPatch, shell_name: str, expected: str
) -> None:
    monkeypatch.setenv("_SED2_COMPLETE", f"complete_{shell_name}")
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", "sed2 rank --fisher e")
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    assert sed2().out.strip() == expected
    monkeypatch.setenv("_SED2_COMPLETE", f"source_{shell_name}")
    assert f"_SED2_COMPLETE=complete_{shell_name}" in sed2().out


@pytest.mark.parametrize("line", ["sed2 rank --dataset ", "sed2 rank --fisher ", "sed2 "])
def test_completing_imports_nothing_heavy(line: str) -> None:
    code = (
        "import sys\nfrom sed2.cli.app import run\nrun([])\n"
        "heavy = {'jax', 'flax', 'optax', 'matplotlib', 'scipy'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    words = {"_SED2_COMPLETE": "complete_bash", "COMP_WORDS": line}
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | words | {"COMP_CWORD": str(len(line.split()))},
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.strip()


def test_a_real_bash_completes(tmp_path: Path) -> None:
    ran = shell(
        'eval "$(_SED2_COMPLETE=source_bash sed2)"; complete -p sed2; COMP_CWORD=3;'
        'COMP_WORDS=(sed2 rank --fisher em); _sed2_completion sed2; echo "${COMPREPLY[@]}";'
        'COMP_WORDS=(sed2 rank --html pa); _sed2_completion sed2; echo "${#COMPREPLY[@]}"',
        tmp_path,
    )
    assert ran.stdout.splitlines() == [
        "complete -o default -F _sed2_completion sed2",  # files, where nothing is offered
        "empirical",
        "0",
    ], ran.stderr
