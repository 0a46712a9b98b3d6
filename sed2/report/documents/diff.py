"""The JSON of `diff`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sed2.report.comparison import Change, Comparison, Difference, ModelDifference
from sed2.report.documents.text import SCHEMA_VERSION, fields_of


def diff_document(comparison: Comparison) -> dict[str, Any]:
    """All that changed; what is the same is left out, but for the models."""
    return {
        "schema_version": SCHEMA_VERSION,
        "command": comparison.kind,
        "before": str(comparison.before.path),
        "after": str(comparison.after.path),
        "settings": _changes(comparison.settings),
        "provenance": _changes(comparison.provenance),
        **fields_of(comparison, "scores_compare", "eps"),
        "models": [_difference_of_model(model) for model in comparison.models],
        **fields_of(comparison, "added", "missing"),
    }


def _difference_of_model(model: ModelDifference) -> dict[str, Any]:
    old, new = model.before, model.after
    return {
        "name": {"before": old.name, "after": new.name},
        "place": {"before": old.place or None, "after": new.place or None},
        "parameters": {"before": old.parameters, "after": new.parameters},
        "same_architecture": model.same_spec,
        "settings": _changes(model.settings),
        "score": model.score and _difference(model.score),
        "lower_two_sed": [_difference(point) for point in model.curve],
    }


def _difference(of: Difference) -> dict[str, Any]:
    return asdict(of) | {"difference": of.value, "beyond_chance": of.beyond_chance}


def _changes(changes: Sequence[Change]) -> dict[str, Any]:
    return {one.name: {"before": one.before, "after": one.after} for one in changes}
