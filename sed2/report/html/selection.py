"""The page of `select`."""

from __future__ import annotations

from sed2.report.documents.selection import selection_document
from sed2.report.figures.selection import selection_figure
from sed2.report.html import parts
from sed2.report.html.elements import facts, notes, section, table_element
from sed2.report.tables.selection import (
    headline,
    selection_notes,
    selection_table,
    spent_note,
    verdict,
)
from sed2.selection.results import Selection


def selection_page(selection: Selection, command: str = "") -> bytes:
    """The choice, the learning curves and all that determines them, as one HTML file.

    Args:
        command: the command line that made it; empty if none did.
    """
    document, table = selection_document(selection), selection_table(selection)
    content = [
        section(
            "Candidates",
            table_element("Candidates", table),
            notes(selection_notes(selection, table.headers)),
        ),
        section(
            "Learning curves",
            parts.still(
                lambda file_format: selection_figure(selection, file_format),
                "Training losses over the epochs, and their forecasts",
            ),
        ),
        section("Training", facts(document["training"])),
    ]
    lead = [*verdict(selection), spent_note(selection)]
    title, warnings = headline(selection), selection.warnings
    return parts.result_page(
        "sed2 select", title, lead, content, document, warnings, command, scripts=["lists.js"]
    )
