"""The JSON of `bound`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sed2.generalisation.results import BoundResult, Bracket, Covering
from sed2.report.documents.model import settings_document
from sed2.report.documents.text import SCHEMA_VERSION, fields_of


def bound_document(result: BoundResult) -> dict[str, Any]:
    """The JSON of `bound`. Every `log_...` is a natural logarithm."""
    model, at_eps_n = result.model, _covering(result.covering_at_eps_n)
    constants = ("lipschitz", "theorem_k", "theorem_c", "loss_bound")
    return {
        "schema_version": SCHEMA_VERSION,
        "model": {
            **fields_of(model, "name", "parameters", "left_out"),
            "rank": model.max_rank,
            "eigenvalue": model.max_eigenvalue,
        },
        "settings": settings_document(model),
        "constants": {
            **fields_of(result, *constants),
            "log_c_d": result.log_covering_constant,
            "log_h": result.log_h,
        },
        **fields_of(result, "eps_n", "deviation"),
        "d_zeta": {
            **_bracket(result.two_sed),
            "std_error": model.two_sed_score.std_error,
            "is_lower_estimate": model.two_sed_score.lower_estimate,
        },
        "log_probability": _bracket(result.log_probability),
        "vacuous": result.vacuous,
        "smallest_k": _bracket(result.smallest_k),
        "gamma_0": result.gamma_0,
        "eps": model.eps,
        "log_covering": _covering(result.covering),
        "log_covering_at_eps_n": {key: value[0] for key, value in at_eps_n.items()},
        "assumptions": [asdict(assumption) for assumption in result.assumptions],
        "warnings": result.warnings,
        "provenance": asdict(model.provenance),
    }


def _bracket(of: Bracket | Covering) -> dict[str, Any]:
    return {"estimate": of.estimate, "upper_bound": of.at_most}


def _covering(of: Covering) -> dict[str, Any]:
    return _bracket(of) | {"equal_cubes": of.cubes, "vacuous": of.vacuous}
