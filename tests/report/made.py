"""Results with chosen numbers, without any computing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from sed2.baselines.results import BaselineValue
from sed2.generalisation.evaluation import evaluate
from sed2.generalisation.results import BoundResult
from sed2.options import TheoremConstants, TrainingSettings
from sed2.ranking.prediction import add_baselines, add_trainings
from sed2.ranking.results import Probability, RankedModel, Ranking
from sed2.results import BlockPlan, BlockShare, Curve, ModelResult, Provenance, Replicates, Score
from sed2.selection.results import SelectedModel, Selection, Spent
from sed2.selection.schedule import Rung
from sed2.settings import Settings, resolve
from sed2.training.result import CROSS_ENTROPY, Training


def made_result(
    name: str = "MLP 54-16-7",
    *,
    parameters: int = 976,
    value: float = 525.5,
    error: float = 18.0,
    two_error: float = float("nan"),
    lower_estimate: bool = False,
    size: float = 1.0,
    eps: Sequence[float] = (0.001, 0.01, 0.1),
    **settings: object,
) -> ModelResult:
    """A result whose lower 2sED is `value` at every eps and whose 2sED is 1 more.

    Its intervals reach two errors to either side. 2sED is a lower estimate without an error."""
    flat = np.ones(len(eps))
    two_lower = math.isnan(two_error)
    return ModelResult(
        name=name,
        parameters=parameters,
        left_out=0,
        blocks=(
            BlockShare("dense_1", parameters - 112, 443, 0.75 * value * flat),
            BlockShare("dense_2", 112, 112, 0.25 * value * flat),
        ),
        settings=Settings.model_validate({"dataset": "made", "eps": eps, **settings}),
        inputs=100,
        eps=np.asarray(eps, float),
        two_sed=made_curve((value + 1) * flat, two_error, two_lower),
        lower_two_sed=made_curve(value * flat, error, lower_estimate),
        effective_sample_size=size * flat,
        lower_effective_sample_size=size * flat,
        upper_bound=2 * value * flat,
        upper_bracket=1.5 * value * flat,
        trace_bracket=1.75 * value * flat,
        max_rank=555,
        max_eigenvalue=300.0,
        score=made_score(value, error, lower_estimate),
        two_sed_score=made_score(value + 1, two_error, two_lower),
        replicates=made_replicates(len(eps), draws=[error]),
        plan=(
            BlockPlan("dense_1", parameters - 112, "exact, by unit", 10**6, 1e9),
            BlockPlan("dense_2", 112, "exact, by unit", 10**6, 1e9),
        ),
        warnings=(),
        provenance=Provenance("0", "0", "0", "3", "cpu", "float64", "ab", "cd"),
    )


def made_curve(estimate: np.ndarray, error: float, lower_estimate: bool = False) -> Curve:
    """With an error of the draws alone, the same everywhere."""
    flat = np.ones(len(estimate))
    half = np.nan if lower_estimate else 2 * error
    interval = np.stack([estimate - half, estimate + half], axis=-1)
    flags = np.full(len(estimate), lower_estimate)
    return Curve(estimate, error * flat, 0 * flat, 0 * flat, interval, flags)


def made_score(value: float, error: float, lower_estimate: bool = False) -> Score:
    """With an error of the draws alone."""
    half = np.nan if lower_estimate else 2 * error
    return Score(value, error, 0.0, 0.0, (value - half, value + half), lower_estimate)


def made_replicates(
    points: int,
    draws: Sequence[float] = (0.0,),
    inputs: Sequence[float] = (0.0,),
    own: float = 0.0,
    stream: int = 0,
) -> Replicates:
    """Deviations that are the same at all eps."""
    flat = np.ones(points + 1)
    return Replicates(
        np.outer(draws, flat), 10**6, np.outer(inputs, flat), own * flat, 0 * flat, stream
    )


def made_bound(result: ModelResult | None = None, **words: object) -> BoundResult:
    """The bound of a result, by default of one in the theorem's range."""
    result = result or made_result(value=700.0, zeta=0.7, n_train=100_000)
    return evaluate(result, resolve({"lipschitz": 1.0, **words}, {}, of=TheoremConstants))


def made_ranking(results: Sequence[ModelResult]) -> Ranking:
    """The results in the order given, no two of them tied."""
    return Ranking(
        models=tuple(
            RankedModel(
                i,
                i,
                result,
                float("nan") if i == len(results) else 1.25,
                made_probability(result, 1 / len(results)),
                made_probability(result, float("nan") if i == len(results) else 0.875),
            )
            for i, result in enumerate(results, start=1)
        ),
        settings=results[0].settings,
        crossings=(),
        warnings=(),
    )


def made_probability(result: ModelResult, value: float) -> Probability:
    return Probability(value, np.full(len(result.eps), value))


def made_training(*losses: float, epochs: int = 3, **settings: object) -> Training:
    """Of one seed for each final loss, which the loss of the last epoch is as well."""
    final = np.array(losses)
    falling = final[:, None] + np.arange(epochs)[::-1]
    its = TrainingSettings.model_validate({"epochs": epochs, **settings})
    return Training(CROSS_ENTROPY, falling, final, 1 - final / 4, 500, 500, 64, 7 * epochs, its)


def made_trained(
    results: Sequence[ModelResult],
    losses: Sequence[Sequence[float]],
    baselines: Sequence[Mapping[str, BaselineValue]] | None = None,
) -> Ranking:
    """The results in the order given, trained, with their correlation."""
    ranking = made_ranking(results)
    if baselines:
        of_model = {one.name: each for one, each in zip(results, baselines, strict=True)}
        ranking = add_baselines(ranking, {name: dict(values) for name, values in of_model.items()})
    trainings = {one.name: made_training(*each) for one, each in zip(results, losses, strict=True)}
    return add_trainings(ranking, trainings)


def made_selection() -> Selection:
    """Of three candidates, one of which was never trained."""
    trained = made_training(0.5, 0.7), made_training(0.9, 1.1), None
    models = tuple(
        SelectedModel(name, 900, 10.0 - i, 2 - i, training, loss, 0.1, chance)
        for i, (name, training, loss, chance) in enumerate(
            zip("abc", trained, (0.5, 0.9, math.nan), (0.97, 0.03, math.nan), strict=True)
        )
    )
    return Selection(
        models=models,
        decide_at=0.95,
        regret=0.01,
        rungs=(Rung(2, 1), Rung(1, 2)),
        done=2,
        prune_by="joint",
        spent=Spent(1.0, 2.0, 30.0, 3, 30),
        rows=100,
        provenance=made_result().provenance,
        settings=made_result().settings,
        training=TrainingSettings(epochs=10),
    )
