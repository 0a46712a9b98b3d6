"""`sed2 datasets`: what there is, all about one, and getting it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sed2.data import registry
from sed2.data.catalogue import DATASETS
from sed2.errors import DataError
from tests.cli.conftest import Run


def test_the_list_names_all_data_sets_and_whether_they_are_here(
    sed2: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SED2_DATA_DIR", str(tmp_path))
    ran = sed2("datasets", "list")
    assert ran.code == 0
    here = {
        row[0]: row[4] for row in (re.split(r" {2,}", line) for line in ran.out.splitlines()[2:-1])
    }
    assert here == {name: "yes" if info.bundled else "fetch" for name, info in DATASETS.items()}
    for kind in (".npz", ".csv", "idx", "CIFAR"):
        assert kind in ran.out.splitlines()[-1]


@pytest.mark.parametrize("name", DATASETS)
def test_info_says_where_it_comes_from_and_under_what_licence(sed2: Run, name: str) -> None:
    ran = sed2("datasets", "info", name)
    info = DATASETS[name]
    for part in (info.description, info.licence, info.home, info.citation):
        assert part in ran.out
    for file in info.files:
        assert (file.url or file.name) in ran.out
        assert file.sha256 in ran.out


@pytest.mark.parametrize("command", ["info", "fetch"])
def test_an_unknown_data_set_is_a_data_error(sed2: Run, command: str) -> None:
    ran = sed2("datasets", command, "covertyp")
    assert (ran.code, ran.out) == (4, "")
    assert "Did you mean `covertype`" in ran.err


def test_fetch_prints_the_file_and_nothing_else(sed2: Run) -> None:
    ran = sed2("datasets", "fetch", "covertype")
    assert ran.code == 0
    assert Path(ran.out.removesuffix("\n")).is_file()


def test_fetch_prints_each_of_several_files(sed2: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "fetch", lambda name, progress: (Path("/a/b"), Path("/a/c d")))
    assert sed2("datasets", "fetch", "fashion-mnist").out == "/a/b\n/a/c d\n"


def test_what_cannot_be_had_is_a_data_error(sed2: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise DataError("data set `x` cannot be fetched", mend="Run it elsewhere")

    monkeypatch.setattr(registry, "fetch", fail)
    ran = sed2("datasets", "fetch", "covertype-full")
    assert ran.code == 4
    assert ran.err == "error: data set `x` cannot be fetched. Run it elsewhere\n"


def test_without_a_subcommand_help_is_shown(sed2: Run) -> None:
    ran = sed2("datasets")
    assert ran.code == 2
    for command in ("list", "info", "fetch"):
        assert f"  {command} " in ran.out + ran.err
