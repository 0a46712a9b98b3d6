"""Tasks of a ranking: what they compute, and whether a value holds anywhere."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from sed2 import tasks
from sed2.baselines.registry import UNTRAINED, baseline_values
from sed2.baselines.results import BaselineValue
from sed2.estimate import estimate
from sed2.fisher.plan import NOMINAL_BUDGET
from sed2.options import TrainingSettings
from sed2.request import load_data
from sed2.settings import Settings
from sed2.spec.schema import load_spec
from sed2.tasks import BASELINES, ESTIMATE, TRAINING, Task, ThisProcess
from sed2.training.recipe import train
from sed2.training.result import Training
from tests.runs.made import assert_same

SETTINGS = Settings(dataset="covertype", samples=5, draws=2, eps=(0.1,))
MODEL = load_spec("MLP 54-2-7").models[0]
SHORT = TrainingSettings(epochs=1, train_samples=64, train_seeds=1)
ESTIMATED = Task(ESTIMATE, MODEL, SETTINGS)
COMPARED = Task(BASELINES, MODEL, SETTINGS)


def nothing(done: int, total: int) -> None:
    """Of the progress."""


def test_each_stage_computes_its_value() -> None:
    data = load_data(SETTINGS)
    assert_same(ESTIMATED.compute(data, nothing), estimate(MODEL, data, SETTINGS))
    untrained = baseline_values(MODEL, data, SETTINGS, UNTRAINED)
    assert_same(COMPARED.compute(data, nothing), untrained)
    trained = Task(TRAINING, MODEL, SETTINGS, SHORT).compute(data, nothing)
    assert isinstance(trained, Training)
    assert_same(trained, train(MODEL, data, SETTINGS, SHORT))


def test_tasks_are_told_apart() -> None:
    more = SETTINGS.model_copy(update={"draws": 4})
    others = [
        COMPARED,
        Task(TRAINING, MODEL, SETTINGS, SHORT),
        replace(ESTIMATED, settings=more),
        replace(ESTIMATED, model=replace(MODEL, name="other")),
    ]
    assert len({task.key for task in [ESTIMATED, *others]}) == 5
    assert replace(ESTIMATED).key == ESTIMATED.key
    assert (str(ESTIMATED), str(COMPARED)) == ("`MLP 54-2-7`", "`MLP 54-2-7` (baselines)")


def test_a_baseline_may_be_missing_for_the_memory_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = {"synflow": BaselineValue(1.0)}
    missing = {"abbas": BaselineValue(math.nan, "it would not fit")}
    monkeypatch.setattr(tasks, "default_budget", lambda: NOMINAL_BUDGET / 2)
    assert COMPARED.is_lasting(whole)
    assert not COMPARED.is_lasting(missing)
    bounded = replace(COMPARED, settings=SETTINGS.model_copy(update={"memory_gb": 1.0}))
    assert bounded.is_lasting(missing)
    monkeypatch.setattr(tasks, "default_budget", lambda: NOMINAL_BUDGET)
    assert COMPARED.is_lasting(missing)


def test_models_that_share_first_blocks_are_worked_on_one_after_the_other() -> None:
    """Their values come in the order that was asked for all the same."""
    names = ["MLP 54-3-2-7", "MLP 54-4-7", "MLP 54-3-5-7", "MLP 54-4-2-7"]
    wanted = [Task(ESTIMATE, load_spec(name).models[0], SETTINGS) for name in names]
    told: list[tuple[str, float]] = []
    place = ThisProcess(load_data(SETTINGS))
    place.announce(wanted, lambda *told: None)
    found = place.values(wanted, lambda what, done, total: told.append((what, done / total)))
    assert [result.name for result in found] == names
    assert list(dict.fromkeys(what for what, _ in told)) == [names[i] for i in (0, 2, 1, 3)]
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1
