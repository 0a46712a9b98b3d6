"""`stability` as JSON and CSV."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sed2.report.documents.model import settings_document
from sed2.report.documents.text import SCHEMA_VERSION, fields_of, to_csv
from sed2.report.tables.stability import sentence, sigma_sentence
from sed2.robustness.results import StabilityResult, Sweep


def stability_document(result: StabilityResult) -> dict[str, Any]:
    """The JSON of `stability`. Scores are [model][point][seed], models in the order given."""
    its, first = result.verdict, result.models[0]
    return {
        "schema_version": SCHEMA_VERSION,
        "settings": settings_document(first),
        **fields_of(first, "eps", "eps_n"),
        "models": [
            fields_of(model, "name", "parameters") | fields_of(model.provenance, "spec_sha256")
            for model in result
        ],
        "seeds": result.seeds,
        "sweeps": {sweep.setting: _sweep(sweep) for sweep in result.sweeps},
        "verdict": {
            "settled": its.settled,
            "why_not_told": its.why or None,
            "order": its.order,
            "agreeing_seeds": its.agreeing,
            "kendall_tau": its.tau,
            **fields_of(its, "samples", "draws", "draws_extrapolated"),
            "pairs": [asdict(pair) for pair in its.pairs],
            "sigma_changes": its.sigma_changes,
            "sentence": sentence(result),
            "sigma_sentence": sigma_sentence(result),
        },
        "warnings": result.warnings,
        "provenance": {k: v for k, v in asdict(first.provenance).items() if k != "spec_sha256"},
    }


def _sweep(sweep: Sweep) -> dict[str, Any]:
    return {
        "grid": sweep.grid,
        "base": sweep.base_value,
        "score": sweep.scores,
        **fields_of(sweep, "mean", "scatter"),
        "agreeing_seeds": sweep.agreeing,
        "kendall_tau": sweep.tau,
    }


def stability_csv(result: StabilityResult) -> str:
    """One row per sweep, point, model and seed."""
    rows = stability_rows(result)
    return to_csv([tuple(rows[0]), *(tuple(row.values()) for row in rows)])


def stability_rows(result: StabilityResult) -> list[dict[str, Any]]:
    """One per sweep, point, model and seed; columns by name."""
    base = {sweep.setting: sweep.base_value for sweep in result.sweeps}
    return [
        {"sweep": sweep.setting}
        | base
        | {
            sweep.setting: value,
            "seed": seed,
            "model": model.name,
            "parameters": model.parameters,
            "score": float(sweep.scores[m, g, s]),
        }
        for sweep in result.sweeps
        for g, value in enumerate(sweep.grid)
        for m, model in enumerate(result.models)
        for s, seed in enumerate(result.seeds)
    ]
