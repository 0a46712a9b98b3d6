"""The page of `gate`."""

from __future__ import annotations

import math

from sed2.gating.outcome import GatedModel, GateResult
from sed2.report import words as gate_words
from sed2.report.documents.gate import gate_document
from sed2.report.html import parts
from sed2.report.html.elements import Cell, element, facts, head, notes, section, table
from sed2.report.html.page import page


def gate_page(result: GateResult, command: str = "") -> bytes:
    """The verdicts and how they came about, as one HTML file.

    Args:
        command: the command line that made it; empty if none did.
    """
    document, title = gate_document(result), gate_words.headline(result)
    headers = [*gate_words.columns(result), "reason"]
    rows = [_row(result, model) for model in result.models]
    text = (0, 1, len(headers) - 1)
    return page(
        title,
        [
            head(
                "sed2 gate",
                title,
                element("p", f"{result.spec} against {result.baseline}."),
                parts.alert(result.warnings),
            ),
            section(
                "Verdicts",
                table("Verdicts", headers, rows, text=text, named=1, sortable=True),
                notes(gate_words.notes(result)),
            ),
            parts.warning_list(result.warnings),
            section("Rules", facts(document["rules"])),
            parts.setting_list(document["settings"]),
            parts.provenance(document["provenance"]),
            parts.made_by(command),
        ],
        document,
        ["sort.js"],
    )


def _row(result: GateResult, model: GatedModel) -> list[Cell]:
    """The line of the terminal's table, and why it came out so."""
    status, name, *numbers = gate_words.row(result, model)
    reasons = "; ".join(f"{gate_words.title(check)}: {check.message}" for check in model.checks)
    return [
        Cell(status, status, f"status {status}"),
        Cell(name, name),
        *(Cell(text, key) for text, key in zip(numbers, _keys(result, model), strict=True)),
        Cell(reasons, reasons, "reason"),
    ]


def _keys(result: GateResult, model: GatedModel) -> list[float]:
    """What the columns of numbers are sorted by, NaN where there is none."""
    certain: dict[str, float | None] = {check.kind: check.probability for check in model.checks}
    kinds = ["ratio"] if result.rules.min_score is None else ["ratio", "floor"]
    score, baseline, ratio = model.score, model.baseline, model.ratio
    found = [
        score.value if score else None,
        baseline.value if baseline else None,
        ratio.value if ratio else None,
        *(certain.get(kind) for kind in kinds),
        score.draws if score else None,
        model.parameters,
    ]
    return [math.nan if value is None else float(value) for value in found]
