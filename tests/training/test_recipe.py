"""Training against plain Optax loops, closed forms, and every kind of network."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from sed2.chain import build_chain
from sed2.data.load import Dataset
from sed2.errors import DataError, ResourceError, SpecError
from sed2.randomness import block_keys, uniforms
from sed2.settings import Settings
from sed2.spec.module import from_network
from sed2.spec.schema import ModelSpec, load_spec
from sed2.training import Training, TrainingSettings, check_training, recipe, train
from sed2.training.batches import epoch_batches, training_rows
from sed2.training.network import draw_states
from sed2.training.result import CROSS_ENTROPY, SQUARED_ERROR
from tests import networks
from tests.cases import gaussian_inputs

ROWS, WIDTH, CLASSES = 50, 4, 3
SETTINGS = Settings(dataset="test", seed=7)
NET = {
    "blocks": [
        {"dense": {"features": 5, "activation": "tanh"}},
        {"dense": {"features": CLASSES}},
    ]
}
NORMED = {
    "blocks": [
        {"dense": {"features": 5, "norm": "batch", "activation": "tanh"}},
        {"dense": {"features": CLASSES}},
    ]
}


def dataset(y: Any = "classes", rows: int = ROWS) -> Dataset:
    x = gaussian_inputs(rows, WIDTH)
    if isinstance(y, str):
        y = np.digitize(x[:, 0], np.quantile(x[:, 0], [0.3, 0.7]))
    return Dataset("test", x, y, False, "test", "")


def model(spec: Any) -> ModelSpec:
    return load_spec(spec).models[0]


def in_float64(**given: Any) -> TrainingSettings:
    return TrainingSettings.model_validate({"precision": "float64", **given})


Forward = Callable[[dict[str, jax.Array], jax.Array], jax.Array]


def affine(p: dict[str, jax.Array], i: int, x: jax.Array) -> jax.Array:
    return x @ p[f"w{i}"] + p[f"b{i}"]


def plain_net(p: dict[str, jax.Array], x: jax.Array) -> jax.Array:
    return affine(p, 1, jnp.tanh(affine(p, 0, x)))


def standardise(z: jax.Array, mean: jax.Array, variance: jax.Array) -> jax.Array:
    return (z - mean) / jnp.sqrt(variance + 1e-5)


def plain_normed_net(p: dict[str, jax.Array], x: jax.Array) -> jax.Array:
    z = affine(p, 0, x)
    z = standardise(z, z.mean(axis=0), ((z - z.mean(axis=0)) ** 2).mean(axis=0))
    return affine(p, 1, jnp.tanh(p["scale"] * z + p["shift"]))


def first_parameters(spec: Any, seeds: int) -> list[dict[str, jax.Array]]:
    """Of two dense blocks, the first of which may have a batch norm; one dict for each seed."""
    chain = build_chain(model(spec).blocks, (WIDTH,))
    drawn = draw_states(chain, SETTINGS, seeds).parameters
    first, last = (drawn["layers"][i] for i in (0, 1))
    named = {
        "w0": first["linear"]["kernel"],
        "b0": first["linear"]["bias"],
        "w1": last["linear"]["kernel"],
        "b1": last["linear"]["bias"],
    }
    if "norm" in first:
        named |= {"scale": first["norm"]["scale"], "shift": first["norm"]["bias"]}
    return [{name: array[...][s] for name, array in named.items()} for s in range(seeds)]


def plain_loop(
    forward: Forward,
    parameters: dict[str, jax.Array],
    data: Dataset,
    batches: list[np.ndarray],
    learning_rate: float,
) -> tuple[list[float], dict[str, jax.Array]]:
    """The losses before each step, and the parameters after the last."""
    assert data.y is not None
    optimiser = optax.adam(learning_rate)
    moments = optimiser.init(parameters)

    def loss(parameters: dict[str, jax.Array], x: jax.Array, y: jax.Array) -> jax.Array:
        return -jax.nn.log_softmax(forward(parameters, x))[jnp.arange(len(y)), y].mean()

    losses = []
    for rows in batches:
        value, gradient = jax.value_and_grad(loss)(parameters, data.x[rows], data.y[rows])
        updates, moments = optimiser.update(gradient, moments, parameters)
        parameters = optax.apply_updates(parameters, updates)
        losses.append(float(value))
    return losses, parameters


def cross_entropy(outputs: np.ndarray, y: np.ndarray) -> float:
    logs = outputs - np.log(np.exp(outputs).sum(axis=1, keepdims=True))
    return -float(logs[np.arange(len(y)), y].mean())


@pytest.mark.parametrize(("spec", "forward"), [(NET, plain_net), (NORMED, plain_normed_net)])
@pytest.mark.parametrize(("batch", "steps"), [(ROWS, 1), (16, 3)])
def test_the_losses_are_those_of_a_plain_optax_loop_step_for_step(
    spec: Any, forward: Forward, batch: int, steps: int
) -> None:
    """With one batch an epoch, the loss of an epoch is that of a step."""
    epochs, seeds, data = 6, 2, dataset()
    training = in_float64(epochs=epochs, batch_size=batch, learning_rate=0.03, train_seeds=seeds)
    got = train(model(spec), data, SETTINGS, training)
    places = training_rows(ROWS, ROWS, SETTINGS.seed)
    for s, start in enumerate(first_parameters(spec, seeds)):
        batches = [
            places[rows]
            for epoch in range(epochs)
            for rows in epoch_batches(ROWS, batch, SETTINGS.seed, seeds, epoch)[s]
        ]
        losses, _ = plain_loop(forward, start, data, batches, 0.03)
        want = np.reshape(losses, (epochs, steps)).mean(axis=1)
        np.testing.assert_allclose(got.loss[s], want, rtol=1e-10)
    assert (got.steps, got.samples, got.batch_size) == (epochs * steps, ROWS, batch)


def test_the_final_loss_is_of_all_rows_after_the_last_step() -> None:
    data, training = dataset(), in_float64(epochs=2, batch_size=16, train_seeds=1)
    got = train(model(NET), data, SETTINGS, training)
    batches = [
        training_rows(ROWS, ROWS, SETTINGS.seed)[rows]
        for epoch in range(2)
        for rows in epoch_batches(ROWS, 16, SETTINGS.seed, 1, epoch)[0]
    ]
    (start,) = first_parameters(NET, 1)
    _, parameters = plain_loop(plain_net, start, data, batches, 1e-3)
    outputs = np.asarray(plain_net(parameters, data.x))
    assert data.y is not None
    assert got.final_loss[0] == pytest.approx(cross_entropy(outputs, data.y), rel=1e-10)
    assert got.accuracy is not None
    assert got.accuracy[0] == (outputs.argmax(axis=1) == data.y).mean()


def test_batch_norm_ends_with_the_mean_statistics_of_one_more_epoch() -> None:
    data, training = dataset(), in_float64(epochs=1, batch_size=16, train_seeds=1)
    got = train(model(NORMED), data, SETTINGS, training)
    places = training_rows(ROWS, ROWS, SETTINGS.seed)
    (start,) = first_parameters(NORMED, 1)
    batches, after = (
        [places[rows] for rows in epoch_batches(ROWS, 16, SETTINGS.seed, 1, epoch)[0]]
        for epoch in (0, 1)
    )
    _, p = plain_loop(plain_normed_net, start, data, batches, 1e-3)
    each = [affine(p, 0, data.x[rows]) for rows in after]
    mean = jnp.mean(jnp.stack([z.mean(axis=0) for z in each]), axis=0)
    variance = jnp.mean(jnp.stack([z.var(axis=0) for z in each]), axis=0)
    z = standardise(affine(p, 0, data.x), mean, variance)
    outputs = np.asarray(affine(p, 1, jnp.tanh(p["scale"] * z + p["shift"])))
    assert data.y is not None
    assert got.final_loss[0] == pytest.approx(cross_entropy(outputs, data.y), rel=1e-10)


@pytest.mark.parametrize(("precision", "rtol"), [("float32", 1e-4), ("float64", 1e-6)])
def test_linear_regression_comes_to_least_squares(precision: str, rtol: float) -> None:
    rng = np.random.default_rng(0)
    y = gaussian_inputs(ROWS, WIDTH) @ rng.normal(size=(WIDTH, 2)) + rng.normal(size=(ROWS, 2))
    data = dataset(y)
    given = {"epochs": 3000, "batch_size": ROWS, "learning_rate": 0.03, "train_seeds": 2}
    training = TrainingSettings.model_validate({"precision": precision, **given})
    got = train(model({"blocks": [{"dense": {"features": 2}}]}), data, SETTINGS, training)
    design = np.hstack([data.x, np.ones((ROWS, 1))])
    residual = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    np.testing.assert_allclose(got.final_loss, (residual**2).mean(), rtol=rtol)
    assert TrainingSettings().precision == "float32"
    assert got.objective == SQUARED_ERROR
    assert got.accuracy is None


def test_a_model_trains_the_same_alone_and_in_company_and_in_any_pieces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data, training = dataset(), TrainingSettings(epochs=3, batch_size=7)
    alone = train(model(NET), data, SETTINGS, training)
    train(model(NORMED), data, SETTINGS, training)
    monkeypatch.setattr(recipe, "_CALL_WORK", 3 * recipe._BACKWARD * 3 * 2 * 7 * 35)
    assert 1 < check_training(model(NET), data, SETTINGS, training).piece < ROWS // 7
    again = train(model({**NET, "name": "other"}), data, SETTINGS, training)
    np.testing.assert_array_equal(alone.loss, again.loss)
    np.testing.assert_array_equal(alone.final_loss, again.final_loss)


def test_seeds_differ_and_each_is_its_own() -> None:
    data, training = dataset(), in_float64(epochs=2, batch_size=16)
    three = train(model(NET), data, SETTINGS, training)
    assert len(np.unique(three.loss)) == three.loss.size
    one = train(model(NET), data, SETTINGS, training.model_copy(update={"train_seeds": 1}))
    np.testing.assert_allclose(one.loss, three.loss[:1], rtol=1e-12)
    other = train(model(NET), data, SETTINGS.model_copy(update={"seed": 8}), training)
    assert (other.loss != three.loss).all()


def test_parameters_are_of_the_measure_and_not_those_of_the_score() -> None:
    chain = build_chain(model(NET).blocks, (WIDTH,))
    block = chain.blocks[0]
    drawn = draw_states(chain, SETTINGS, 40).parameters["layers"][0]["linear"]["kernel"][...]
    assert np.abs(drawn).max() <= 1 / math.sqrt(WIDTH)
    assert np.abs(drawn).max() > 0.99 / math.sqrt(WIDTH)  # 800 numbers
    of_score = uniforms(block_keys(SETTINGS.seed, block.stream, jnp.arange(100)), block.parameters)
    shared = np.intersect1d(np.abs(drawn), np.abs(of_score) / math.sqrt(WIDTH))
    assert len(shared) == 0


FORMS = [
    networks.sequential,
    networks.Own,
    networks.linen_network,
    networks.pair,
    networks.several,
    networks.fixed,
]


@pytest.mark.parametrize("network", FORMS)
def test_every_form_of_a_users_network_trains(network: Any) -> None:
    x = gaussian_inputs(ROWS, WIDTH)
    data = dataset((x[:, 0] > 0).astype(np.int64))
    training = TrainingSettings(epochs=30, batch_size=10, learning_rate=0.01, train_seeds=2)
    got = train(from_network(network), data, SETTINGS, training)
    assert (got.final_loss < got.loss[:, 0]).all()
    assert got.mean_accuracy > 0.8


def test_numbers_that_are_no_parameters_are_not_trained() -> None:
    network = from_network(networks.odd, partial=True)
    drawn = draw_states(build_chain(network.blocks, (WIDTH,)), SETTINGS, seeds=2)
    assert [leaf.shape for leaf in jax.tree.leaves(drawn.rest)] == [(2, 3)]
    assert sum(leaf.size for leaf in jax.tree.leaves(drawn.parameters)) == 2 * 10
    y = (gaussian_inputs(ROWS, WIDTH)[:, 0] > 0).astype(np.int64)
    got = train(network, dataset(y), SETTINGS, TrainingSettings(epochs=3))
    assert (got.final_loss < got.loss[:, 0]).all()


@pytest.mark.parametrize(
    "blocks",
    [
        [
            {"conv": {"features": 4, "kernel_size": 3, "norm": "batch", "activation": "relu"}},
            {"pool": {"kind": "global"}},
            {"dense": {"features": 2}},
        ],
        [
            {"flatten": {}},
            {"dense": {"features": 6, "activation": "relu"}},
            {"dropout": {}},
            {"residual": {"blocks": [{"dense": {"features": 6, "norm": "layer"}}]}},
            {"dense": {"features": 2}},
        ],
    ],
)
def test_networks_of_other_blocks_train(blocks: Any) -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, size=60)
    x = rng.normal(size=(60, 6, 6, 1)) + 2.0 * y[:, None, None, None]
    data = Dataset("test", x, y, False, "test", "")
    training = TrainingSettings(epochs=30, batch_size=16, learning_rate=0.01, train_seeds=2)
    got = train(model({"blocks": blocks}), data, SETTINGS, training)
    assert (got.final_loss < got.loss[:, 0]).all()
    assert got.mean_accuracy > 0.8


def test_a_training_that_diverges_is_no_error_and_no_number() -> None:
    linear = model({"blocks": [{"dense": {"features": 1}}]})
    training = TrainingSettings(epochs=3, learning_rate=1e30)
    got = train(linear, dataset(np.ones(ROWS)), SETTINGS, training)
    assert got.diverged.all()
    assert math.isnan(got.mean)
    assert "diverged with 3 of 3 seeds" in got.warnings[0]


def test_progress_goes_up_to_all_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(recipe, "_CALL_WORK", 1.0)  # one step a call
    training = TrainingSettings(epochs=2, batch_size=16)
    train(model(NET), dataset(), SETTINGS, training, lambda *event: told.append(event))
    assert told == [(done, 6) for done in range(1, 7)]


@pytest.mark.parametrize(
    ("given", "n_train", "rows"),
    [({}, None, ROWS), ({}, 20, 20), ({"train_samples": 30}, 20, 30), ({}, 1000, ROWS)],
)
def test_the_size_of_the_training_set(
    given: dict[str, Any], n_train: int | None, rows: int
) -> None:
    settings = SETTINGS.model_copy(update={"n_train": n_train})
    training = TrainingSettings.model_validate(given)
    plan = check_training(model(NET), dataset(), settings, training)
    assert (plan.samples, plan.batch, plan.steps) == (rows, rows, 1)  # less than a batch of 64


def refusal(error: type[Exception], spec: Any, data: Dataset, settings: Settings) -> str:
    with pytest.raises(error) as caught:
        check_training(model(spec), data, settings, TrainingSettings())
    return str(caught.value)


def test_what_cannot_be_trained_is_refused_before_the_work() -> None:
    message = refusal(DataError, NET, dataset(None), SETTINGS)
    assert "`test` has no labels" in message
    assert "`y`" in message
    message = refusal(SpecError, NET, dataset(np.arange(ROWS) % 5), SETTINGS)
    assert "3 outputs" in message
    assert "5 classes" in message
    assert "5 features" in message
    message = refusal(SpecError, NET, dataset(np.ones((ROWS, 2))), SETTINGS)
    assert "2 targets" in message
    small = SETTINGS.model_copy(update={"memory_gb": 1e-6})
    message = refusal(ResourceError, NET, dataset(), small)
    assert "--train-seeds" in message
    assert "--memory-gb" in message


def test_more_outputs_than_classes_are_fine() -> None:
    got = train(model(NET), dataset(np.arange(ROWS) % 2), SETTINGS, TrainingSettings(epochs=1))
    assert got.objective == CROSS_ENTROPY
    assert isinstance(got, Training)
