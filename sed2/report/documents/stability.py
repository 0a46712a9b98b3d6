"""The stability study as JSON and CSV."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sed2.report.documents.text import SCHEMA_VERSION, to_csv
from sed2.report.tables.stability import sentence, sigma_sentence
from sed2.robustness.results import StabilityResult


def stability_document(result: StabilityResult) -> dict[str, Any]:
    """The JSON of `stability`. Scores are [model][point][seed], models in the order given."""
    verdict, first = result.verdict, result.models[0]
    return {
        "schema_version": SCHEMA_VERSION,
        "settings": first.settings.model_dump() | {"inputs": first.inputs},
        "eps": first.eps,
        "eps_n": first.eps_n,
        "models": [
            {
                "name": model.name,
                "parameters": model.parameters,
                "spec_sha256": model.provenance.spec_sha256,
            }
            for model in result.models
        ],
        "seeds": result.seeds,
        "sweeps": {
            sweep.setting: {
                "grid": sweep.grid,
                "base": sweep.base_value,
                "score": sweep.scores,
                "mean": sweep.mean,
                "scatter": sweep.scatter,
                "agreeing_seeds": sweep.agreeing,
                "kendall_tau": sweep.tau,
            }
            for sweep in result.sweeps
        },
        "verdict": {
            "settled": verdict.settled,
            "why_not_told": verdict.why or None,
            "order": verdict.order,
            "agreeing_seeds": verdict.agreeing,
            "kendall_tau": verdict.tau,
            "samples": verdict.samples,
            "draws": verdict.draws,
            "draws_extrapolated": verdict.draws_extrapolated,
            "pairs": [asdict(pair) for pair in verdict.pairs],
            "sigma_changes": verdict.sigma_changes,
            "sentence": sentence(result),
            "sigma_sentence": sigma_sentence(result),
        },
        "warnings": result.warnings,
        "provenance": {k: v for k, v in asdict(first.provenance).items() if k != "spec_sha256"},
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
