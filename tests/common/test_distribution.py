"""Whatever tells how to install sed2 names the project as the package index knows it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import sed2
from sed2.common.distribution import NAME, install, version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PLACES = [
    path
    for folder in ("sed2", "docs", "tests", "scripts", ".ci", "findings")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in (".py", ".md", ".sh", ".yaml", "") and path.is_file()
] + [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "action.yml")]
HINT = re.compile(r"(?<![\w.-])((?:sed2[\w-]*|\.)?)\[(\w+(?:,\w+)*)\]'")
"""A quoted requirement with extras."""


def hints() -> list[tuple[str, str, str]]:
    found = [
        (path.name, name, extra)
        for path in PLACES
        for name, extras in HINT.findall(path.read_text(encoding="utf-8", errors="replace"))
        if name
        for extra in extras.split(",")
    ]
    assert len(found) > 10
    return found


def test_every_hint_names_this_project_and_an_extra_of_it() -> None:
    extras = PROJECT["optional-dependencies"]
    wrong = [hint for hint in hints() if hint[1] not in (NAME, ".") or hint[2] not in extras]
    assert wrong == []


def test_the_name_is_that_of_the_project() -> None:
    assert PROJECT["name"] == NAME
    assert version() == sed2.__version__ == PROJECT["version"]
    assert install("ray") == f"pip install '{NAME}[ray]'"


@pytest.mark.parametrize("command", ["pip install sed2", "uvx sed2", "pipx install sed2"])
def test_nothing_installs_the_project_of_others(command: str) -> None:
    other = re.compile(rf"{command}(?![\w-])")
    here = Path(__file__)
    found = [
        path for path in PLACES if path != here and other.search(path.read_text("utf-8", "replace"))
    ]
    assert found == []
