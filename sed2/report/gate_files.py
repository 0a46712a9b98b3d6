"""The gate as files for CI: JSON, JUnit's XML, and a summary in Markdown."""

from __future__ import annotations

import html
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from sed2.gating.outcome import Check, GatedModel, GateResult, Score, Status
from sed2.report import gate_words
from sed2.report.files import SCHEMA_VERSION

MAX_SUMMARY = 2**20 - 2**10
"""Bytes of a summary: GitHub shows none of more than 1 MiB per step."""

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, in any way of writing it."""
_MARKDOWN = re.compile(r"([\\`*_{}\[\]#!|~@$]|:(?=\S))")
"""What may be markup in GitHub's or GitLab's Markdown, `<` and `&` apart."""


def gate_document(result: GateResult) -> dict[str, Any]:
    """The JSON of `gate`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "status": result.status,
        "exit_code": int(result.exit_code),
        "spec": result.spec,
        "baseline": result.baseline,
        "rules": asdict(result.rules),
        "settings": result.settings.model_dump() | {"inputs": result.inputs},
        "eps_n": result.settings.eps_n,
        "models": [
            {
                "name": model.name,
                "status": model.status,
                "where": model.where or None,
                "unchanged": model.unchanged,
                "computed": model.computed,
                "parameters": model.parameters,
                **_score("score", model.score),
                **_score("baseline_score", model.baseline),
                "ratio": None if model.ratio is None else model.ratio.value,
                "ratio_std_error": None if model.ratio is None else model.ratio.std_error,
                "checks": [asdict(check) for check in model.checks],
            }
            for model in result.models
        ],
        "warnings": result.warnings,
        "provenance": None if result.provenance is None else asdict(result.provenance),
    }


def _score(name: str, score: Score | None) -> dict[str, Any]:
    if score is None:
        return {name: None}
    return {
        name: score.value,
        f"{name}_scatter": score.scatter,
        f"{name}_lower_estimate": score.lower_estimate,
        f"{name}_draws": score.draws,
    }


def junit(result: GateResult) -> bytes:
    """XML as JUnit has it: a test case for every gate of every model.

    What is undecided is an error, not a failure: the two are told apart there."""
    checks = [(model, check) for model in result.models for check in model.checks]
    counts = {
        "tests": str(len(checks)),
        "failures": str(sum(check.status is Status.FAILED for _, check in checks)),
        "errors": str(sum(check.status is Status.UNDECIDED for _, check in checks)),
    }
    root = ElementTree.Element("testsuites", {"name": "sed2 gate", **counts})
    suite = ElementTree.SubElement(root, "testsuite", {"name": _xml(result.spec), **counts})
    for model, check in checks:
        _test_case(suite, model, check)
    ElementTree.indent(root)
    return ElementTree.tostring(root, "utf-8", xml_declaration=True) + b"\n"


def _test_case(suite: ElementTree.Element, model: GatedModel, check: Check) -> None:
    attributes = {"classname": _xml(model.name), "name": gate_words.title(check)}
    if model.where:
        file, line, _ = model.where.rsplit(":", 2)
        attributes |= {"file": _xml(file), "line": line}
    case = ElementTree.SubElement(suite, "testcase", attributes)
    if check.status is Status.PASSED:
        ElementTree.SubElement(case, "system-out").text = _xml(check.message)
        return
    tag = "failure" if check.status is Status.FAILED else "error"
    fault = ElementTree.SubElement(
        case, tag, {"message": _xml(check.message), "type": str(check.status)}
    )
    fault.text = _xml(gate_words.complaint(model, check))


def _xml(text: str) -> str:
    """Text without the characters that no XML can hold; the writer escapes the rest."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def summary(result: GateResult, room: int = MAX_SUMMARY) -> str:
    """The verdict in Markdown, of at most `room` bytes; empty if not even its end has room.

    What is no pass comes first, so that it is the passes that are left out."""
    columns = gate_words.columns(result)
    head = [
        f"### sed2 gate: {result.status}",
        "",
        f"{markdown(result.spec)} against {markdown(result.baseline)}. "
        f"{gate_words.headline(result)}",
        "",
        f"| {' | '.join(columns)} |",
        f"|{' --- |' * len(columns)}",
    ]
    lines = ["", *(f"{markdown(line)}<br>" for line in gate_words.notes(result)), "", ""]
    order = [Status.FAILED, Status.UNDECIDED, Status.PASSED]
    models = sorted(result.models, key=lambda model: order.index(model.status))
    rows = [
        f"| {' | '.join(markdown(cell) for cell in gate_words.row(result, model))} |"
        for model in models
    ]
    faults = ["", *(f"- {markdown(fault)}" for fault in gate_words.complaints(result))]
    cut = "Not all is shown here: it would be more than a summary may hold."
    left = room - _size([*head, "", cut, *lines])
    shown = _fitting([*rows, *faults], left)
    if left < 0:
        return ""
    if len(shown) < len(rows) + len(faults):
        shown += ["", cut]
    return "\n".join([*head, *shown, *lines])


def _fitting(lines: list[str], room: int) -> list[str]:
    """The first lines that fit."""
    kept = []
    for line in lines:
        room -= _size([line])
        if room < 0:
            break
        kept.append(line)
    return kept


def _size(lines: list[str]) -> int:
    return sum(len(line.encode(errors="replace")) + 1 for line in lines)


def markdown(text: str) -> str:
    """Text that means itself in Markdown, in a cell of a table as well."""
    return _MARKDOWN.sub(r"\\\1", html.escape(" ".join(text.split()), quote=False))


def append_summary(path: Path, result: GateResult) -> bool:
    """Add the verdicts to what other commands of a step of GitHub's have written.

    Returns:
        False if there is no room left, or the file cannot be written.
    """
    try:
        before = path.stat().st_size if path.exists() else 0
        text = summary(result, MAX_SUMMARY - before)
        with path.open("a", encoding="utf-8", errors="replace") as file:
            file.write(text)
    except OSError:
        return False
    return bool(text)
