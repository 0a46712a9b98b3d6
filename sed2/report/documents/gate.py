"""The JSON of `gate`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sed2.gating.outcome import GatedModel, GatedScore, GateResult
from sed2.report.documents.model import settings_document
from sed2.report.documents.text import SCHEMA_VERSION, fields_of


def gate_document(result: GateResult) -> dict[str, Any]:
    """The JSON of `gate`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "status": result.status,
        "exit_code": int(result.exit_code),
        **fields_of(result, "spec", "baseline"),
        "rules": asdict(result.rules),
        "settings": settings_document(result),
        "eps_n": result.settings.eps_n,
        "models": [_gated(model) for model in result],
        "warnings": result.warnings,
        "provenance": result.provenance and asdict(result.provenance),
    }


def _gated(model: GatedModel) -> dict[str, Any]:
    return {
        **fields_of(model, "name", "status"),
        "where": model.where or None,
        **fields_of(model, "unchanged", "computed", "parameters"),
        **_score("score", model.score),
        **_score("baseline_score", model.baseline),
        "ratio": model.ratio and model.ratio.value,
        "ratio_std_error": model.ratio and model.ratio.std_error,
        "checks": [asdict(check) for check in model.checks],
    }


def _score(name: str, score: GatedScore | None) -> dict[str, Any]:
    if score is None:
        return {name: None}
    return {
        name: score.value,
        f"{name}_scatter": score.scatter,
        f"{name}_lower_estimate": score.lower_estimate,
        f"{name}_draws": score.draws,
    }
