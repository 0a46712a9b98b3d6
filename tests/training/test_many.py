"""Many models, some of them side by side in one program: against the training of each by itself."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

from sed2.chain import build_chain
from sed2.errors import DataError
from sed2.options import TrainingSettings
from sed2.runs.codec import from_bytes, to_bytes
from sed2.spec.schema import ModelSpec
from sed2.training import lanes
from sed2.training.many import train_some
from sed2.training.network import draw_dense_layers, draw_states
from sed2.training.plan import check_training
from sed2.training.recipe import train
from sed2.training.result import Checkpoint, Stopped, Training
from tests.cases import gaussian_inputs
from tests.training.cases import CLASSES, LINEAR, NORMED, ROWS, SETTINGS, WIDTH, dataset, model

GIVEN = {"batch_size": 16, "learning_rate": 0.03, "train_seeds": 2}
IN_32 = TrainingSettings.model_validate(GIVEN)
IN_64 = IN_32.model_copy(update={"precision": "float64"})


def mlp(*widths: int, activation: str = "softplus", bias: bool = True) -> ModelSpec:
    """Softplus of 0 is not 0: what pads a layer has to be held there."""
    hidden = [
        {"dense": {"features": width, "activation": activation, "bias": bias}} for width in widths
    ]
    name = f"{activation} {bias} {widths}"
    return model({"name": name, "blocks": [*hidden, {"dense": {"features": CLASSES}}]})


WIDE = mlp(5, 70)
SIDE_BY_SIDE = [mlp(3), mlp(7), mlp(32), mlp(4), mlp(30), mlp(2, 9), mlp(8, 3)]
"""Of two forms: five in lanes for four, and two."""
MODELS = [*SIDE_BY_SIDE[:3], model(NORMED), *SIDE_BY_SIDE[3:], WIDE]


def trained(
    models: list[ModelSpec], training: TrainingSettings, *stops: int, **more: Any
) -> list[Stopped]:
    found = dict(train_some(models, dataset(), SETTINGS, training, stops, **more))
    return [found[place] for place in range(len(models))]


def same_bits(one: Stopped, other: Stopped) -> None:
    for a, b in zip(one.checkpoint.arrays, other.checkpoint.arrays, strict=True):
        assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    first, second = one.trainings[-1], other.trainings[-1]
    np.testing.assert_array_equal(first.loss, second.loss)
    np.testing.assert_array_equal(first.final_loss, second.final_loss)
    assert one.checkpoint.epochs == other.checkpoint.epochs


def alike(got: Training, want: Training) -> None:
    np.testing.assert_allclose(got.loss, want.loss, rtol=1e-10)
    np.testing.assert_allclose(got.final_loss, want.final_loss, rtol=1e-10)
    if want.accuracy is None:
        assert got.accuracy is None
    else:
        np.testing.assert_array_equal(got.accuracy, want.accuracy)
    for field in ("objective", "samples", "wanted", "batch_size", "steps", "settings"):
        assert getattr(got, field) == getattr(want, field)


@pytest.fixture(scope="module")
def whole() -> list[Stopped]:
    """All models in float32 until epoch 3, with a stop after 1."""
    return trained(MODELS, IN_32, 1, 3)


def test_at_each_stop_they_are_what_each_alone_comes_to() -> None:
    """Padded to one width, against the network as it is, without any padding."""
    models = [SIDE_BY_SIDE[0], SIDE_BY_SIDE[6]]
    for spec, stopped in zip(models, trained(models, IN_64, 1, 3), strict=True):
        for epochs, got in zip((1, 3), stopped.trainings, strict=True):
            alone = IN_64.model_copy(update={"epochs": epochs})
            alike(got, train(spec, dataset(), SETTINGS, alone))


def test_regression_without_hidden_layers_and_biases() -> None:
    y = np.random.default_rng(0).normal(size=(ROWS, 2))
    data, models = dataset(y), [model(LINEAR)]
    ((_, got),) = train_some(models, data, SETTINGS, IN_64, (2,))
    alike(
        got.trainings[0], train(models[0], data, SETTINGS, IN_64.model_copy(update={"epochs": 2}))
    )


def test_from_a_checkpoint_on_it_is_bit_for_bit_as_if_it_had_not_stopped(
    whole: list[Stopped],
) -> None:
    """In float32, and by way of the bytes that a run directory keeps."""
    kept = [to_bytes(each.checkpoint, Checkpoint) for each in trained(MODELS, IN_32, 1)]
    left = [from_bytes(each, Checkpoint) for each in kept]
    assert {array.dtype.name for each in left for array in each.arrays} == {"float32", "int32"}
    for more, at_once in zip(trained(MODELS, IN_32, 3, checkpoints=left), whole, strict=True):
        same_bits(more, at_once)


def test_company_changes_not_a_bit(whole: list[Stopped]) -> None:
    """Alone, in another order, and where only some go on."""
    places = [6, 0, 2]
    for place, got in zip(places, trained([MODELS[i] for i in places], IN_32, 1, 3), strict=True):
        same_bits(got, whole[place])
    left = trained([MODELS[0]], IN_32, 1)[0].checkpoint
    same_bits(trained([MODELS[0]], IN_32, 3, checkpoints=[left])[0], whole[0])


def test_the_curve_grows_and_falls(whole: list[Stopped]) -> None:
    for stopped in whole:
        first, last = stopped.trainings
        assert (first.loss.shape, last.loss.shape) == ((2, 1), (2, 3))
        np.testing.assert_array_equal(first.loss, last.loss[:, :1])
        np.testing.assert_array_equal(last.loss, stopped.checkpoint.loss)
        assert (last.final_loss < first.final_loss).all()
        assert last.mean < last.loss.mean() < first.loss.mean()


def test_one_program_serves_all_of_a_form(whole: list[Stopped]) -> None:
    plans = [check_training(each, dataset(), SETTINGS, IN_32) for each in MODELS]
    forms = [lanes.form_of(plan, 2) for plan in plans]
    assert [form is None for form in forms] == [each in (model(NORMED), WIDE) for each in MODELS]
    assert len(set(forms)) == 3
    before = lanes.compiled.cache_info().misses
    trained(MODELS, IN_32, 1)
    assert lanes.compiled.cache_info().misses == before


def test_what_takes_much_room_is_trained_by_itself() -> None:
    plan = check_training(SIDE_BY_SIDE[0], dataset(), SETTINGS, IN_32)
    assert lanes.form_of(plan, 2) is not None
    assert lanes.form_of(plan, 10**5) is None


def test_costs_add_up_from_the_first_epoch_on(whole: list[Stopped]) -> None:
    for stopped in whole:
        first, last = (each.cost.cpu_seconds for each in stopped.trainings)
        assert 0 < first < last == stopped.checkpoint.cost.cpu_seconds
    left = [each.checkpoint for each in trained(MODELS[:1], IN_32, 1)]
    (more,) = trained(MODELS[:1], IN_32, 2, checkpoints=left)
    assert more.checkpoint.cost.cpu_seconds > left[0].cost.cpu_seconds


@pytest.mark.parametrize("prior", ["torch", "he_normal", "uniform:-2:1", "normal:0.5", "init"])
def test_they_start_from_the_same_draws(prior: str) -> None:
    chain = build_chain(mlp(3, 5).blocks, (WIDTH,))
    settings = SETTINGS.model_copy(update={"prior": prior})
    want = jax.tree.leaves(draw_states(chain, settings, 2).parameters)
    for got, leaf in zip(draw_dense_layers(chain, settings, 2), want, strict=True):
        np.testing.assert_allclose(got, leaf, rtol=1e-6)


def test_progress_comes_to_its_total() -> None:
    told: list[tuple[int, int]] = []
    left = trained(MODELS, IN_32, 1)
    checkpoints = [None, *(each.checkpoint for each in left[1:])]
    trained(MODELS, IN_32, 3, checkpoints=checkpoints, progress=lambda *event: told.append(event))
    total = (ROWS // 16) * (2 * len(MODELS) + 1)
    assert told == sorted(told)
    assert told[-1] == (total, total)


def test_what_cannot_be_is_refused_before_anything_is_trained() -> None:
    (left,) = (each.checkpoint for each in trained(MODELS[:1], IN_32, 2))
    for stops in ((), (2, 3), (4, 4)):
        with pytest.raises(ValueError, match="do not ascend from epoch 2 on"):
            train_some(MODELS[:1], dataset(), SETTINGS, IN_32, stops, [left])
    for other in (MODELS[1], model(NORMED)):
        with pytest.raises(ValueError, match="of another model"):
            list(train_some([other], dataset(), SETTINGS, IN_32, (3,), [left]))
    unlabelled = dataset()
    unlabelled = type(unlabelled)("test", gaussian_inputs(ROWS, WIDTH), None, False, "test", "")
    with pytest.raises(DataError):
        train_some(MODELS[:1], unlabelled, SETTINGS, IN_32, (1,))
