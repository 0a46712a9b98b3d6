"""`sed2 gate`: exit codes, files, and what CI sees."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from sed2.cli.app import run
from sed2.common import files
from tests.cases import gaussian_inputs
from tests.cli.conftest import Run

SPEC = """\
dataset: data.npz
eps: 0.01,0.1
samples: 10
draws: 6
models:
  - {name: a, notation: MLP 5-4-2}
  - {name: b, notation: MLP 5-3-2}
"""
NARROW = SPEC.replace("5-4-2", "5-2-2")
GATE = ("gate", "s.yaml", "--baseline", "b.json")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, spec and baseline."""
    folder, before = tmp_path_factory.mktemp("gate"), Path.cwd()
    np.savez(folder / "data.npz", x=gaussian_inputs(60, 5))
    (folder / "s.yaml").write_text(SPEC)
    os.chdir(folder)
    try:
        assert run([*GATE, "--update"]) == 0
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def gate(sed2: Run, written: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`gate("--junit", "x.xml")` in a copy of that folder, outside of GitHub."""
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    for file in written.iterdir():
        shutil.copy(file, Path.cwd())
    return lambda *arguments: sed2(*GATE, *arguments)


def edit(change: Callable[[dict[str, Any]], None]) -> None:
    """Change the baseline as a careless hand would."""
    document = json.loads(Path("b.json").read_text())
    change(document)
    Path("b.json").write_text(json.dumps(document))


def test_an_update_writes_and_judges_nothing(gate: Run) -> None:
    before = Path("b.json").read_bytes()
    Path("b.json").unlink()
    ran = gate("--update", "--max-draws", "12", "--junit", "j.xml", "--html", "p.html")
    assert (ran.code, ran.out) == (0, "b.json: 2 models written.\n")
    assert "judges nothing" in ran.err
    assert not Path("j.xml").exists()
    assert not Path("p.html").exists()
    assert Path("b.json").read_bytes() != before  # of two batches
    assert gate("--update").code == 0
    assert Path("b.json").read_bytes() == before  # of four, as it was


def test_an_unchanged_spec_passes_without_sampling(
    gate: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sed2.fisher.kept.sample_spectra", None)
    monkeypatch.setattr("sed2.api.checked_data", None)
    ran = gate()
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.count("1, unchanged") == 2


def test_a_failure_is_3_and_says_why(gate: Run) -> None:
    Path("s.yaml").write_text(NARROW)
    ran = gate("--json", "r.json", "--junit", "j.xml", "--summary", "s.md", "--html", "p.html")
    assert ran.code == 3
    assert ran.err.startswith("error: a: failed, ratio to the baseline: score ")
    assert "::error" not in ran.out + ran.err
    document = json.loads(Path("r.json").read_text())
    assert [model["status"] for model in document["models"]] == ["failed", "passed"]
    assert document["models"][0]["where"] == "s.yaml:6:5"
    assert ElementTree.parse("j.xml").getroot().get("failures") == "1"
    assert Path("s.md").read_text(encoding="utf-8").startswith("### sed2 gate: failed")
    assert "<h1>The gate failed: 1 passed, 1 failed.</h1>" in Path("p.html").read_text()


def test_undecided_is_6_and_no_pass(gate: Run) -> None:
    Path("s.yaml").write_text(NARROW)
    score = json.loads(gate("--min-ratio", "0.1", "--json", "-").out)["models"][0]["score"]

    def same(document: dict[str, Any]) -> None:
        document["models"]["a"]["score"]["batches"] = [score] * 4
        document["models"]["a"]["score"]["draws"] = score

    edit(same)
    ran = gate("--max-draws", "12", "--junit", "j.xml")
    assert ran.code == 6
    assert ran.err.startswith("error: a: undecided, ratio to the baseline")
    assert ElementTree.parse("j.xml").getroot().get("errors") == "1"


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (["--max-parameters", "28"], 0),
        (["--max-parameters", "27"], 3),
        (["--min-score", "0.01"], 0),
        (["--min-score", "1e6"], 3),
        (["--min-ratio", "1.01"], 3),
    ],
)
def test_the_other_gates(gate: Run, flags: list[str], code: int) -> None:
    assert gate(*flags).code == code


def test_models_of_one_side_alone(gate: Run) -> None:
    Path("s.yaml").write_text(SPEC.replace("name: b", "name: c"))
    ran = gate()
    assert ran.code == 3
    assert "c: failed, new in the spec" in ran.err
    assert "b: failed, missing in the spec" in ran.err
    assert gate("--allow-new").code == 3
    assert gate("--allow-new", "--allow-missing").code == 0


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--zeta", "0.5"], "`zeta` was 0.0 and is 0.5"),
        (["--seed", "1"], "`seed` was 0 and is 1"),
        (["--eps", "0.1"], "`eps` was"),
        (["--min-ratio", "-1"], "--min-ratio: "),
        (["--max-draws", "5"], "--max-draws: 5 draws at most are fewer"),
        (["--input-groups", "0"], "--input-groups: "),
        (["--junit", "b.json"], "b.json` is read by the same command"),
        (["--html", "b.json"], "b.json` is read by the same command"),
        (["--html", "-"], "--html: only JSON can go to stdout"),
        (["--junit", "no/j.xml"], "there is no folder `no`"),
    ],
)
def test_what_cannot_be_compared_is_2(gate: Run, flags: list[str], words: str) -> None:
    ran = gate(*flags)
    assert ran.code == 2
    assert ran.err.startswith("error: ")
    assert words in ran.err


def test_other_data_are_2_and_missing_ones_4(gate: Run) -> None:
    np.savez("other.npz", x=gaussian_inputs(60, 5) + 1)
    ran = gate("--dataset", "other.npz")
    assert ran.code == 2
    assert "made with other data" in ran.err
    assert gate("--dataset", "none.npz").code == 4


def test_a_baseline_that_is_none_is_2_and_never_replaced(gate: Run) -> None:
    whole = Path("b.json").read_text()
    Path("b.json").write_text(whole[: len(whole) // 2])
    for flags in ([], ["--update"]):
        ran = gate(*flags)
        assert ran.code == 2
        assert "no whole baseline" in ran.err
    assert Path("b.json").read_text() == whole[: len(whole) // 2]
    Path("b.json").unlink()
    assert "there is no baseline `b.json`" in gate().err


def test_a_slip_does_not_cost_the_spec(sed2: Run, gate: Run) -> None:
    assert sed2("gate", "s.yaml", "--baseline", "s.yaml", "--update").code == 2
    assert Path("s.yaml").read_text() == SPEC


def test_a_score_of_0_makes_no_ratio(gate: Run) -> None:
    """A linear network sees nothing but its inputs, and these are all 0."""
    np.savez("data.npz", x=np.zeros((60, 5)))
    Path("s.yaml").write_text(SPEC.replace("5-4-2", "5-2").replace("5-3-2", "5-3"))
    Path("b.json").unlink()
    ran = gate("--update")
    assert ran.code == 5
    assert "the score of `a` is 0, to which there is no ratio" in ran.err
    assert not Path("b.json").exists()


def test_the_baseline_is_replaced_in_one_step(gate: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full when the new file takes its place leaves the old one."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    before = Path("b.json").read_bytes()
    monkeypatch.setattr(files.os, "replace", full)
    ran = gate("--update")
    assert ran.code == 2
    assert "No space left" in ran.err
    assert Path("b.json").read_bytes() == before
    assert not list(Path().glob(".sed2-*"))


def test_json_on_stdout_is_the_only_thing_there(gate: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    ran = gate("--json", "-", "--max-parameters", "5")
    assert ran.code == 3
    assert json.loads(ran.out)["exit_code"] == 3
    assert "::error file=s.yaml,line=6,col=5" in ran.err


def test_the_summary_of_a_step_is_added_to_by_default(
    gate: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Path("step.md")
    step.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(step))
    assert gate().code == 0
    assert step.read_text(encoding="utf-8").startswith("before\n### sed2 gate: passed")
    assert gate("--summary", str(step)).code == 0
    assert step.read_text(encoding="utf-8").count("### sed2 gate") == 2
    assert gate("--summary", "own.md").code == 0
    assert gate("--summary", "own.md").code == 0
    assert Path("own.md").read_text(encoding="utf-8").count("### sed2 gate") == 1
    assert step.read_text(encoding="utf-8").count("### sed2 gate") == 2


def test_a_step_without_room_is_a_warning(gate: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(Path("no", "step.md")))
    ran = gate()
    assert ran.code == 0
    assert "warning: $GITHUB_STEP_SUMMARY is full, or cannot be written" in ran.err


def test_notation_can_be_gated_too(sed2: Run, gate: Run) -> None:
    """Without a file there is no line to mark."""
    assert gate().code == 0  # of the fixture
    spec = ("gate", "MLP 5-3-2", "--dataset", "data.npz", "--samples", "10", "--draws", "6")
    flags = ("--eps", "0.01,0.1", "--baseline", "n.json", "--max-draws", "6")
    assert sed2(*spec, *flags, "--update").code == 0
    assert sed2(*spec, *flags).code == 0
    assert sed2("gate", "MLP 5-2-2", *spec[2:], *flags).code == 3  # another name
    assert sed2("gate", "MLP 7-3-2", *spec[2:], *flags).code == 2  # not of these data
