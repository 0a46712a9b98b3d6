"""What is built and installed of this repository, and with which versions."""

from __future__ import annotations

import re
import runpy
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SETUP = runpy.run_path(str(ROOT / "setup.py"))
PINS = [
    Requirement(line)
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]
PYTHONS = ("3.11", "3.12", "3.13")
HERE = "https://example.org/owner/sed2/blob/v1"


def pinned(name: str, python: str) -> str:
    """The version of a package that the constraints give a Python."""
    where = {"python_full_version": f"{python}.0", "python_version": python}
    found = [
        pin
        for pin in PINS
        if pin.name == name and (not pin.marker or pin.marker.evaluate(where | {"extra": ""}))
    ]
    (version,) = {str(pin.specifier).removeprefix("==") for pin in found}
    return version


@pytest.mark.parametrize("python", PYTHONS)
def test_the_tested_versions_are_allowed(python: str) -> None:
    for line in PROJECT["dependencies"]:
        needed = Requirement(line)
        assert needed.specifier.contains(pinned(needed.name, python)), line
    assert pinned("jax", python).startswith("0.10." if python == "3.11" else "0.12.")


def test_no_version_is_bounded_above() -> None:
    extras = PROJECT["optional-dependencies"].values()
    listed = [*PROJECT["dependencies"], *(line for each in extras for line in each)]
    for line in (*listed, f"python {PROJECT['requires-python']}"):
        operators = {each.operator for each in Requirement(line).specifier}
        assert operators <= {">="}, line


def test_the_action_and_the_container_take_the_tested_versions() -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    container = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    default = action["inputs"]["python-version"]["default"]
    assert default == PYTHONS[-1]
    assert f"ARG PYTHON={default}\n" in container
    assert "constraints.txt" in container
    assert re.search(r"^USER [1-9]\d*$", container, re.MULTILINE)


def test_the_container_is_built_of_what_it_needs_alone() -> None:
    kept = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    }
    assert all((ROOT / path).exists() for path in kept)
    assert {"sed2", "configs", "pyproject.toml", "setup.py", "README.md", "LICENSE"} < kept


def test_nox_runs_the_main_job_of_the_readme() -> None:
    nox = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    assert '"rank", "example:mlps"' in nox
    assert "    sed2 rank example:mlps\n" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_index_shows_no_link_that_leads_nowhere() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    relative = re.findall(r"\]\((?!https://)([^)]+)\)", text)
    assert len(relative) > 10
    plain, linked = SETUP["readme"](text, ""), SETUP["readme"](text, HERE)
    for shown in (plain, linked):
        assert "<!--" not in shown
        assert not re.search(r"\]\((?!https://)", shown)
        assert "[NeurIPS 2024](https://arxiv.org/abs/2401.09184)" in shown
    assert HERE not in plain
    assert {path for path in relative if f"]({HERE}/{path})" in linked} == set(relative)


def test_no_address_is_made_up() -> None:
    assert set(SETUP["urls"]("")) == {"Paper"}
    assert SETUP["urls"]("https://example.org/a/b")["Source"] == "https://example.org/a/b"
