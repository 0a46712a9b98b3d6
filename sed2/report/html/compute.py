"""The page of `compute`."""

from __future__ import annotations

import numpy as np

from sed2.report.documents.model import compute_document
from sed2.report.figures.curves import curves_figure
from sed2.report.html import parts
from sed2.report.html.elements import element, head, notes, section, table_element
from sed2.report.html.page import page
from sed2.report.tables import cells as tables
from sed2.report.tables.model import block_table, compute_notes, curve_table
from sed2.results import ModelResult


def compute_page(result: ModelResult, command: str = "") -> bytes:
    """The curves of a model and all that determines them, as one HTML file.

    Args:
        command: the command line that made it; empty if none did.
    """
    document, counted = compute_document(result), tables.coverage(result)
    values = curve_table(result, np.arange(len(result.eps)))
    return page(
        result.name,
        [
            head(
                "sed2 compute",
                result.name,
                element("p", f"{counted}."),
                parts.alert(result.warnings),
            ),
            parts.curves(lambda file_format: curves_figure([result], file_format)),
            section(
                "Values",
                table_element("Values", values),
                notes(compute_notes(result, values.headers)),
            ),
            section("Blocks", table_element("Blocks", block_table(result))),
            parts.warning_list(result.warnings),
            parts.setting_list(document["settings"]),
            parts.provenance(document["provenance"]),
            parts.made_by(command),
        ],
        document,
        parts.SCRIPTS,
    )
