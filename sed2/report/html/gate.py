"""The page of `gate`."""

from __future__ import annotations

from sed2.gating.outcome import GateResult
from sed2.report import words as gate_words
from sed2.report.documents.gate import gate_document
from sed2.report.html import parts
from sed2.report.html.elements import facts, notes, section, table_element


def gate_page(result: GateResult, command: str = "") -> bytes:
    """The verdicts and how they came about, as one HTML file.

    Args:
        command: the command line that made it; empty if none did.
    """
    document, title = gate_document(result), gate_words.headline(result)
    verdicts = gate_words.gate_table(result, reasons=True)
    notes_ = notes(gate_words.notes(result))
    content = [
        section("Verdicts", table_element("Verdicts", verdicts), notes_),
        section("Rules", facts(document["rules"])),
    ]
    lead = [f"{result.spec} against {result.baseline}."]
    warnings = result.warnings
    return parts.result_page(
        "sed2 gate", title, lead, content, document, warnings, command, scripts=["lists.js"]
    )
