"""All commands of scripts/: listed, with a command line that holds together, in rooms."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(SCRIPTS.parent).with_suffix("").parts)


MODULES = {module_of(path) for path in SCRIPTS.rglob("*.py")}
COMMANDS = sorted(
    module_of(path)
    for path in SCRIPTS.rglob("*.py")
    if '__name__ == "__main__"' in path.read_text("utf-8") and path.stem != "worker"
)
"""`bench.worker` is started by the suite alone."""


def called(command: str) -> str:
    """As `python -m` has it."""
    return command.removesuffix(".__main__")


@pytest.mark.parametrize("command", COMMANDS)
def test_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        import_module(command).main(["--help"])
    assert exit_.value.code == 0
    assert "usage:" in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_each_says_how_it_is_called_and_is_listed(command: str) -> None:
    line = f"python -m {called(command)}"
    if command != "scripts.bench.__main__":  # in its package's docstring
        assert line in (import_module(command).__doc__ or "")
    assert f"`{called(command).removeprefix('scripts.')}`" in (SCRIPTS / "README.md").read_text()


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("cost.startup", ["--runs", "0"]),
        ("cost.prefix", ["--runs", "0"]),
        ("cost.memory", ["--below-gb", "much"]),
        ("cost.size", ["--widths", "3,x"]),
        ("statistics.standard_errors", ["--seeds", "1"]),
        ("statistics.bias", ["--draws-grid", "ten"]),
    ],
)
def test_useless_arguments_are_refused(command: str, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        import_module(f"scripts.{command}").main(arguments)
    assert exit_.value.code == 2


def imports() -> dict[str, set[str]]:
    """By module of scripts/, the others that it imports."""
    found = {}
    for path in SCRIPTS.rglob("*.py"):
        named = {
            name
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("scripts.")
            for name in (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
        }
        found[module_of(path)] = {name for name in named if name in MODULES}
    return found


def test_rooms_know_common_alone_and_import_in_no_circle() -> None:
    """But for the networks of the suite, on which `cost.gpu` works as well."""
    files = imports()
    tuple(TopologicalSorter(files).static_order())  # raises CycleError
    rooms = {
        (module.split(".")[1], other.split(".")[1])
        for module, others in files.items()
        for other in others
    }
    between = {(room, other) for room, other in rooms if room != other}
    assert ("paper", "common") in between
    assert {pair for pair in between if pair[1] != "common"} == {("cost", "bench")}
