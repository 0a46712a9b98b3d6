"""The gate as files for CI: JSON, JUnit's XML, and a summary in Markdown."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sed2.gating.outcome import GatedScore, GateResult
from sed2.report.documents.text import SCHEMA_VERSION


def gate_document(result: GateResult) -> dict[str, Any]:
    """The JSON of `gate`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "status": result.status,
        "exit_code": int(result.exit_code),
        "spec": result.spec,
        "baseline": result.baseline,
        "rules": asdict(result.rules),
        "settings": result.settings.model_dump() | {"inputs": result.inputs},
        "eps_n": result.settings.eps_n,
        "models": [
            {
                "name": model.name,
                "status": model.status,
                "where": model.where or None,
                "unchanged": model.unchanged,
                "computed": model.computed,
                "parameters": model.parameters,
                **_score("score", model.score),
                **_score("baseline_score", model.baseline),
                "ratio": None if model.ratio is None else model.ratio.value,
                "ratio_std_error": None if model.ratio is None else model.ratio.std_error,
                "checks": [asdict(check) for check in model.checks],
            }
            for model in result.models
        ],
        "warnings": result.warnings,
        "provenance": None if result.provenance is None else asdict(result.provenance),
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
