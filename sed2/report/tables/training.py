"""Tables of what training came to, of the baselines, and of how well each predicts the losses."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from rich.console import Console

from sed2.ranking.correlation import Correlation
from sed2.ranking.prediction import SCORE
from sed2.ranking.results import Prediction, RankedModel, Ranking
from sed2.report.layout import note, print_in_parts
from sed2.training.result import Training

_CORRELATION = (
    "tau-b, rho: Kendall's and Spearman's correlation of a measure and -(train loss), 1 if both "
    "order the models alike. 95%: for other models of the same kind, by a bootstrap over these."
)
_RANKS = (
    "The score stands for the ranks that were decided: its values at other N and K do not compare."
)


def loss_cell(training: Training) -> str:
    """The mean loss and its standard error over the seeds."""
    if training.diverged.any():
        return "diverged"
    error = training.std_error
    return _loss(training.mean) + ("" if math.isnan(error) else f" ± {_loss(error)}")


def accuracy_cell(training: Training) -> str:
    """In percent, or a dash."""
    accuracy = training.mean_accuracy
    return "–" if math.isnan(accuracy) else f"{accuracy:.1%}"


def training_note(training: Training) -> str:
    """How the losses came about."""
    its, seeds = training.settings, len(training.final_loss)
    over = f"mean of {seeds} seeds ± standard error" if seeds > 1 else "of one seed"
    return (
        f"train loss: {training.objective} on the {training.samples:,} rows trained on, {over}; "
        f"{its.epochs:,} epoch{'s' * (its.epochs != 1)} of Adam, learning rate "
        f"{its.learning_rate:g}, batches of {training.batch_size:,}."
    )


def baseline_columns(
    models: Sequence[RankedModel], without: Sequence[str] = ()
) -> tuple[list[str], list[list[str]]]:
    """Headers and rows of the baselines alone; nothing if they were not asked for."""
    headers = [name for name in models[0].baselines or () if name not in without]
    values = [model.baselines or {} for model in models]
    return headers, [[_baseline(each[name].value) for name in headers] for each in values]


def print_baselines(console: Console, models: Sequence[RankedModel]) -> None:
    """A table of their own, in parts where the console is narrow."""
    headers, rows = baseline_columns(models)
    names = [model.result.name for model in models]
    table = [[name, *row] for name, row in zip(names, rows, strict=True)]
    print_in_parts(console, ["model", *headers], table)


def baseline_notes(models: Sequence[RankedModel]) -> list[str]:
    """Why some are undefined, or what to know of them, each said once for all it concerns."""
    concerned: dict[tuple[str, str], list[str]] = {}
    for model in models:
        for name, value in (model.baselines or {}).items():
            if value.reason:
                concerned.setdefault((name, value.reason), []).append(model.result.name)
    return [
        f"{name} of {', '.join(where)}: {reason}." for (name, reason), where in concerned.items()
    ]


def print_prediction(console: Console, ranking: Ranking) -> None:
    """How the score, and the baselines, order the models against their losses."""
    print_in_parts(console, *prediction_table(ranking))
    for line in prediction_notes(ranking):
        note(console, line)


def prediction_table(ranking: Ranking) -> tuple[list[str], list[list[str]]]:
    """Headers and rows of the correlations."""
    prediction, names = ranking.correlation, {SCORE: ranking.settings.score_name}
    assert prediction is not None  # or there is nothing to tell
    return ["measure", "tau-b", "95% of tau-b", "rho", "95% of rho", "models"], [
        [
            names.get(agreement.measure, agreement.measure),
            *_correlation(agreement.kendall),
            *_correlation(agreement.spearman),
            str(agreement.kendall.models),
        ]
        for agreement in prediction.agreements
    ]


def prediction_notes(ranking: Ranking) -> list[str]:
    """What the correlations mean, why some are undefined, and the verdict on the score."""
    prediction, names = ranking.correlation, {SCORE: ranking.settings.score_name}
    assert prediction is not None  # or there is nothing to tell
    reasons: dict[str, list[str]] = {}
    for agreement in prediction.agreements:
        for correlation in (agreement.kendall, agreement.spearman):
            if correlation.reason:
                named = reasons.setdefault(correlation.reason, [])
                if (name := names.get(agreement.measure, agreement.measure)) not in named:
                    named.append(name)
    whole = len(prediction.agreements)
    return [
        _CORRELATION,
        *([_RANKS] if ranking.demand else []),
        *(
            f"–{'' if len(of) == whole else ' of ' + ', '.join(of)}: {reason}."
            for reason, of in reasons.items()
        ),
        *([_verdict(prediction)] if prediction.verdict else []),
    ]


def _verdict(prediction: Prediction) -> str:
    verdict = prediction.verdict
    assert verdict is not None
    if prediction.best_baseline is None:
        return "Whether the score beats the best baseline is undefined."
    if verdict.interval is None:
        return (
            f"Whether the score beats the best baseline, {prediction.best_baseline}, cannot be "
            f"told: the difference of their tau-b is {verdict.difference:+.2f}, and has no "
            "interval."
        )
    return (
        f"The score {'beats' if verdict.wins else 'does not beat'} the best baseline, "
        f"{prediction.best_baseline}: the difference of their tau-b is {verdict.difference:+.2f} "
        f"(95%: {_interval(verdict.interval)}; the best baseline chosen anew in each resample), "
        "and it wins only if that interval is above 0. A baseline that fewer than half of the "
        "models have does not count."
    )


def _correlation(correlation: Correlation) -> list[str]:
    if math.isnan(correlation.value):
        return ["–", "–"]
    return [
        f"{correlation.value:.2f}",
        "–" if correlation.interval is None else _interval(correlation.interval),
    ]


def _interval(interval: np.ndarray) -> str:
    return f"{interval[0]:.2f} to {interval[1]:.2f}"


def _loss(value: float) -> str:
    return f"{value:.3f}" if value == 0 or value >= 0.001 else f"{value:.1e}"


def _baseline(value: float) -> str:
    if math.isnan(value):
        return "–"
    return f"{value:,.0f}" if value.is_integer() and abs(value) < 1e9 else f"{value:.4g}"
