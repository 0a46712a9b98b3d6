"""The gate as table, XML, Markdown and workflow commands: whole, escaped, and within limits."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from rich.console import Console

from sed2.gating.outcome import Check, GatedModel, Ratio, Status
from sed2.report.documents import ci as gate_annotations
from sed2.report.documents import gate as gate_files
from sed2.report.documents.ci import _NOT_XML, MAX_SUMMARY, append_summary, junit, summary
from sed2.report.documents.text import to_json
from sed2.report.tables import gate as gate_table
from tests.gating.made import made_gated, made_result

THREE = [
    made_gated("a", p=0.999_9),
    made_gated("b", Status.UNDECIDED, where="s.yaml:4:5", p=0.5),
    made_gated("c", Status.FAILED, where="s.yaml:5:5", p=0.001_23),
]
GONE = GatedModel(
    "gone",
    "s.yaml:1:1",
    (Check("missing", Status.FAILED, "it is in the baseline, but not in the spec"),),
    None,
    None,
    THREE[0].baseline,
    None,
    False,
    False,
)
NASTY = "a|b`*_<img src=x onerror=1>&[x](y)#1 :x: ::error::%0A ##[group]"


def table(*models: GatedModel, width: int = 300, **rules: object) -> str:
    console = Console(file=io.StringIO(), width=width)
    gate_table.print_gate(console, made_result(models, **rules))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_table_has_every_model_and_how_sure_it_is() -> None:
    text = table(*THREE, GONE)
    lines = text.splitlines()
    assert lines[0].split() == [
        *("gate", "model", "lower", "2sED", "baseline", "ratio", "P(ratio)", "K", "parameters")
    ]
    assert lines[2].split()[:2] == ["passed", "a"]
    assert "> 98.0" in lines[2]
    assert "> 100.0" in lines[2]
    assert "0.980 ± 0.012" in lines[2]
    assert "> 0.999" in lines[2]
    assert lines[4].split()[:2] == ["failed", "c"]
    assert "0.001" in lines[4]
    assert lines[5].split()[:2] == ["failed", "gone"]
    assert "at eps = 0.1 of at least 0.95 times" in text
    assert "P >= 0.99, failed at P <= 0.01 with 100 draws; if neither, at 0.96 and 0.04" in text
    assert "not about the limit" in text
    assert "a higher --max-draws may decide" in text
    assert "--max-draws" not in table(THREE[0], THREE[2])
    assert "seed 0" in text


def test_one_look_is_told_as_one() -> None:
    text = table(*THREE, max_draws=100)
    assert "Passed at P >= 0.95, failed at P <= 0.05." in text


def test_a_floor_has_a_column_of_its_own() -> None:
    checks = (*THREE[0].checks, Check("floor", Status.PASSED, "fine", 0.975))
    text = table(replace(THREE[0], checks=checks), min_score=90)
    assert "P(>= 90)" in text
    assert "0.975" in text


def test_where_nothing_was_judged_by_chance_nothing_is_explained() -> None:
    same = replace(THREE[0], unchanged=True, computed=False, ratio=Ratio(1.0, 0.0))
    text = table(same)
    assert "1, unchanged" in text
    assert "Demanded" not in text


def test_a_changed_notation_is_told_to_need_a_name() -> None:
    new = replace(GONE, name="new", checks=(Check("new", Status.FAILED, "it is new"),))
    assert "give it a `name`" in table(GONE, new)
    assert "give it a `name`" not in table(GONE)


def test_complaints_have_failures_first() -> None:
    found = gate_table.complaints(made_result([*THREE, GONE]))
    assert [text.split(":")[0] for text in found] == ["c", "gone", "b"]
    assert found[0].endswith("at least 0.95 demanded (P = 0.001).")
    assert found[1] == (
        "gone: failed, missing in the spec: it is in the baseline, but not in the spec."
    )
    assert gate_table.complaints(made_result(THREE[:1])) == []


def test_json_has_all_of_it() -> None:
    result = made_result([*THREE, GONE], min_score=3)
    document = json.loads(to_json(gate_files.gate_document(result)))
    assert document["status"] == "failed"
    assert document["exit_code"] == 3
    assert document["rules"]["min_score"] == 3
    first, *_, gone = document["models"]
    assert first["ratio"] == 0.98
    assert first["score_draws"] == 100
    assert first["baseline_score_scatter"] == 4
    assert first["checks"][0]["probability"] == 0.999_9
    assert gone["score"] is None
    assert gone["parameters"] is None


def test_junit_counts_and_places() -> None:
    root = ElementTree.fromstring(junit(made_result([*THREE, GONE])))
    assert root.attrib == {"name": "sed2 gate", "tests": "4", "failures": "2", "errors": "1"}
    (suite,) = root
    cases = list(suite)
    assert [case.get("classname") for case in cases] == ["a", "b", "c", "gone"]
    assert [child.tag for case in cases for child in case] == [
        *("system-out", "error", "failure", "failure")
    ]
    assert (cases[2].get("file"), cases[2].get("line")) == ("s.yaml", "5")
    assert "baseline's 100.0" in str(cases[2][0].get("message"))


@hypothesis_settings(max_examples=100, deadline=None)
@given(st.text())
def test_any_name_makes_xml(name: str) -> None:
    result = made_result([made_gated(name, Status.FAILED)])
    (case,) = ElementTree.fromstring(junit(result)).iter("testcase")
    expected = _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", name)
    assert case.get("classname") == expected.replace("\r\n", "\n") or "\r" in name


def test_summary_has_the_verdict_the_table_and_what_is_wrong() -> None:
    text = summary(made_result([*THREE, GONE]))
    lines = text.splitlines()
    assert lines[0] == "### sed2 gate: failed"
    rows = [line for line in lines if line.startswith("|")]
    assert {row.count("|") for row in rows} == {9}
    assert [row.split("|")[2].strip() for row in rows[2:]] == ["c", "gone", "b", "a"]
    assert sum(line.startswith("- ") for line in lines) == 3
    assert text.endswith("\n")


def test_no_name_is_markup_in_the_summary() -> None:
    text = summary(made_result([made_gated(NASTY, Status.FAILED)]))
    (row,) = [line for line in text.splitlines() if line.startswith("| failed")]
    assert row.replace("\\|", "").count("|") == 9
    assert "<img" not in text
    for markup in ("`*_", "[x](", " #", "::e"):
        assert markup not in text
    assert r"\`\*\_&lt;img src=x onerror=1&gt;&amp;\[x\](y)\#1" in row


def test_a_summary_of_many_models_is_cut_at_its_end() -> None:
    models = [made_gated(f"model {i} {'x' * 500}") for i in range(3000)]
    models[-1] = made_gated("the failed one", Status.FAILED)
    text = summary(made_result(models))
    assert len(text.encode()) <= MAX_SUMMARY < 2**20
    assert len(text.encode()) > MAX_SUMMARY - 2000
    assert "| failed | the failed one |" in text
    assert "Not all is shown here" in text
    assert "Not all is shown here" not in summary(made_result(THREE))


def test_a_summary_is_added_to_what_a_step_wrote_before(tmp_path: Path) -> None:
    path, result = tmp_path / "summary.md", made_result(THREE)
    path.write_text("before\n")
    assert append_summary(path, result)
    assert append_summary(path, result)
    once = summary(result)
    assert path.read_text(encoding="utf-8") == f"before\n{once}{once}"


@pytest.mark.parametrize("before", [2**20 - 2**10 - 100, 2**20, 2**21])
def test_a_full_summary_stays_as_it_is(tmp_path: Path, before: int) -> None:
    path = tmp_path / "summary.md"
    path.write_bytes(b"x" * before)
    assert not append_summary(path, made_result(THREE))
    assert path.stat().st_size == before
    assert not append_summary(tmp_path / "no" / "folder.md", made_result(THREE))


def test_workflow_commands_name_file_and_line() -> None:
    found = gate_annotations.workflow_commands(made_result([*THREE, GONE]))
    assert [line.split("::")[1] for line in found] == [
        "error file=s.yaml,line=4,col=5,title=sed2 gate undecided",
        "error file=s.yaml,line=5,col=5,title=sed2 gate failed",
        "error file=s.yaml,line=1,col=1,title=sed2 gate failed",
    ]


def test_paths_are_those_of_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    result = made_result([made_gated("a", Status.FAILED)])
    (line,) = gate_annotations.workflow_commands(result, str(tmp_path))
    assert "file=inner/s.yaml," in line
    (line,) = gate_annotations.workflow_commands(result, "/elsewhere")
    assert "file=s.yaml," in line
    (line,) = gate_annotations.workflow_commands(
        made_result([made_gated("a", Status.FAILED, where="")])
    )
    assert line.startswith("::error title=")


@hypothesis_settings(max_examples=200, deadline=None)
@given(st.text(), st.text(min_size=1))
def test_no_name_begins_another_command(name: str, file: str) -> None:
    gated = made_gated(name, Status.FAILED, where=f"{file}:1:2")
    (line,) = gate_annotations.workflow_commands(made_result([gated]))
    assert "\n" not in line
    assert "\r" not in line
    _, head, text = line.split("::", 2)
    assert head.count(",") == 3
    assert head.count(":") == 0
    decoded = text.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%")
    assert decoded.startswith(f"{name}: failed")
