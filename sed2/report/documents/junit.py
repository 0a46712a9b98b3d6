"""The gate as JUnit's XML."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from sed2.gating.outcome import Check, GatedModel, GateResult, Status
from sed2.report import words as gate_words

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, in any way of writing it."""


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
