"""The JSON of `bound`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sed2.generalisation.results import BoundResult, Bracket, Covering
from sed2.report.documents.text import SCHEMA_VERSION


def bound_document(result: BoundResult) -> dict[str, Any]:
    """The JSON of `bound`. Every `log_...` is a natural logarithm."""
    model, at_eps_n = result.model, result.covering_at_eps_n
    return {
        "schema_version": SCHEMA_VERSION,
        "model": {
            "name": model.name,
            "parameters": model.parameters,
            "left_out": model.left_out,
            "rank": model.max_rank,
            "eigenvalue": model.max_eigenvalue,
        },
        "settings": model.settings.model_dump() | {"inputs": model.inputs},
        "constants": {
            "lipschitz": result.lipschitz,
            "theorem_k": result.theorem_k,
            "theorem_c": result.theorem_c,
            "loss_bound": result.loss_bound,
            "log_c_d": result.log_covering_constant,
            "log_h": result.log_h,
        },
        "eps_n": result.eps_n,
        "deviation": result.deviation,
        "d_zeta": _bracket(result.two_sed)
        | {
            "std_error": model.two_sed_score.std_error,
            "is_lower_estimate": model.two_sed_score.lower_estimate,
        },
        "log_probability": _bracket(result.log_probability),
        "vacuous": result.vacuous,
        "smallest_k": _bracket(result.smallest_k),
        "gamma_0": result.gamma_0,
        "eps": model.eps,
        "log_covering": _covering(result.covering),
        "log_covering_at_eps_n": {key: value[0] for key, value in _covering(at_eps_n).items()},
        "assumptions": [asdict(assumption) for assumption in result.assumptions],
        "warnings": result.warnings,
        "provenance": asdict(model.provenance),
    }


def _bracket(bracket: Bracket) -> dict[str, Any]:
    return {"estimate": bracket.estimate, "upper_bound": bracket.at_most}


def _covering(covering: Covering) -> dict[str, Any]:
    return {
        "estimate": covering.estimate,
        "upper_bound": covering.at_most,
        "equal_cubes": covering.cubes,
        "vacuous": covering.vacuous,
    }
