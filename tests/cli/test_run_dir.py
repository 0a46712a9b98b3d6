"""`sed2 rank --run-dir`: exit codes, what is said, and an interrupt from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sed2 import tasks
from sed2.runs import directory, store
from sed2.runs.loading import load_run
from tests.cli.conftest import FAST, Run
from tests.runs.made import command, interrupt, interrupt_after, without_costs

ROOT = Path(__file__).parents[2]
RANK = ("rank", "s.yaml", *FAST, "--run-dir", "run")


@pytest.fixture(autouse=True)
def spec(sed2: Run) -> None:
    Path("s.yaml").write_text("models: [MLP 54-2-7, MLP 54-3-7]")


def test_the_second_time_all_is_taken_over_and_said_on_stderr(sed2: Run) -> None:
    first = sed2(*RANK, "--json", "a.json")
    second = sed2(*RANK, "--json", "b.json")
    assert (first.code, second.code) == (0, 0)
    assert "taken over" not in first.err
    assert "2 of 2 models taken over from run" in second.err
    assert first.out == second.out
    assert Path("a.json").read_bytes() == Path("b.json").read_bytes()


def test_without_it_the_result_is_the_same(sed2: Run) -> None:
    sed2(*RANK, "--json", "a.json")
    sed2("rank", "s.yaml", *FAST, "--json", "b.json")
    one, other = (without_costs(Path(name).read_bytes()) for name in ("a.json", "b.json"))
    assert one == other


def test_an_interrupt_says_how_to_go_on(sed2: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(tasks, "estimate", interrupt_after(1, tasks.estimate))
        ran = sed2(*RANK)
    assert ran.code == 130
    assert ran.out == ""
    assert "Interrupted. What was finished is kept in run: the same command goes on" in ran.err
    assert "Traceback" not in ran.err
    assert "1 of 2 models taken over from run" in sed2(*RANK).err


def test_damage_is_a_warning(sed2: Run) -> None:
    sed2(*RANK)
    path = next(Path("run/results").iterdir())
    path.write_bytes(path.read_bytes()[:-1])
    ran = sed2(*RANK)
    assert ran.code == 0
    assert f"warning: `{path}` is damaged (it is not as long as it should be)" in ran.err
    assert "1 of 2 models taken over from run" in ran.err


@pytest.mark.parametrize("where", ["file", "file/run"])
def test_a_file_in_the_way_is_told_before_the_work(
    sed2: Run, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    Path("file").write_text("")
    monkeypatch.setattr("sed2.api.rank", lambda *_, **__: pytest.fail("the work began"))
    ran = sed2("rank", "s.yaml", *FAST, "--run-dir", where)
    assert ran.code == 2
    assert ran.err == (
        f"error: --run-dir: cannot use `{where}` as a run directory: a file is in its way. "
        "Name a folder that can be made and written\n"
    )


def test_a_full_disk_is_told_and_loses_nothing(sed2: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is full when the second result is written."""
    # The manifest; of the first model the plan, the spectra in three parts, and the result.
    write, left = store.write, [6]

    def full(path: Path, file: bytes, run_dir: Path) -> None:
        left[0] -= 1
        if left[0] >= 0:
            write(path, file, run_dir)
            return

        def no_space(handle: int) -> None:
            raise OSError(28, os.strerror(28))

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", no_space)
            write(path, file, run_dir)

    with monkeypatch.context() as patch:
        patch.setattr(store, "write", full)
        patch.setattr(directory, "write", full)
        ran = sed2(*RANK)
    assert ran.code == 2
    assert "error: --run-dir: no space is left for the run directory `run`. Free some" in ran.err
    assert len(list(Path("run/results").iterdir())) == 1
    assert not list(Path("run").rglob(".*.tmp"))
    ran = sed2(*RANK)
    assert ran.code == 0
    assert "1 of 2 models taken over from run" in ran.err
    assert "warning: `" not in ran.err


def test_the_command_is_in_the_manifest(sed2: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SED2_SCORE")
    monkeypatch.delenv("SED2_SIGMA")
    monkeypatch.setattr(sys, "argv", ["sed2", "rank", "my spec.yaml"])
    sed2(*RANK)
    assert load_run("run").manifest.command == "sed2 rank 'my spec.yaml'"


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a process")
def test_ctrl_c_in_a_terminal(tmp_path: Path) -> None:
    """A real process and a real signal, once its first model is finished."""
    (tmp_path / "s.yaml").write_text("models: [MLP 54-2-7, MLP 54-3-7, MLP 54-4-7, MLP 54-5-7]")
    ranking = command("rank", str(tmp_path / "s.yaml"), *FAST)
    ranking += ["--run-dir", str(tmp_path / "run"), "--json", "-"]
    environment = os.environ | {"SED2_CACHE_DIR": str(tmp_path / "cache")}  # compiles: it is slow
    interrupt(ranking, tmp_path / "run", cwd=ROOT, env=environment)
    run = load_run(tmp_path / "run")
    assert not run.finished
    assert 1 <= len(run.ranking.models) <= 3
    again = subprocess.run(
        ranking, capture_output=True, text=True, cwd=ROOT, env=environment, check=True
    )
    assert len(json.loads(again.stdout)["models"]) == 4
    assert "of 4 models taken over" in again.stderr
