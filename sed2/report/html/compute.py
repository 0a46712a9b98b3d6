"""The page of `compute`."""

from __future__ import annotations

import numpy as np

from sed2.report.documents.model import compute_document
from sed2.report.figures.curves import curves_figure
from sed2.report.html import parts
from sed2.report.html.elements import notes, section, table_element
from sed2.report.tables.cells import coverage, score_at, score_in_words
from sed2.report.tables.model import block_table, compute_notes, curve_table
from sed2.results import ModelResult


def compute_page(result: ModelResult, command: str = "") -> bytes:
    """The curves of a model and all that determines them, as one HTML file.

    Args:
        command: the command line that made it; empty if none did.
    """
    values = curve_table(result, np.arange(len(result.eps)))
    told = notes(compute_notes(result, values.headers))
    content = [
        parts.curves([result], lambda file_format: curves_figure([result], file_format)),
        section("Values", table_element("Values", values), told),
        section("Blocks", table_element("Blocks", block_table(result))),
    ]
    lead = [f"{coverage(result)}."]
    at = score_at(result.settings, result.eps)
    score = "undefined" if np.isnan(result.score.value) else score_in_words(result.score)
    title = f"{result.name}: {result.settings.score_name} {score} {at}"
    document, warnings = compute_document(result), result.warnings
    return parts.result_page("sed2 compute", title, lead, content, document, warnings, command)
