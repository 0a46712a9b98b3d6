"""`select`, `stability`, `bound`, `gate` and `diff` as JSON, and as CSV where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sed2.gating.outcome import GatedModel, GatedScore, GateResult
from sed2.generalisation.results import BoundResult, Bracket, Covering
from sed2.report.comparison import Change, Comparison, Difference, ModelDifference
from sed2.report.documents.model import settings_document
from sed2.report.documents.ranking import training_document
from sed2.report.documents.text import SCHEMA_VERSION, fields_of, to_csv
from sed2.report.tables.selection import verdict
from sed2.report.tables.stability import sentence, sigma_sentence
from sed2.robustness.results import StabilityResult, Sweep
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
