"""The losses after a few epochs: what they are, where they are undefined, what they cost."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from sed2.baselines.early import EARLY_LOSSES, early_losses
from sed2.baselines.registry import BASELINES, UNTRAINED, baseline_values, measure_baselines
from sed2.options import TrainingSettings
from sed2.settings import Settings
from sed2.spec.schema import load_spec
from sed2.training.recipe import train
from tests.baselines.networks import labelled

SETTINGS = Settings(samples=20, draws=3, eps=(0.1,), seed=5)
NAMES = ["early_loss_1", "early_loss_2", "early_loss_5"]
MODELS = [load_spec(spec).models[0] for spec in ("MLP 6-20-3", "MLP 6-9-3")]
TRAINING = TrainingSettings(epochs=6, batch_size=10, train_seeds=2, learning_rate=0.01)


def data(labels: bool = True, classes: int = 3) -> Any:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 6))
    return labelled(x, np.digitize(x[:, 0], np.linspace(-1, 1, classes - 1)) if labels else None)


def values(training: TrainingSettings = TRAINING, dataset: Any = None) -> dict[int, Any]:
    return dict(early_losses(MODELS, dataset or data(), SETTINGS, training))


def test_minus_the_loss_of_a_training_of_so_many_epochs() -> None:
    found = values()
    for place, model in enumerate(MODELS):
        assert list(found[place]) == NAMES
        for measure in EARLY_LOSSES:
            short = TRAINING.model_copy(update={"epochs": measure.epochs})
            want = -train(model, data(), SETTINGS, short).mean
            assert found[place][measure.name].value == pytest.approx(want, rel=1e-5)
        losses = [found[place][name].value for name in NAMES]
        assert losses == sorted(losses)  # larger is better, and the training learns
        seconds = [found[place][name].cost.cpu_seconds for name in NAMES]
        assert 0 < seconds[0] < seconds[1] < seconds[2]


def test_one_model_has_them_among_all_baselines() -> None:
    found = measure_baselines(MODELS[0], data(), SETTINGS, NAMES, training=TRAINING)
    assert found == {name: values()[0][name].value for name in NAMES}
    assert [*UNTRAINED, *NAMES] == list(BASELINES)


def test_what_is_no_early_part_of_the_training_is_undefined() -> None:
    """Of a training of two epochs the second is the end, which it would predict without fail."""
    found = values(TRAINING.model_copy(update={"epochs": 2}))[1]
    assert math.isfinite(found["early_loss_1"].value)
    assert math.isnan(found["early_loss_2"].value)
    assert "no more than 2 epochs" in found["early_loss_2"].reason
    none = values(TRAINING.model_copy(update={"epochs": 1}))
    assert all(math.isnan(each.value) for its in none.values() for each in its.values())


@pytest.mark.parametrize(
    ("dataset", "reason"), [(data(labels=False), "no labels"), (data(classes=5), "5 classes")]
)
def test_what_cannot_be_trained_has_a_reason(dataset: Any, reason: str) -> None:
    found = baseline_values(MODELS[0], dataset, SETTINGS, ["depth", *NAMES])
    assert found["depth"].value == 2
    for name in NAMES:
        assert math.isnan(found[name].value)
        assert reason in found[name].reason


def test_what_diverges_has_no_value() -> None:
    found = values(TRAINING.model_copy(update={"learning_rate": 1e38}))[0]
    assert math.isnan(found["early_loss_5"].value)
    assert found["early_loss_5"].reason == "the training diverged"


def test_every_baseline_says_what_it_costs() -> None:
    found = baseline_values(MODELS[0], data(), SETTINGS, training=TRAINING)
    assert all(value.cost.cpu_seconds >= 0 for value in found.values())
    assert found["synflow"].cost == found["snip"].cost  # one program, in equal parts
    assert found["synflow"].cost.cpu_seconds > found["depth"].cost.cpu_seconds
