"""Python's door: what `sed2` hands out, when it is imported, and what a type checker sees of it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import sed2

ROOT = Path(__file__).parents[1]
SCRIPT = """
from typing import assert_type

import numpy as np

import sed2

ranking = sed2.rank(["MLP 8-6-3", "MLP 8-4-4-3"], dataset="covertype", draws=20)
assert_type(ranking, sed2.Ranking)
assert_type(ranking["MLP 8-6-3"], sed2.RankedModel)
assert_type([model.name for model in ranking], list[str])
assert_type(ranking[0].result.lower_two_sed, sed2.Curve)
assert_type(ranking[:2], tuple[sed2.RankedModel, ...])
assert_type(sed2.compute("MLP 8-6-3").score.value, float)
assert_type(sed2.stability("MLP 8-6-3")[0], sed2.ModelResult)
assert_type(sed2.gate("a.yaml", "b.json")["a"], sed2.GatedModel)
assert_type(sed2.bound("MLP 8-6-3", lipschitz=1), sed2.BoundResult)
assert_type(sed2.validate("MLP 8-6-3"), list[sed2.Checked])
assert_type(sed2.load_run("runs").ranking, sed2.Ranking)
try:
    sed2.rank("a.yaml", run_dir=sed2.RunDirectory("runs"), ray=sed2.Cluster("auto"))
except sed2.Sed2Error as error:
    assert_type(error.mend, str)
"""


def shown_to_type_checkers() -> dict[str, str]:
    """By name, the module it is imported from."""
    (block,) = (
        node
        for node in ast.parse((ROOT / "sed2/__init__.py").read_text("utf-8")).body
        if isinstance(node, ast.If)
    )
    assert all(
        alias.name == alias.asname  # or it would not be handed on
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    )
    return {
        alias.name: str(node.module)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_dir_all_and_the_type_checkers_agree() -> None:
    names = shown_to_type_checkers()
    assert sorted(sed2.__all__) == dir(sed2) == sorted([*names, "__version__"])
    assert {name: getattr(sed2, name).__module__ for name in names} == names
    assert sed2.__version__


def test_every_error_is_handed_out() -> None:
    from sed2 import errors

    deliberate = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.Sed2Error)
    }
    assert deliberate <= set(dir(sed2))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'rnak'"):
        _ = sed2.rnak  # type: ignore[attr-defined]


def test_importing_sed2_imports_little() -> None:
    code = "import sed2, sys; dir(sed2); print({'jax', 'numpy', 'pydantic'} & sys.modules.keys())"
    assert _python("-c", code) == "set()\n"


def test_a_users_script_has_types(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    assert _python("-m", "mypy", "--pretty", str(script)).startswith("Success")


def _python(*arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert not done.returncode, done.stdout + done.stderr
    return done.stdout
