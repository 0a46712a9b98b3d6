"""The page of `gate`."""

from __future__ import annotations

from sed2.gating.outcome import GateResult
from sed2.report import words as gate_words
from sed2.report.documents.gate import gate_document
from sed2.report.html import parts
from sed2.report.html.elements import element, facts, head, notes, section, table_element
from sed2.report.html.page import page


def gate_page(result: GateResult, command: str = "") -> bytes:
    """The verdicts and how they came about, as one HTML file.

    Args:
        command: the command line that made it; empty if none did.
    """
    document, title = gate_document(result), gate_words.headline(result)
    verdicts = gate_words.gate_table(result, reasons=True)
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
                table_element("Verdicts", verdicts),
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
