"""Devices and pipes in the place of files: refused at once, also behind links."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from sed2.data.load import load_dataset
from sed2.errors import DataError, UsageError
from sed2.runs.store import Store
from tests.cli.conftest import FAST, Run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no devices among the files")
KINDS = ("device", "link", "pipe")
WHY = "it is a device or a pipe, not a file"


def make(kind: str, path: Path) -> Path:
    if kind == "pipe":  # into which nobody writes: to open it would take for ever
        os.mkfifo(path)
    elif kind == "link":
        os.mkfifo(path.with_suffix(".pipe"))
        path.symlink_to(path.with_suffix(".pipe").absolute())
    else:  # it is empty: whoever reads it says something else
        path.symlink_to("/dev/null")
    return path


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "code", "arguments"),
    [
        ("spec.yaml", 2, ["rank", "spec.yaml", *FAST]),
        ("x.npz", 4, ["compute", "MLP 2-3-2", "--dataset", "x.npz"]),
        ("x.csv", 4, ["compute", "MLP 2-3-2", "--dataset", "x.csv"]),
        ("x.idx", 4, ["compute", "MLP 2-3-2", "--dataset", "x.idx"]),
        ("x.tar.gz", 4, ["compute", "MLP 2-3-2", "--dataset", "x.tar.gz"]),
        ("b.json", 2, ["gate", "MLP 54-3-7", *FAST, "--baseline", "b.json"]),
        ("a.json", 2, ["diff", "a.json", "a.json"]),
        ("run/sed2-run.json", 2, ["report", "run"]),
    ],
)
def test_what_is_no_file_is_not_read(
    sed2: Run, kind: str, name: str, code: int, arguments: list[str]
) -> None:
    Path("run").mkdir()
    make(kind, Path(name))
    ran = sed2(*arguments)
    assert (ran.code, ran.out) == (code, "")
    assert WHY in ran.err
    assert ran.err.count("error: ") == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_stored_result_that_is_no_file_is_made_anew(tmp_path: Path, kind: str) -> None:
    told: list[str] = []
    store = Store(tmp_path, told.append)
    (tmp_path / "results").mkdir()
    make(kind, store.path("results", "0" * 64))
    assert store.remember("results", "0" * 64, float, lambda: 1.5) == 1.5
    assert WHY in told[0]
    assert store.load("results", "0" * 64, float) == 1.5


def test_a_path_that_no_file_can_have(tmp_path: Path) -> None:
    from sed2.gating.baseline import read_baseline
    from sed2.report.documents.stored import read_document
    from sed2.runs.directory import RunDirectory
    from sed2.runs.loading import load_run
    from sed2.spec.schema import load_spec

    for name in ("a\0b.npz", "a\0b.csv", "a\0b"):
        with pytest.raises(DataError):
            load_dataset(name)
    for read in (load_spec, read_baseline, read_document, load_run, RunDirectory):
        with pytest.raises(UsageError, match=r"null byte|no such file"):
            read(Path("a\0b"))  # type: ignore[operator]
