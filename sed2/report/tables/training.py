"""Tables of what training came to, of the baselines, and of how well each predicts the losses."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from rich.console import Console

from sed2.ranking.prediction import SCORE
from sed2.ranking.results import Agreement, Prediction, RankedModel, Ranking
from sed2.report.layout import Column, Table, note, number, print_in_parts
from sed2.training.result import Training

_CORRELATION = (
    "tau-b, rho: Kendall's and Spearman's correlation of a measure and -(train loss), 1 if both "
    "order the models alike. 95%: for other models of the same kind, by a bootstrap over these."
)
_COST = (
    "CPU s: seconds of CPU for each model, on average, compilation included. What several measures "
    "share is divided among them; an early loss has all epochs until then."
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


def baseline_columns(models: Sequence[RankedModel]) -> list[Column[RankedModel]]:
    """Of the baselines; none if they were not asked for."""

    def column(name: str) -> Column[RankedModel]:
        return Column.of(name, lambda its: (its.baselines or {})[name].value, _baseline)

    return [column(name) for name in models[0].baselines or ()]


def print_baselines(console: Console, models: Sequence[RankedModel]) -> None:
    """A table of their own, in parts where the console is narrow."""
    name: Column[RankedModel] = Column("model", lambda model: model.name)
    print_in_parts(console, Table.of([name, *baseline_columns(models)], models, named=0))


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


def print_costs(console: Console, ranking: Ranking) -> None:
    """What each measure costs."""
    print_in_parts(console, cost_table(ranking))
    for line in cost_notes(ranking):
        note(console, line)


def cost_table(ranking: Ranking) -> Table:
    """The costs."""
    names = {SCORE: ranking.settings.score_name}
    columns: list[Column[str]] = [
        Column("measure", lambda name: names.get(name, name)),
        Column("CPU s", lambda name: _cost(ranking, name)),
    ]
    return Table.of(columns, [SCORE, *(ranking.models[0].baselines or {})], named=0)


def cost_notes(ranking: Ranking) -> list[str]:
    """What the costs mean, and what of them is compilation, where that is told apart."""
    early = [name for name in ranking.models[0].baselines or () if name.startswith("early_loss")]
    shared = [_mean_cost(ranking, name, "compilation_seconds") for name in early]
    compiled = next((seconds for seconds in shared if not math.isnan(seconds)), math.nan)
    trained = np.array([m.training.cost.cpu_seconds for m in ranking.models if m.training])
    known = trained[~np.isnan(trained)]
    return [
        _COST,
        *(
            [f"Of the early losses {_seconds(compiled)} s are for programs that models share."]
            if not math.isnan(compiled)
            else []
        ),
        *([f"The training itself took {_seconds(known.mean())} s."] if len(known) else []),
    ]


def _cost(ranking: Ranking, measure: str) -> str:
    return _seconds(_mean_cost(ranking, measure, "cpu_seconds"))


def _mean_cost(ranking: Ranking, measure: str, kind: str) -> float:
    """Over the models that have the measure, or have tried; NaN if nobody measured."""
    costs = [
        model.result.cost if measure == SCORE else (model.baselines or {})[measure].cost
        for model in ranking.models
    ]
    seconds = np.array([getattr(cost, kind) for cost in costs])
    known = seconds[~np.isnan(seconds)]
    return float(known.mean()) if len(known) else math.nan


def _seconds(value: float) -> str:
    if math.isnan(value):
        return "–"
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def print_prediction(console: Console, ranking: Ranking) -> None:
    """How the score, and the baselines, order the models against their losses."""
    print_in_parts(console, prediction_table(ranking))
    for line in prediction_notes(ranking):
        note(console, line)


def prediction_table(ranking: Ranking) -> Table:
    """The correlations."""
    prediction, names = ranking.correlation, {SCORE: ranking.settings.score_name}
    assert prediction is not None  # or there is nothing to tell
    columns: list[Column[Agreement]] = [
        Column("measure", lambda its: names.get(its.measure, its.measure)),
        Column("tau-b", lambda its: number(its.kendall.value, digits=2)),
        Column("95% of tau-b", lambda its: _interval(its.kendall.interval)),
        Column("rho", lambda its: number(its.spearman.value, digits=2)),
        Column("95% of rho", lambda its: _interval(its.spearman.interval)),
        Column("models", lambda its: str(its.kendall.models)),
        Column("CPU s", lambda its: _cost(ranking, its.measure)),
    ]
    return Table.of(columns, prediction.agreements, named=0)


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
        *cost_notes(ranking),
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


def _interval(interval: np.ndarray | None) -> str:
    return "–" if interval is None else f"{interval[0]:.2f} to {interval[1]:.2f}"


def _loss(value: float) -> str:
    return f"{value:.3f}" if value == 0 or value >= 0.001 else f"{value:.1e}"


def _baseline(value: float) -> str:
    if math.isnan(value):
        return "–"
    return f"{value:,.0f}" if value.is_integer() and abs(value) < 1e9 else f"{value:.4g}"
