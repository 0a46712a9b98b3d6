"""The script that counts what runs survive: that its checks can fail, and a toy run."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from scripts.reliability import __main__ as reliability
from scripts.reliability import damage, fuzz, kills
from scripts.reliability.lab import BrokenError, Lab, demand, kept
from sed2.runs import store
from sed2.runs.store import Store


def quiet(told: str) -> None:
    pass


def test_a_flip_changes_one_bit_of_one_byte() -> None:
    content = bytes(range(20))
    changed = damage.flipped(content, 7, random.Random(0))
    assert [i for i in range(20) if changed[i] != content[i]] == [7]
    assert (changed[7] ^ content[7]).bit_count() == 1


def test_edits() -> None:
    def one(kind: str) -> bytes:
        return fuzz.edited(b"abcdef", [(kind, 2, 3, "!", 90)])

    assert one("cut") == b"abf"
    assert one("repeat") == b"abcdecdef"
    assert one("put") == b"ab!cdef"
    assert one("byte") == b"abZdef"


def test_replacing_a_part_of_a_document_leaves_the_rest() -> None:
    document = {"a": [1, {"b": 2}]}
    assert ("a", 1, "b") in list(fuzz.routes_of(document))
    assert fuzz.replaced(document, ("a", 1, "b"), None) == {"a": [1, {"b": None}]}
    assert document == {"a": [1, {"b": 2}]}


def test_what_is_kept_is_counted(tmp_path: Path) -> None:
    run = Store(tmp_path, print)
    for place in ("results", "pieces/a", "pieces/b"):
        run.save(place, "0" * 64, 1.0, float)
    (tmp_path / "results" / ".x.sed2.1.tmp").write_text("")
    assert kept(tmp_path) == (1, 2, 1)


def test_phases_of_a_kill(tmp_path: Path) -> None:
    assert kills._phase(tmp_path / "none", 0) == kills.PHASES[0]
    (tmp_path / "sed2-run.json").write_text("")
    assert [kills._phase(tmp_path, results) for results in (0, 1, 3)] == list(kills.PHASES[1:])


def test_flips_are_counted(tmp_path: Path) -> None:
    rows = damage.check(tmp_path, 997, 1, 0, quiet)
    assert len(rows) == 3
    assert "every 997th byte" in rows[0]


def test_a_store_that_does_not_look_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "unsealed", lambda file, key: file.partition(b"\n")[2])
    with pytest.raises(BrokenError, match="the flip of byte 0 is seen"):
        damage.check(tmp_path, 10, 0, 0, quiet)


def test_a_fuzz_of_everything_counts_every_example(tmp_path: Path) -> None:
    rows = fuzz.check(tmp_path, 15, 0, quiet)
    assert len(rows) == 7
    for row in rows:
        times, outcome = row.split(" | ")[1:]
        refused, taken = (int(part.split()[0]) for part in outcome.split(", ")[:2])
        assert refused + taken == int(times) == 15
        assert refused > 0


def test_a_defect_ends_the_fuzz(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def defect(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(fuzz.api, "validate", defect)
    with pytest.raises(ZeroDivisionError):
        fuzz.check(tmp_path, 2, 0, quiet)


def test_a_promise_that_is_not_kept_is_exit_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> str:
        demand(False, "the result is the same")
        return ""

    monkeypatch.setattr(reliability, "document", broken)
    assert reliability.main(["--quick"]) == 1
    assert "broken: the result is the same" in capsys.readouterr().err


@pytest.mark.slow
def test_a_toy_run_writes_its_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "docs" / "reliability.md"
    assert reliability.main(["--quick", "--write", str(page)]) == 0
    text = page.read_text()
    assert text.strip() in capsys.readouterr().out
    assert "equal results, byte for byte" in text


@pytest.mark.slow
def test_another_result_is_found_out(tmp_path: Path) -> None:
    lab = Lab(tmp_path, 4, 2, wanted=b"another", seconds=1.0)
    (tmp_path / "spec.yaml").write_text("models: [MLP 54-2-7]\ndataset: covertype\n")
    with pytest.raises(BrokenError, match="the result is the same"):
        lab.check(tmp_path / "run", tmp_path / "r.json", "undisturbed")
