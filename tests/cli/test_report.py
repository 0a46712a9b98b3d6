"""`sed2 report`: what a run directory tells, without computing anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sed2 import tasks
from tests.cli.conftest import FAST, Run
from tests.runs.made import interrupt_after

SPEC = "models:\n  - MLP 54-2-7\n  - {name: deep, notation: MLP 54-2-2-7}\n"


def run_of(sed2: Run, *, code: int = 0) -> str:
    Path("s.yaml").write_text(SPEC)
    ran = sed2("rank", "s.yaml", *FAST, "--run-dir", "run", "--json", "rank.json")
    assert ran.code == code, ran.err
    return ran.out


def test_a_finished_run_is_told_as_rank_told_it(sed2: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SED2_SCORE")
    monkeypatch.delenv("SED2_SIGMA")
    monkeypatch.setattr("sys.argv", ["sed2", "rank", "s.yaml", "--run-dir", "run"])
    told = run_of(sed2)
    monkeypatch.setattr(tasks, "estimate", lambda *_: pytest.fail("computed"))
    before = sorted(path.name for path in Path("run").rglob("*"))
    files = ("--json", "r.json", "--csv", "r.csv", "--plot", "r.svg", "--html", "r.html")
    ran = sed2("report", "run", *files)
    assert (ran.code, ran.out) == (0, told)
    assert Path("r.json").read_bytes() == Path("rank.json").read_bytes()
    assert Path("r.csv").read_text().startswith("model,")
    assert b"<svg" in Path("r.svg").read_bytes()
    assert "<code>sed2 rank s.yaml --run-dir run</code>" in Path("r.html").read_text()
    assert sorted(path.name for path in Path("run").rglob("*")) == before
    assert json.loads(sed2("report", "run", "--json", "-").out)["models"][0]["rank"] == 1


def test_an_unfinished_run_says_what_is_missing(sed2: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(tasks, "estimate", interrupt_after(1, tasks.estimate))
        run_of(sed2, code=130)
    ran = sed2("report", "run", "--html", "r.html")
    assert ran.code == 0
    assert "warning: the run is not finished: deep has no result yet" in ran.err
    assert "MLP 54-2-7" in ran.out
    assert "deep has no result yet" in Path("r.html").read_text()


def test_a_folder_that_is_no_run_is_2(sed2: Run) -> None:
    Path("empty").mkdir()
    for folder in ("empty", "none"):
        ran = sed2("report", folder)
        assert (ran.code, ran.out) == (2, "")
        assert "is no run directory of sed2" in ran.err


def test_files_are_checked(sed2: Run) -> None:
    run_of(sed2)
    ran = sed2("report", "run", "--html", "none/r.html")
    assert ran.code == 2
    assert ran.err.startswith("error: --html: cannot write")
