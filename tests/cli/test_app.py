"""What holds for every command: help, exit codes, streams, start-up."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from sed2 import api
from sed2.cli.app import app
from sed2.errors import ExitCode
from tests.cli.conftest import FAST, Run

CONTRACT = {
    "compute": "--dataset --eps --zeta --samples --draws --sigma --fisher --prior --n-train --seed "
    "--label --standardize --model --json --csv --plot",
    "rank": "--dataset --eps --zeta --samples --draws --sigma --fisher --prior --n-train --seed "
    "--label --standardize --json --csv --plot",
    "validate": "--dataset --eps",
    "datasets list": "",
    "datasets info": "",
    "datasets fetch": "",
    "schema": "",
}


def commands() -> dict[str, Any]:
    """Every command by its full name."""
    found: dict[str, Any] = {}

    def visit(command: Any, name: str) -> None:
        if hasattr(command, "commands"):
            for inner, sub in command.commands.items():
                visit(sub, f"{name} {inner}".strip())
        else:
            found[name] = command

    visit(typer.main.get_command(app), "")
    return found


COMMANDS = commands()


def test_the_commands_are_those_of_the_contract() -> None:
    assert set(COMMANDS) == set(CONTRACT)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_documented(name: str) -> None:
    for parameter in COMMANDS[name].params:
        if parameter.param_type_name == "option" and "--help" not in parameter.opts:
            assert parameter.help, f"{name} {parameter.opts}"


@pytest.mark.parametrize(("name", "options"), CONTRACT.items())
def test_help_shows_the_options_and_an_example(sed2: Run, name: str, options: str) -> None:
    ran = sed2(*name.split(), "--help")
    assert ran.code == 0
    for option in options.split():
        assert option in ran.out
    assert "Examples" in ran.out
    assert f"sed2 {name}" in ran.out


def test_exit_codes_are_those_of_the_contract() -> None:
    assert {code.name: code.value for code in ExitCode} == {
        "OK": 0,
        "DEFECT": 1,
        "USAGE": 2,
        "GATE_FAILED": 3,
        "DATA": 4,
        "NUMERICS": 5,
        "UNDECIDED": 6,
        "INTERRUPTED": 130,
    }


def test_version(sed2: Run) -> None:
    assert sed2("--version").out.startswith("sed2 0.")


@pytest.mark.parametrize("arguments", [["--help"], ["rank", "--help"], ["datasets", "list"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom sed2.cli.app import run\n"
        f"code = run({arguments!r})\n"
        "heavy = {'jax', 'flax', 'optax', 'matplotlib', 'scipy'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else code)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_an_unknown_command_or_option_is_a_usage_error(sed2: Run) -> None:
    assert sed2("rnak").code == 2
    ran = sed2("rank", "x.yaml", "--drawz", "3")
    assert ran.code == 2
    assert "--draws" in ran.err


def test_a_defect_asks_for_a_report_and_shows_no_traceback(
    sed2: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(api, "validate", fail)
    ran = sed2("validate", "MLP 54-3-7")
    assert ran.code == 1
    assert "a defect of sed2: ZeroDivisionError: oops" in ran.err
    assert "--debug" in ran.err
    assert "Traceback" not in ran.err
    ran = sed2("--debug", "validate", "MLP 54-3-7")
    assert ran.code == 1
    assert "Traceback" in ran.err


def test_an_interrupt_ends_with_130(sed2: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(api, "compute", interrupt)
    ran = sed2("compute", "MLP 54-3-7", *FAST)
    assert ran.code == 130
    assert "Traceback" not in ran.err


def test_out_of_memory_is_a_failure_of_numbers(sed2: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(api, "compute", fail)
    ran = sed2("compute", "MLP 54-3-7", *FAST)
    assert ran.code == 5
    assert "memory" in ran.err


def test_a_closed_pipe_is_no_defect(tmp_path: Path) -> None:
    """`sed2 schema | head -1`."""
    ran = subprocess.run(
        f"{sys.executable} -m sed2 schema | head -1; exit ${{PIPESTATUS[0]}}",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert ran.stdout == "{\n"
    assert "defect" not in ran.stderr
    assert "Traceback" not in ran.stderr
