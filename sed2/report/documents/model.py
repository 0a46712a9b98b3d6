"""The documents of one model: JSON and CSV, and the parts that other documents share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from sed2.report.documents.text import SCHEMA_VERSION, to_csv
from sed2.results import Curve, ModelResult, Score


def compute_document(result: ModelResult) -> dict[str, Any]:
    """The JSON of `compute` (docs/reference/contract.md, section 5); NaN is written as null."""
    return {
        "schema_version": SCHEMA_VERSION,
        "model": {
            "name": result.name,
            "parameters": result.parameters,
            "left_out": result.left_out,
            "blocks": [
                {
                    "name": block.name,
                    "parameters": block.parameters,
                    "rank": block.rank,
                    "lower_two_sed_share": block.share,
                    "input_shape": plan.input_shape,
                    "output_shape": plan.output_shape,
                    "holds": plan.holds,
                    "structured": plan.is_structured,
                    "way": plan.way,
                    "forecast_bytes": plan.bytes,
                    "forecast_flops": plan.work,
                }
                for block, plan in zip(result.blocks, result.plan, strict=True)
            ],
        },
        "settings": result.settings.model_dump() | {"inputs": result.inputs},
        "eps": result.eps,
        "eps_n": result.eps_n,
        **score_document(result.score),
        **curves_document(result),
        "upper_bound": result.upper_bound,
        **brackets_document(result),
        "warnings": result.warnings,
        "cost": asdict(result.cost),
        "provenance": asdict(result.provenance),
    }


def curves_document(result: ModelResult) -> dict[str, Any]:
    return {
        "two_sed": _curve(result.two_sed),
        "lower_two_sed": _curve(result.lower_two_sed)
        | {"effective_sample_size": result.lower_effective_sample_size},
        **factors_document(result),
        "effective_sample_size": result.effective_sample_size,
        "smc": None if result.smc is None else asdict(result.smc),
    }


def factors_document(result: ModelResult) -> dict[str, Any]:
    """2sED end-to-end and joint 2sED, null where the score does not take them."""
    factors, joint = result.factors, result.settings.score == "joint"
    return {
        "end_to_end": factors and _curve(factors.end_to_end_curve),
        "joint": _curve(factors.curve) if factors and joint else None,
        "factors": factors
        and {
            "lower": factors.lower.value,
            "end_to_end": factors.end_to_end.value,
            "end_to_end_draws": result.settings.whole_draws,
        },
    }


def brackets_document(result: ModelResult) -> dict[str, Any]:
    return {"upper_bracket": result.upper_bracket, "trace_bracket": result.trace_bracket}


def _curve(curve: Curve) -> dict[str, Any]:
    return {
        "estimate": curve.estimate,
        "std_error": curve.std_error,
        "interval_95": [_interval(low, high) for low, high in curve.interval],
        "lower_estimate": curve.lower_estimate,
        "scatter": curve.scatter,
        "std_error_draws": curve.std_error_draws,
        "std_error_inputs": curve.std_error_inputs,
        "std_error_spectra": curve.std_error_spectra,
    }


def score_document(score: Score) -> dict[str, Any]:
    return {
        "score": score.value,
        "score_std_error": score.std_error,
        "score_interval_95": _interval(*score.interval),
        "score_lower_estimate": score.lower_estimate,
        "score_scatter": score.scatter,
        "score_std_error_draws": score.std_error_draws,
        "score_std_error_inputs": score.std_error_inputs,
    }


def point_document(score: Score) -> dict[str, Any]:
    """A score as one point of a curve."""
    return {
        "estimate": score.value,
        "interval_95": _interval(*score.interval),
        "lower_estimate": score.lower_estimate,
        "scatter": score.scatter,
    }


def _interval(low: float, high: float) -> list[float] | None:
    return None if math.isnan(low) or math.isnan(high) else [low, high]


def csv_text(
    results: Sequence[ModelResult], more: Sequence[Mapping[str, float]] | None = None
) -> str:
    """One row per model and eps; an undefined number is empty.

    Args:
        more: of each model, further columns by name.
    """
    more = more or [{}] * len(results)
    header = ("model", "parameters", *curve_columns(results[0]), *more[0])
    rows: list[Sequence[object]] = [header]
    for result, own in zip(results, more, strict=True):
        for row in zip(*curve_columns(result).values(), strict=True):
            numbers = [
                "" if math.isnan(value) else repr(float(value)) for value in (*row, *own.values())
            ]
            rows.append([result.name, result.parameters, *numbers])
    return to_csv(rows)


def curve_columns(result: ModelResult) -> dict[str, np.ndarray]:
    """The curves by name, each (E,)."""
    lower, two = result.lower_two_sed, result.two_sed
    return {
        "eps": result.eps,
        "lower_two_sed": lower.estimate,
        "lower_two_sed_std_error": lower.std_error,
        "two_sed": two.estimate,
        "two_sed_std_error": two.std_error,
        "effective_sample_size": result.effective_sample_size,
        "upper_bound": result.upper_bound,
        "lower_two_sed_low": lower.interval[:, 0],
        "lower_two_sed_high": lower.interval[:, 1],
        "two_sed_low": two.interval[:, 0],
        "two_sed_high": two.interval[:, 1],
        "upper_bracket": result.upper_bracket,
        "trace_bracket": result.trace_bracket,
        **_factor_columns(result),
    }


def _factor_columns(result: ModelResult) -> dict[str, np.ndarray]:
    if not result.factors:
        return {}
    named = {"end_to_end": result.factors.end_to_end_curve}
    if result.settings.score == "joint":
        named["joint"] = result.factors.curve
    return {
        name: column
        for measure, curve in named.items()
        for name, column in ((measure, curve.estimate), (f"{measure}_std_error", curve.std_error))
    }
