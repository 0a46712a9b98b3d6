"""What sed2 claims to run with, run: `pip install 'nox[uv]'`, then `nox` or `nox -s lowest`.

Each session installs sed2, as users have it, runs the README's main job on small settings in an
empty folder, holds its scores against those of the sessions before (1e-9), and runs a selection of
the tests. Interpreters that are not here are skipped.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
from pathlib import Path

import nox

nox.needs_version = ">=2024.10"
nox.options.default_venv_backend = "uv"
nox.options.sessions = ["versions", "lowest"]
nox.options.error_on_missing_interpreters = False

if shutil.which("pyenv"):  # whose commands find only the versions that are named so
    listed = subprocess.run(["pyenv", "versions", "--bare"], capture_output=True, text=True)
    os.environ["PYENV_VERSION"] = ":".join(listed.stdout.split())

PYTHONS = nox.project.python_versions(nox.project.load_toml("pyproject.toml"))
CONSTRAINTS = "constraints.txt"
JAX = {"3.11": "0.10."}  # of later ones:
NEWEST = "0.12."
JOB = ("rank", "example:mlps", "--samples", "30", "--draws", "20", "--json", "ranking.json")
TOLERANCE = 1e-9
SCORES: dict[str, dict[str, float]] = {}  # of each session
TESTS = (
    *("tests/measure", "tests/fisher/test_dense.py", "tests/fisher/test_generic.py"),
    *("tests/report/test_plot.py", "tests/report/test_tables.py"),
)
TOOLS = ("pytest", "pytest-xdist", "hypothesis", "jsonschema")


@nox.session(python=PYTHONS)
def versions(session: nox.Session) -> None:
    """The tested versions, with every interpreter that is here."""
    session.install("--constraint", CONSTRAINTS, ".", *TOOLS)
    _check(session, JAX.get(str(session.python), NEWEST))


@nox.session(python=PYTHONS[0])
def lowest(session: nox.Session) -> None:
    """The lowest versions that pyproject.toml declares."""
    declared = Path(session.create_tmp()).resolve() / "lowest.txt"
    _compile(session, declared, "--resolution", "lowest-direct", "--python-version", PYTHONS[0])
    session.install("--requirement", str(declared), ".", *TOOLS)
    older = "ignore::DeprecationWarning"  # that old versions give of what is newer than they are
    _check(session, JAX[PYTHONS[0]], "-W", older)


@nox.session(python=PYTHONS[0])
def constraints(session: nox.Session) -> None:
    """Write the newest versions to constraints.txt; run `nox` after it."""
    extras = ("--extra", "arrow", "--extra", "images")
    out = Path(CONSTRAINTS)
    first = out.read_text(encoding="utf-8").splitlines()[0]
    _compile(session, out, "--upgrade", "--universal", "--python-version", PYTHONS[0], *extras)
    out.write_text(f"{first}\n{out.read_text(encoding='utf-8')}", encoding="utf-8")


def _compile(session: nox.Session, out: Path, *options: str) -> None:
    quiet = ("--quiet", "--no-header", "--no-annotate", "--output-file", str(out))
    session.run("uv", "pip", "compile", *quiet, *options, "pyproject.toml", external=True)


def _check(session: nox.Session, jax: str, *pytest: str) -> None:
    """The job, its scores, the tests."""
    ask = "from importlib.metadata import version; print(version('jax'))"
    found = str(session.run("python", "-c", ask, silent=True)).strip()
    if not found.startswith(jax):
        session.error(f"JAX {found} was installed, and not {jax}*")
    with session.chdir(session.create_tmp()):
        session.run("sed2", *JOB)
        document = json.loads(Path("ranking.json").read_text(encoding="utf-8"))
    _compare(session, {model["name"]: model["score"] for model in document["models"]})
    session.run("pytest", "-q", *pytest, *TESTS, *session.posargs)


def _compare(session: nox.Session, scores: dict[str, float]) -> None:
    """With those of the sessions before this one."""
    for other, theirs in SCORES.items():
        for name, score in scores.items():
            if not math.isclose(score, theirs[name], rel_tol=TOLERANCE):
                session.error(f"{name}: {score} here, {theirs[name]} in {other}")
    session.log(f"scores as in {', '.join(SCORES) or 'no session before'}: {scores}")
    SCORES[session.name] = scores
