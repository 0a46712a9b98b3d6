"""What is said of the losses over the seeds."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from sed2.options import TrainingSettings
from sed2.training.result import CROSS_ENTROPY, Training


def made(final: list[float], loss: list[list[float]] | None = None) -> Training:
    return Training(
        CROSS_ENTROPY,
        np.array(loss if loss is not None else [[2.0, 1.0]] * len(final)),
        np.array(final),
        np.full(len(final), 0.5),
        samples=10,
        wanted=10,
        batch_size=5,
        steps=4,
        settings=TrainingSettings(epochs=2),
    )


def test_mean_and_standard_error_over_the_seeds() -> None:
    training = made([1.0, 2.0, 3.0])
    assert training.mean == 2.0
    assert training.std_error == pytest.approx(1 / math.sqrt(3))
    assert training.mean_accuracy == 0.5
    assert training.warnings == ()
    assert math.isnan(made([1.0]).std_error)


@pytest.mark.parametrize(
    "training",
    [
        made([1.0, math.inf]),
        made([math.nan, 1.0]),
        made([1.0, 1.0], [[2.0, 1.0], [math.nan, 1.0]]),
    ],
)
def test_one_diverged_seed_leaves_no_number(training: Training) -> None:
    assert training.diverged.sum() == 1
    for undefined in (training.mean, training.std_error, training.mean_accuracy):
        assert math.isnan(undefined)
    assert "diverged with 1 of 2 seeds" in training.warnings[0]
    assert "--learning-rate" in training.warnings[0]


def test_a_training_set_that_is_too_small_is_told() -> None:
    assert "has 10 rows" in replace(made([1.0]), wanted=12).warnings[0]
