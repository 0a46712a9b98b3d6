"""How well the score and the baselines predict the losses of a ranking."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from sed2.baselines import registry as baselines
from sed2.baselines.results import BaselineValue
from sed2.ranking.correlation import against_best, correlate
from sed2.ranking.prediction import predict
from sed2.ranking.results import Demand, RankedModel, Ranking
from tests.report.made import made_result, made_trained

SCORES = (600.0, 500.0, 400.0, 300.0, 200.0, 100.0)
LOSSES = (0.5, 0.7, 0.6, 0.9, 0.8, 1.1)
DEPTHS = (3.0, 2.0, 5.0, 1.0, 4.0, 2.0)


def ranking() -> Ranking:
    """Six models, all trained, with two baselines; seed 3."""
    results = [made_result(str(i), value=score, seed=3) for i, score in enumerate(SCORES)]
    values = [{"depth": BaselineValue(depth), "synflow": BaselineValue(-depth)} for depth in DEPTHS]
    return made_trained(results, [[loss] for loss in LOSSES], values)


def of(models: Sequence[RankedModel]) -> Ranking:
    return replace(ranking(), models=tuple(models))


def test_every_measure_is_correlated_with_minus_the_loss() -> None:
    prediction = predict(ranking())
    loss = -np.array(LOSSES)
    for agreement, values in zip(
        prediction.agreements, (SCORES, DEPTHS, [-depth for depth in DEPTHS]), strict=True
    ):
        for kind in ("kendall", "spearman"):
            want = correlate(np.array(values), loss, kind, seed=3)
            got = getattr(agreement, kind)
            assert got.value == want.value
            np.testing.assert_array_equal(got.interval, want.interval)
    assert [agreement.measure for agreement in prediction.agreements] == [
        "score",
        "depth",
        "synflow",
    ]
    assert prediction.agreements[0].kendall.value > 0  # larger score, smaller loss


def test_the_verdict_is_that_of_the_paired_bootstrap_against_the_best() -> None:
    prediction = predict(ranking())
    depths = np.array(DEPTHS)
    want = against_best(np.array(SCORES), np.stack([depths, -depths]), -np.array(LOSSES), seed=3)
    assert prediction.verdict is not None
    assert prediction.verdict.difference == want.difference
    np.testing.assert_array_equal(prediction.verdict.interval, want.interval)
    assert prediction.best_baseline == ("depth", "synflow")[want.best or 0]


def test_a_baseline_of_which_less_is_better_is_turned_round(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    depth = baselines.BASELINES["depth"]
    before = predict(ranking()).agreements[1].kendall.value
    turned = {**baselines.BASELINES, "depth": replace(depth, larger_is_better=False)}
    monkeypatch.setattr(baselines, "BASELINES", turned)
    assert predict(ranking()).agreements[1].kendall.value == -before != 0


def test_without_baselines_there_is_no_verdict() -> None:
    alone = [replace(model, baselines=None) for model in ranking().models]
    prediction = predict(of(alone))
    assert len(prediction.agreements) == 1
    assert prediction.verdict is None
    assert prediction.best_baseline is None


def test_a_model_whose_training_diverged_is_left_out() -> None:
    first, *others = ranking().models
    assert first.training is not None
    diverged = replace(first.training, final_loss=np.array([math.inf]))
    prediction = predict(of([replace(first, training=diverged), *others]))
    assert prediction.agreements[0].kendall.models == len(others)
    assert prediction.agreements[0].kendall.value == predict(of(others)).agreements[0].kendall.value


def test_decided_ranks_stand_for_scores_that_do_not_compare() -> None:
    """As `--until-decided` leaves them: a larger score at a larger K may be the worse one."""
    first, second, *others = ranking().models
    swapped = [replace(second, rank=1), replace(first, rank=2), *others]
    decided = replace(of(swapped), demand=Demand(0.95, 100, 100))
    want = correlate(-np.arange(6.0), -np.array([LOSSES[1], LOSSES[0], *LOSSES[2:]]), seed=3)
    assert predict(decided).agreements[0].kendall.value == want.value
    assert predict(of(swapped)).agreements[0].kendall.value != want.value
