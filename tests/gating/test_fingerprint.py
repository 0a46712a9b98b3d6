"""The hash of the data's files: it differs once the numbers might."""

from __future__ import annotations

from pathlib import Path

import pytest

from sed2.gating.baseline import fingerprint
from sed2.settings import Settings


def of(dataset: object, **given: object) -> str | None:
    return fingerprint(Settings.model_validate({"dataset": str(dataset), **given}))


def test_a_file_is_known_by_its_content_and_how_it_is_read(tmp_path: Path) -> None:
    one, other = tmp_path / "a.csv", tmp_path / "b.csv"
    one.write_text("x,y\n1,2\n")
    other.write_text("x,y\n1,2\n")
    first = of(one)
    assert first is not None
    assert of(other) == first
    assert len({first, of(one, label="x"), of(one, standardize=True)}) == 3
    other.write_text("x,y\n1,3\n")
    assert of(other) != first


def test_a_named_set_is_known_by_its_checksum(monkeypatch: pytest.MonkeyPatch) -> None:
    assert of("covertype") == of("covertype", label="x") != of("mnist")
    monkeypatch.setattr("sed2.data.files.DataFile.is_here", lambda *_: False)
    assert of("covertype") is None


def test_what_lies_in_several_files_has_to_be_read(tmp_path: Path) -> None:
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"")
    assert of(tmp_path) is None
    assert of(tmp_path / "train-images-idx3-ubyte") is None
    assert of(tmp_path / "missing.npz") is None
    assert fingerprint(Settings()) is None
