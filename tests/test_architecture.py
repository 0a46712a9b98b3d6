"""Imports point one way: down this list of rooms, and in no circle of files.

Imports under TYPE_CHECKING and inside functions count as well.
"""

from __future__ import annotations

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import sed2

ROOT = Path(__file__).parents[1]
ROOMS = """
    cli
    api
    cluster report
    runs
    selection robustness gating
    ranking
    tasks
    baselines
    training estimate
    estimators generalisation
    fisher
    provenance priors measure
    request
    spec hosts
    chain results data
    options frameworks
    settings blocks
    common
    errors
"""
"""A room imports from the lines below its own. Rooms of one line do not know each other."""
LEVELS = {room: level for level, line in enumerate(ROOMS.split("\n")) for room in line.split()}
TOP = {"sed2", "sed2.__main__"}
"""The package itself, which hands out what the rooms have."""


@cache
def imports() -> dict[str, set[str]]:
    """By module, the modules of sed2 that it imports."""
    paths = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in (ROOT / "sed2").rglob("*.py")
    }
    found: dict[str, set[str]] = {}
    for module, path in paths.items():
        found[module] = set()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.ImportFrom) and node.module:
                within = [f"{node.module}.{alias.name}" for alias in node.names]
                names = [name if name in paths else node.module for name in within]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            found[module] |= {name for name in names if name in paths and name != module}
    return found


def room(module: str) -> str:
    return module.split(".")[1]


def test_every_room_has_its_place() -> None:
    assert {room(module) for module in imports() if module not in TOP} == LEVELS.keys()


def test_rooms_import_downwards() -> None:
    upwards = [
        f"{module} -> {other}"
        for module, others in imports().items()
        for other in others
        if module not in TOP
        and (other in TOP or room(module) != room(other))
        and (other in TOP or LEVELS[room(module)] >= LEVELS[room(other)])
    ]
    assert not upwards


def test_files_import_in_no_circle() -> None:
    try:
        TopologicalSorter(imports()).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_each_class_name_means_one_thing() -> None:
    places: dict[str, list[str]] = {}
    for path in (ROOT / "sed2").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name.lstrip("_"), []).append(path.name)
    assert not {name: where for name, where in places.items() if len(where) > 1}


def test_no_room_hides_a_verb() -> None:
    """An imported `sed2.bound` would be a module, where users look for the function."""
    assert not set(sed2.__all__) & LEVELS.keys() - {"api"}
