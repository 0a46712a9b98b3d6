"""Does the score predict the training loss, and does it do so better than the baselines?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from sed2.baselines.results import BaselineValue
from sed2.ranking.correlation import against_best, correlate
from sed2.ranking.results import Agreement, Prediction, RankedModel, Ranking
from sed2.training.result import Training

SCORE = "score"
"""The name of the score among the measures."""


def add_baselines(ranking: Ranking, values: Mapping[str, dict[str, BaselineValue]]) -> Ranking:
    """The ranking with the baselines of every model, by its name."""
    models = [replace(model, baselines=values[model.result.name]) for model in ranking.models]
    return replace(ranking, models=tuple(models))


def add_trainings(ranking: Ranking, trainings: Mapping[str, Training]) -> Ranking:
    """The ranking with the training of every model, by its name, and how well the measures predict
    it."""
    models = tuple(
        replace(model, training=trainings[model.result.name]) for model in ranking.models
    )
    trained = replace(ranking, models=models)
    return replace(trained, correlation=predict(trained))


def predict(ranking: Ranking) -> Prediction:
    """How well the score and the baselines of trained models predict their losses.

    Where models ended with N and K of their own, their scores do not compare, and the ranks that
    were decided stand for them.

    Args:
        ranking: its models all trained, and all or none with baselines. One whose training diverged
            has no loss and is left out. Its seed is that of the bootstraps.
    """
    models, seed = ranking.models, ranking.settings.seed
    target = -np.array([model.training.mean if model.training else math.nan for model in models])
    scores = np.array(
        [-model.rank if ranking.demand else model.result.score.value for model in models]
    )
    baselines = _directed(models)
    agreements = tuple(
        Agreement(
            name,
            correlate(values, target, "kendall", seed),
            correlate(values, target, "spearman", seed),
        )
        for name, values in {SCORE: scores, **baselines}.items()
    )
    if not baselines:
        return Prediction(agreements)
    verdict = against_best(scores, np.stack(list(baselines.values())), target, seed)
    best = None if verdict.best is None else list(baselines)[verdict.best]
    return Prediction(agreements, verdict, best)


def _directed(models: Sequence[RankedModel]) -> dict[str, np.ndarray]:
    """(M,) of every baseline, with the sign that makes larger better."""
    from sed2.baselines.registry import BASELINES  # with JAX, which the tables do not need

    names = models[0].baselines or {}
    return {
        name: (1 if BASELINES[name].larger_is_better else -1)
        * np.array([model.baselines[name].value for model in models if model.baselines])
        for name in names
    }
