"""The gate as a summary in Markdown."""

from __future__ import annotations

import html
import re
from pathlib import Path

from sed2.gating.outcome import GateResult, Status
from sed2.report import words as gate_words

MAX_SUMMARY = 2**20 - 2**10
"""Bytes of a summary: GitHub shows none of more than 1 MiB per step."""
_MARKDOWN = re.compile(r"([\\`*_{}\[\]#!|~@$]|:(?=\S))")
"""What may be markup in GitHub's or GitLab's Markdown, `<` and `&` apart."""


def summary(result: GateResult, room: int = MAX_SUMMARY) -> str:
    """The verdict in Markdown, of at most `room` bytes; empty if not even its end has room.

    What is no pass comes first, so that it is the passes that are left out."""
    order = [Status.FAILED, Status.UNDECIDED, Status.PASSED]
    models = sorted(result.models, key=lambda model: order.index(model.status))
    table = gate_words.gate_table(result, models)
    head = [
        f"### sed2 gate: {result.status}",
        "",
        f"{markdown(result.spec)} against {markdown(result.baseline)}. "
        f"{gate_words.headline(result)}",
        "",
        f"| {' | '.join(table.headers)} |",
        f"|{' --- |' * len(table.headers)}",
    ]
    lines = ["", *(f"{markdown(line)}<br>" for line in gate_words.notes(result)), "", ""]
    rows = [f"| {' | '.join(map(markdown, row))} |" for row in table.rows]
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
