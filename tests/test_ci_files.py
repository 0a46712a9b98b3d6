"""What others run in their CI: the action, the pre-commit hook, GitLab's snippet. Their own command
lines are run here, with `pip` put aside."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml

from tests.cases import gaussian_inputs

ROOT = Path(__file__).parents[1]
SPEC = """\
dataset: data.npz
eps: 0.01,0.1
samples: 10
draws: 6
models:
  - {name: a, notation: MLP 5-4-2}
"""

SHIM = """#!/bin/sh
if [ "$1 $2" = "-m pip" ]; then echo "$@" >> pip.log; exit 0; fi
exec "{python}" {start} "$@"
"""


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a user: data, a spec and its baseline."""
    folder = tmp_path_factory.mktemp("repository")
    (folder / "bin").mkdir()
    for name, start in (("python", ""), ("sed2", "-m sed2")):
        shim = folder / "bin" / name
        shim.write_text(SHIM.format(python=sys.executable, start=start))
        shim.chmod(0o755)
    (folder / "configs").mkdir()
    np.savez(folder / "data.npz", x=gaussian_inputs(60, 5))
    (folder / "configs" / "mlps.yaml").write_text(SPEC)
    line = "sed2 gate configs/mlps.yaml --baseline sed2-baseline.json --max-draws 6 --update"
    ran = shell(line, folder)
    assert ran.returncode == 0, ran.stderr
    return folder


def shell(line: str, folder: Path, *bash: str, **env: str) -> subprocess.CompletedProcess[str]:
    """A script as a runner of CI has it, in which `sed2` is the one under test."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GITHUB_")}
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", *bash, "-c", line],
        capture_output=True,
        check=False,
        cwd=folder,
        encoding="utf-8",
        env=kept | {"PATH": path, "PYTHONPATH": str(ROOT)} | env,
    )


def run_action(folder: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    """The shell steps of action.yml, as GitHub runs them."""
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    given = {name: str(one.get("default", "")) for name, one in action["inputs"].items()} | inputs
    (folder / "step.md").unlink(missing_ok=True)
    runner = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_ACTION_PATH": str(ROOT),
        "GITHUB_STEP_SUMMARY": str(folder / "step.md"),
        "GITHUB_WORKSPACE": str(folder),
    }
    steps = [step for step in action["runs"]["steps"] if "run" in step]
    assert len(steps) == 2
    for step in steps:
        assert step["shell"] == "bash"
        assert "${{" not in step["run"]  # an input there would be code
        env = {
            name: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: given[found[1]], value)
            for name, value in step.get("env", {}).items()
        }
        ran = shell(
            step["run"], folder, "--noprofile", "--norc", "-eo", "pipefail", **runner, **env
        )
        if ran.returncode:
            break
    return ran


def test_the_action_installs_this_repository_and_passes(repository: Path) -> None:
    (repository / "pip.log").unlink(missing_ok=True)
    ran = run_action(repository, spec="configs/mlps.yaml", junit="j.xml")
    assert ran.returncode == 0, ran.stderr
    tested = f"--constraint {ROOT}/constraints.txt"
    assert (repository / "pip.log").read_text() == f"-m pip install --quiet {tested} {ROOT}\n"
    assert (ROOT / "pyproject.toml").exists()
    assert "sed2 gate: passed" in (repository / "step.md").read_text(encoding="utf-8")
    assert ElementTree.parse(repository / "j.xml").getroot().get("failures") == "0"


def test_the_action_fails_as_the_gate_does_and_marks_the_line(repository: Path) -> None:
    ran = run_action(repository, spec="configs/mlps.yaml", arguments=" --max-parameters\n  9 \n")
    assert ran.returncode == 3
    assert "::error file=configs/mlps.yaml,line=6,col=5," in ran.stderr
    assert "sed2 gate: failed" in (repository / "step.md").read_text(encoding="utf-8")


def test_what_is_given_to_the_action_is_no_code(repository: Path) -> None:
    evil = "$(touch evil); touch evil #"
    given = dict.fromkeys(("spec", "baseline", "junit", "arguments"), evil)
    assert run_action(repository, **given).returncode == 2
    assert not (repository / "evil").exists()


def test_the_hook_runs_with_the_arguments_of_the_docs(repository: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    use = snippet("repos:")["repos"][0]["hooks"][0]
    assert use["id"] == hook["id"]
    assert hook["language"] == "python"
    assert hook["pass_filenames"] is False
    assert re.search(use["files"], use["args"][0])
    assert re.search(hook["files"], use["args"][0])
    ran = subprocess.run(
        [str(repository / "bin" / hook["entry"].split()[0]), *hook["entry"].split()[1:]]
        + use["args"],
        capture_output=True,
        check=False,
        cwd=repository,
        encoding="utf-8",
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert ran.returncode == 0, ran.stderr
    assert "1, unchanged" in ran.stdout


def test_the_script_of_gitlab_leaves_its_report(repository: Path) -> None:
    job = snippet("sed2-gate:")["sed2-gate"]
    ran = shell("\n".join([*job["before_script"], *job["script"]]), repository, "-e")
    assert ran.returncode == 0, ran.stderr
    report = repository / job["artifacts"]["reports"]["junit"]
    assert ElementTree.parse(report).getroot().get("tests") == "1"


def test_the_workflow_of_the_docs_gives_what_the_action_takes() -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    steps = snippet("jobs:")["jobs"]["gate"]["steps"]
    given = next(step["with"] for step in steps if "sed2" in step["uses"])
    assert set(given) <= set(action["inputs"])
    needed = {name for name, one in action["inputs"].items() if one.get("required")}
    assert needed <= set(given)


def snippet(start: str) -> dict[str, Any]:
    """The YAML of docs/tutorials/gate.md that begins so."""
    text = (ROOT / "docs" / "tutorials" / "gate.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    (found,) = [block for block in blocks if block.startswith(start)]
    return dict(yaml.safe_load(found))


def test_the_workflow_runs_what_is_here_on_the_versions_that_are_claimed() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text("utf-8"))["jobs"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    claimed = [
        line.rpartition(" ")[2]
        for line in project["classifiers"]
        if line.startswith("Programming Language :: Python :: 3.")
    ]
    assert jobs["all"]["strategy"]["matrix"]["python"] == claimed
    listed = jobs["versions"]["steps"][1]["with"]["python-version"].split()
    assert listed == claimed
    (gate,) = [step["with"] for step in jobs["gate"]["steps"] if step["uses"] == "./"]
    assert set(gate) == {"spec", "baseline"}
    assert all((ROOT / path).is_file() for path in gate.values())


WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_runs_what_is_here_and_may_do_no_more_than_it_needs(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    may = {name for name, job in workflow["jobs"].items() if "permissions" in job}
    assert may == {"docs": {"deploy"}, "release": {"publish"}}.get(path.stem, set())
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    scripts = [step["run"] for step in steps if step.get("run", "").startswith(".ci/")]
    assert all(os.access(ROOT / script, os.X_OK) for script in scripts)
    assert all("${{" not in step.get("run", "") for step in steps)  # it would be code
    assert "secrets." not in path.read_text(encoding="utf-8")


def test_a_release_is_published_by_a_job_that_does_nothing_else() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text("utf-8"))["jobs"]
    publish = jobs["publish"]
    assert publish["permissions"] == {"id-token": "write"}
    assert all("run" not in step for step in publish["steps"])
    assert ".ci/package" in [step.get("run") for step in jobs["build"]["steps"]]


def test_what_needs_another_library_is_run_with_it() -> None:
    """`.ci/run` skips it, for want of the library: `.ci/frameworks` has what `dev` does not."""
    script = (ROOT / ".ci" / "frameworks").read_text(encoding="utf-8")
    found = set[str]()
    for path in (ROOT / "tests").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        names = set(re.findall(r'importorskip\(\s*"(\w+)', text))
        if needed := names - {"PIL", "pyarrow", "ray", "sed2", "selenium"}:
            own = path.relative_to(ROOT)
            assert any(f" {place} " in script for place in (own, own.parent)), own
            found |= needed
    assert len(found) >= 10
    assert {name for name in found if name.replace("_", "-") not in script} == set()
