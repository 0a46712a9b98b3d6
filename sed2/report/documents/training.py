"""Trainings, baselines and their correlation in the JSON and CSV of `rank`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sed2.baselines.results import BaselineValue
from sed2.ranking.correlation import Correlation
from sed2.ranking.results import Prediction, RankedModel
from sed2.training.result import Training


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
        "samples": training.samples,
        "batch_size": training.batch_size,
        "steps": training.steps,
        "settings": training.settings.model_dump(),
        "cost": asdict(training.cost),
    }


def baselines_document(baselines: Mapping[str, BaselineValue]) -> dict[str, Any]:
    """By name: the value, null if undefined, why or what to know of it, and its cost."""
    return {name: asdict(value) for name, value in baselines.items()}


def prediction_document(prediction: Prediction) -> dict[str, Any]:
    """Of every measure, and the verdict on the score."""
    verdict = prediction.verdict
    return {
        "target": "minus the mean final training loss",
        "measures": {
            agreement.measure: {
                "kendall": _correlation(agreement.kendall),
                "spearman": _correlation(agreement.spearman),
            }
            for agreement in prediction.agreements
        },
        "against_best_baseline": verdict
        and {
            "measure": prediction.agreements[0].measure,
            "baseline": prediction.best_baseline,
            "difference": verdict.difference,
            "interval_95": verdict.interval,
            "wins": verdict.wins,
            "models": verdict.models,
        },
    }


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


def _correlation(correlation: Correlation) -> dict[str, Any]:
    return {
        "value": correlation.value,
        "interval_95": correlation.interval,
        "models": correlation.models,
        "reason": correlation.reason or None,
    }
