"""`rank` as JSON and CSV, with trainings, baselines and their correlation."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sed2.ranking.correlation import Correlation
from sed2.ranking.results import Prediction, RankedModel, Ranking
from sed2.ranking.size import fronts, size_dependence
from sed2.report.decision import decision
from sed2.report.documents.model import csv_text, curves_document, score_document
from sed2.report.documents.text import SCHEMA_VERSION, fields_of
from sed2.training.result import Training


def rank_document(ranking: Ranking) -> dict[str, Any]:
    """The JSON of `rank` (docs/reference/contract.md, section 6)."""
    first, size = ranking.models[0].result, size_dependence(ranking)
    found = asdict(first.provenance)
    common = {k: v for k, v in found.items() if k not in ("spec_sha256", "data_sha256", "engine")}
    return {
        "schema_version": SCHEMA_VERSION,
        "settings": ranking.settings.model_dump() | {"inputs": first.inputs},
        **fields_of(ranking, "eps", "eps_n"),
        "models": [
            _model(*each)
            for each in zip(ranking.models, size.gained, *fronts(ranking), strict=True)
        ],
        "decision": decision(ranking),
        "decide_at": ranking.decide_at,
        "size": {"tau_b": size.tau, "follows": size.follows, "left_out": ranking.left_out},
        "crossings": [asdict(crossing) for crossing in ranking.crossings],
        "until_decided": ranking.demand and asdict(ranking.demand),
        "correlation": ranking.correlation and _prediction(ranking.correlation),
        "warnings": ranking.warnings,
        "provenance": common | {"data_sha256": first.provenance.data_sha256},
    }


def _model(model: RankedModel, gained: int, small: bool, fast: bool) -> dict[str, Any]:
    result = model.result
    return {
        **fields_of(model, "rank", "place", "name"),
        "parameters": result.parameters,
        "flops": model.flops,
        "pareto": {"parameters": small, "flops": fast},
        "places_gained_with_size_held": gained,
        **score_document(result.score),
        "separation": model.separation,
        "probability_best": fields_of(model.probability_best, "score", "curve"),
        "order_probability": fields_of(model.order_probability, "score", "curve"),
        "decided": model.decided,
        "inputs": result.inputs,
        "settings": result.settings.model_dump(),
        **curves_document(result),
        **fields_of(result, "upper_bracket", "trace_bracket"),
        "training": model.training and training_document(model.training),
        "baselines": model.baselines
        and {name: asdict(value) for name, value in model.baselines.items()},
        "warnings": model.warnings,
        "cost": asdict(result.cost),
        **fields_of(result.provenance, "spec_sha256", "engine"),
    }


def training_document(training: Training) -> dict[str, Any]:
    """One model's training. Of one that diverged, what is not finite is null."""
    return {
        "objective": training.objective,
        "loss": training.mean,
        "loss_std_error": training.std_error,
        "accuracy": training.mean_accuracy,
        "diverged": training.diverged,
        "final_loss": training.final_loss,
        "final_accuracy": training.accuracy,
        "loss_by_epoch": training.loss,
        **fields_of(training, "samples", "batch_size", "steps"),
        "settings": training.settings.model_dump(),
        "cost": asdict(training.cost),
    }


def _prediction(prediction: Prediction) -> dict[str, Any]:
    """Of every measure, and the verdict on the score."""
    verdict = prediction.verdict
    return {
        "target": "minus the mean final training loss",
        "measures": {
            its.measure: {
                "kendall": _correlation(its.kendall),
                "spearman": _correlation(its.spearman),
            }
            for its in prediction.agreements
        },
        "against_best_baseline": verdict
        and {
            "measure": prediction.agreements[0].measure,
            "baseline": prediction.best_baseline,
            "difference": verdict.difference,
            "interval_95": verdict.interval,
            **fields_of(verdict, "wins", "models"),
        },
    }


def _correlation(correlation: Correlation) -> dict[str, Any]:
    return {
        "value": correlation.value,
        "interval_95": correlation.interval,
        "models": correlation.models,
        "reason": correlation.reason or None,
    }


def rank_csv(ranking: Ranking) -> str:
    """One row per model and eps, with what training and baselines came to."""
    results = [model.result for model in ranking]
    return csv_text(results, [csv_columns(model) for model in ranking])


def csv_columns(model: RankedModel) -> dict[str, float]:
    """What is added to each row of the model, which has its number of parameters already."""
    if not (model.training or model.baselines):
        return {}
    columns = {"cpu_seconds": model.result.cost.cpu_seconds}
    if model.training:
        columns |= {
            "train_loss": model.training.mean,
            "train_loss_std_error": model.training.std_error,
            "train_accuracy": model.training.mean_accuracy,
            "train_cpu_seconds": model.training.cost.cpu_seconds,
        }
    for name, value in (model.baselines or {}).items():
        columns |= {name: value.value} if name != "parameters" else {}
        columns[f"{name}_cpu_seconds"] = value.cost.cpu_seconds
    return columns
