"""`select` as JSON and CSV."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sed2.report.documents.ranking import training_document
from sed2.report.documents.text import SCHEMA_VERSION, fields_of, to_csv
from sed2.report.tables.selection import verdict
from sed2.selection.results import SelectedModel, Selection


def selection_document(selection: Selection) -> dict[str, Any]:
    """The JSON of `select` (docs/reference/contract.md, section 7)."""
    return {
        "schema_version": SCHEMA_VERSION,
        "settings": selection.settings.model_dump(),
        "training": selection.training.model_dump(),
        **fields_of(selection, "prune_by", "decide_at"),
        "decision": verdict(selection),
        "choice": selection.choice.name,
        "decided": selection.decided,
        "expected_regret": selection.regret,
        "models": [_candidate(model) for model in selection],
        "rungs": [asdict(rung) for rung in selection.rungs],
        "rungs_done": selection.done,
        "spent": asdict(selection.spent) | {"share": selection.spent.share},
        **fields_of(selection, "left_out", "warnings"),
        "provenance": asdict(selection.provenance),
    }


def _candidate(model: SelectedModel) -> dict[str, Any]:
    return {
        **fields_of(model, "name", "parameters", "prior", "rungs", "epochs", "forecast"),
        "log_std_error": model.std_error,
        "probability_best": model.probability,
        "training": model.training and training_document(model.training),
    }


def selection_csv(selection: Selection) -> str:
    """One row per candidate, the choice first; an undefined number is empty."""
    columns = ("name", "parameters", "prior", "rungs", "epochs", "forecast", "probability")
    rows: list[list[object]] = [[*columns]]
    for model in selection:
        values = [getattr(model, column) for column in columns]
        rows.append(["" if value != value else value for value in values])
    return to_csv(rows)
