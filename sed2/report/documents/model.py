"""The documents of one model: JSON and CSV, and the parts that other documents share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from sed2.gating.outcome import GateResult
from sed2.report.documents.text import SCHEMA_VERSION, fields_of, to_csv
from sed2.results import BlockPlan, BlockShare, Curve, ModelResult, Score


def compute_document(result: ModelResult) -> dict[str, Any]:
    """The JSON of `compute` (docs/reference/contract.md, section 5); NaN is written as null."""
    blocks = [_block(*each) for each in zip(result.blocks, result.plan, strict=True)]
    return {
        "schema_version": SCHEMA_VERSION,
        "model": {**fields_of(result, "name", "parameters", "left_out"), "blocks": blocks},
        "settings": settings_document(result),
        **fields_of(result, "eps", "eps_n"),
        **score_document(result.score),
        **curves_document(result),
        **fields_of(result, "upper_bound", "upper_bracket", "trace_bracket", "warnings"),
        "cost": asdict(result.cost),
        "provenance": asdict(result.provenance),
    }


def _block(block: BlockShare, plan: BlockPlan) -> dict[str, Any]:
    return {
        **fields_of(block, "name", "parameters", "rank"),
        "lower_two_sed_share": block.share,
        **fields_of(plan, "input_shape", "output_shape", "holds"),
        "structured": plan.is_structured,
        "way": plan.way,
        "forecast_bytes": plan.bytes,
        "forecast_flops": plan.work,
    }


def settings_document(result: ModelResult | GateResult) -> dict[str, Any]:
    """The settings, and how many inputs were used."""
    return result.settings.model_dump() | {"inputs": result.inputs}


def curves_document(result: ModelResult) -> dict[str, Any]:
    """2sED and its lower estimate; end-to-end and joint 2sED are null where the score does not take
    them."""
    lower, factors = _curve(result.lower_two_sed), result.factors
    joint = factors if result.settings.score == "joint" else None
    return {
        "two_sed": _curve(result.two_sed),
        "lower_two_sed": {**lower, "effective_sample_size": result.lower_effective_sample_size},
        "end_to_end": factors and _curve(factors.end_to_end_curve),
        "joint": joint and _curve(joint.curve),
        "factors": factors
        and {
            "lower": factors.lower.value,
            "end_to_end": factors.end_to_end.value,
            "end_to_end_draws": result.settings.whole_draws,
        },
        "effective_sample_size": result.effective_sample_size,
        "smc": result.smc and asdict(result.smc),
    }


def _curve(curve: Curve) -> dict[str, Any]:
    errors = ("std_error_draws", "std_error_inputs", "std_error_spectra")
    return {
        **fields_of(curve, "estimate", "std_error"),
        "interval_95": [_interval(low, high) for low, high in curve.interval],
        **fields_of(curve, "lower_estimate", "scatter", *errors),
    }


def score_document(score: Score) -> dict[str, Any]:
    """A score among other things of its model."""
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
    interval = _interval(*score.interval)
    own = fields_of(score, "lower_estimate", "scatter")
    return {"estimate": score.value, "interval_95": interval, **own}


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
            numbers = (float(value) for value in (*row, *own.values()))
            cells = ("" if math.isnan(value) else repr(value) for value in numbers)
            rows.append([result.name, result.parameters, *cells])
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
        **{
            name: column
            for measure, curve in _of_factors(result).items()
            for name, column in (
                (measure, curve.estimate),
                (f"{measure}_std_error", curve.std_error),
            )
        },
    }


def _of_factors(result: ModelResult) -> dict[str, Curve]:
    """The curves that the score takes besides, by name."""
    if not result.factors:
        return {}
    joint = {"joint": result.factors.curve} if result.settings.score == "joint" else {}
    return {"end_to_end": result.factors.end_to_end_curve, **joint}
