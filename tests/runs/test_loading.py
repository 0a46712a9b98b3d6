"""What a run directory tells to those who did not make it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sed2 import tasks
from sed2.errors import UsageError
from sed2.runs.loading import load_ranking, load_run
from sed2.runs.manifest import NAME, read_manifest, to_text
from sed2.training import recipe
from tests.runs.made import Told, assert_same, interrupt_after, ranked, text

MORE = {"train": True, "epochs": 1, "train_samples": 64, "train_seeds": 1, "baselines": True}


def test_a_finished_run_is_loaded_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ranked(tmp_path / "run", "MLP 54-2-7", **MORE)
    monkeypatch.setattr(tasks, "estimate", lambda *_: pytest.fail("computed"))
    found = load_run(tmp_path / "run")
    assert found.finished
    assert found.unfinished == ()
    assert text(found.ranking) == text(whole)
    assert_same(found.ranking.models[0].training.loss, whole.models[0].training.loss)
    assert found.manifest.source == "MLP 54-2-7"


def test_until_decided_is_loaded_as_it_was(tmp_path: Path) -> None:
    whole = ranked(tmp_path / "run", until_decided=True, max_draws=6, max_samples=5)
    assert text(load_ranking(tmp_path / "run")) == text(whole)


def interrupted(
    folder: Path, monkeypatch: pytest.MonkeyPatch, what: str, done: int, **more: object
) -> None:
    with monkeypatch.context() as patch:
        module = {"estimate": tasks, "train": recipe}[what]
        patch.setattr(module, what, interrupt_after(done, getattr(module, what)))
        with pytest.raises(KeyboardInterrupt):
            ranked(folder, **more)


def test_of_an_interrupted_run_the_finished_models_are_ranked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(tmp_path / "run", monkeypatch, "estimate", 2)
    found = load_run(tmp_path / "run")
    assert (found.finished, found.unfinished) == (False, ("deep",))
    assert {model.result.name for model in found.ranking.models} == {"MLP 54-2-7", "MLP 54-3-7"}
    assert found.ranking.warnings[0] == "the run is not finished: deep has no result yet"


def test_of_a_run_without_its_trainings_the_ranking_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(tmp_path / "run", monkeypatch, "train", 0, train=True)
    found = load_run(tmp_path / "run")
    assert (found.finished, found.unfinished) == (False, ())
    assert len(found.ranking.models) == 3
    assert "nothing of --train is shown" in found.ranking.warnings[0]


def test_without_a_finished_model_there_is_nothing_to_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(tmp_path / "run", monkeypatch, "estimate", 0)
    with pytest.raises(UsageError, match=r"no model of the run .* is finished yet.*goes on"):
        load_run(tmp_path / "run")


def test_a_damaged_result_is_told_and_left_out(tmp_path: Path) -> None:
    ranked(tmp_path / "run")
    (path,) = (tmp_path / "run" / "rankings").iterdir()
    path.unlink()
    assert load_run(tmp_path / "run").finished  # all that it takes is there
    manifest = read_manifest(tmp_path / "run")
    damaged = tmp_path / "run" / "results" / f"{manifest.models[0].values['estimate']}.sed2"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    told = Told()
    found = load_run(tmp_path / "run", told.warnings.append)
    assert found.unfinished == ("MLP 54-2-7",)
    assert "it is left out" in told.warnings[0]
    assert damaged.exists()


def test_loading_changes_nothing(tmp_path: Path) -> None:
    ranked(tmp_path / "run")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    load_run(tmp_path / "run")
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


@pytest.mark.parametrize("name", ["missing", "empty", "file"])
def test_what_is_no_run_directory_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"no run directory of sed2.*--run-dir"):
        load_run(tmp_path / name)


def test_every_flipped_bit_of_a_manifest_is_seen(tmp_path: Path) -> None:
    ranked(tmp_path / "run", "MLP 54-2-7")
    path = tmp_path / "run" / NAME
    whole = path.read_bytes()
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        with pytest.raises(UsageError, match="damaged"):
            read_manifest(tmp_path / "run")


def test_a_manifest_is_json_that_people_can_read(tmp_path: Path) -> None:
    ranked(tmp_path / "run", "MLP 54-2-7")
    path = tmp_path / "run" / NAME
    document = json.loads(path.read_text("utf-8"))
    assert document["models"][0]["name"] == "MLP 54-2-7"
    assert document["models"][0]["settings"]["samples"] == 5
    assert to_text(read_manifest(tmp_path / "run")) == path.read_text("utf-8")


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b'{"a": 1}', b"\xff", b"[" * 10**5])
def test_a_manifest_of_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(UsageError, match="damaged, or of another version"):
        load_run(tmp_path)
