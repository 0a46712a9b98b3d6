"""The gate for CI: JUnit's XML, a summary in Markdown, and workflow commands of GitHub Actions.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

import html
import re
from itertools import accumulate
from pathlib import Path
from xml.etree import ElementTree

from sed2.gating.outcome import Check, GatedModel, GateResult, Status
from sed2.report.tables import gate as words

MAX_SUMMARY = 2**20 - 2**10
"""Bytes of a summary: GitHub shows none of more than 1 MiB per step."""
_MARKDOWN = re.compile(r"([\\`*_{}\[\]#!|~@$]|:(?=\S))")
"""What may be markup in GitHub's or GitLab's Markdown, `<` and `&` apart."""
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, in any way of writing it."""


def workflow_commands(result: GateResult, workspace: str = "") -> list[str]:
    """One `::error ...::` line for every gate that is no pass.

    Args:
        result: of the gate.
        workspace: folder of the repository, to which GitHub takes paths as relative.
    """
    return [
        f"::error {_place(model, workspace)}title={_property(f'sed2 gate {check.status}')}::"
        f"{_data(words.complaint(model, check))}"
        for model in result.models
        for check in model.checks
        if check.status is not Status.PASSED
    ]


def _place(model: GatedModel, workspace: str) -> str:
    if not model.where:
        return ""
    file, line, column = model.where.rsplit(":", 2)
    path = Path(file).absolute()
    if workspace and path.is_relative_to(workspace):
        file = str(path.relative_to(workspace))
    return f"file={_property(file)},line={line},col={column},"


def _data(text: str) -> str:
    """The text of a command: a line break would end it, and begin another."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """A value of a property, which a colon or a comma would end as well."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")


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
    attributes = {"classname": _xml(model.name), "name": words.title(check)}
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
    fault.text = _xml(words.complaint(model, check))


def _xml(text: str) -> str:
    """Text without the characters that no XML can hold; the writer escapes the rest."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def summary(result: GateResult, room: int = MAX_SUMMARY) -> str:
    """The verdict in Markdown, of at most `room` bytes; empty if not even its end has room.

    What is no pass comes first, so that it is the passes that are left out."""
    order = [Status.FAILED, Status.UNDECIDED, Status.PASSED]
    models = sorted(result.models, key=lambda model: order.index(model.status))
    table = words.gate_table(result, models)
    head = [
        f"### sed2 gate: {result.status}",
        "",
        f"{markdown(result.spec)} against {markdown(result.baseline)}. {words.headline(result)}",
        "",
        f"| {' | '.join(table.headers)} |",
        f"|{' --- |' * len(table.headers)}",
    ]
    lines = ["", *(f"{markdown(line)}<br>" for line in words.notes(result)), "", ""]
    rows = [f"| {' | '.join(map(markdown, row))} |" for row in table.rows]
    faults = ["", *(f"- {markdown(fault)}" for fault in words.complaints(result))]
    cut = "Not all is shown here: it would be more than a summary may hold."
    left = room - _size([*head, "", cut, *lines])
    if left < 0:
        return ""
    body = [*rows, *faults]
    ends = accumulate(_size([line]) for line in body)
    shown = [line for line, end in zip(body, ends, strict=True) if end <= left]
    if len(shown) < len(body):
        shown += ["", cut]
    return "\n".join([*head, *shown, *lines])


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
