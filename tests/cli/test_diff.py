"""`sed2 diff`: its streams, files and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sed2.report.documents.model import compute_document
from sed2.report.documents.ranking import rank_document
from sed2.report.documents.text import to_json
from tests.cli.conftest import Run
from tests.report.made import made_ranking, made_result


@pytest.fixture
def results(sed2: Run) -> None:
    """Two rankings in the folder, and one of another command."""
    for name, value in (("a.json", 500.0), ("b.json", 700.0)):
        ranking = made_ranking([made_result("one", value=value), made_result("two")])
        Path(name).write_text(to_json(rank_document(ranking)))
    Path("c.json").write_text(to_json(compute_document(made_result())))


@pytest.mark.usefixtures("results")
def test_a_change_is_told_and_is_no_fault(sed2: Run) -> None:
    ran = sed2("diff", "a.json", "b.json", "--json", "d.json")
    assert (ran.code, ran.err) == (0, "")
    assert "+200.0 ± 25.5" in ran.out
    assert json.loads(Path("d.json").read_text())["models"][0]["score"]["beyond_chance"] is True


@pytest.mark.usefixtures("results")
def test_json_alone_is_on_stdout(sed2: Run) -> None:
    ran = sed2("diff", "a.json", "b.json", "--json", "-")
    document = json.loads(ran.out)
    assert document["command"] == "rank"
    assert document["models"][0]["score"]["difference"] == 200
    assert (ran.code, ran.err) == (0, "")


@pytest.mark.usefixtures("results")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a.json", "none.json"], "`none.json` cannot be read (No such file or directory)"),
        (["a.json", "."], "`.` cannot be read (Is a directory)"),
        (["a.json", "c.json"], "of `sed2 rank` and `c.json` of `sed2 compute`"),
        (["a.json", "b.json", "--json", "a.json"], "`a.json` is read by the same command"),
        (["a.json", "cut.json"], "cut.json:3:13: this is no whole result"),
    ],
)
def test_what_cannot_be_compared_is_2(sed2: Run, arguments: list[str], words: str) -> None:
    Path("cut.json").write_text(Path("a.json").read_text()[:37])
    ran = sed2("diff", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: ")
    assert words in ran.err
