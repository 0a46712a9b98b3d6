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
from sed2.common.randomness import block_keys, uniforms
from sed2.data.load import Dataset
from sed2.fisher.plan import forward_cost
from sed2.options import TrainingSettings
from sed2.spec.module import from_network
from sed2.training import plan
from sed2.training.batches import epoch_batches, training_rows
from sed2.training.network import draw_states
from sed2.training.recipe import train
from sed2.training.result import SQUARED_ERROR
from tests import networks
from tests.cases import gaussian_inputs
from tests.training.cases import (
    LINEAR,
    NET,
    NORMED,
    ROWS,
    SETTINGS,
    WIDTH,
    dataset,
    in_float64,
    model,
)

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

    @jax.jit
    @jax.value_and_grad
    def loss(parameters: dict[str, jax.Array], x: jax.Array, y: jax.Array) -> jax.Array:
        return -jax.nn.log_softmax(forward(parameters, x))[jnp.arange(len(y)), y].mean()

    losses = []
    for rows in batches:
        value, gradient = loss(parameters, data.x[rows], data.y[rows])
        updates, moments = optimiser.update(gradient, moments, parameters)
        parameters = optax.apply_updates(parameters, updates)
        losses.append(float(value))
    return losses, parameters


def cross_entropy(outputs: np.ndarray, y: np.ndarray) -> float:
    logs = outputs - np.log(np.exp(outputs).sum(axis=1, keepdims=True))
    return -float(logs[np.arange(len(y)), y].mean())


@pytest.mark.parametrize(
    ("spec", "forward", "batch", "steps"),
    [(NET, plain_net, ROWS, 1), (NET, plain_net, 16, 3), (NORMED, plain_normed_net, 16, 3)],
)
def test_the_losses_are_those_of_a_plain_optax_loop_step_for_step(
    spec: Any, forward: Forward, batch: int, steps: int
) -> None:
    """With one batch an epoch, the loss of an epoch is that of a step."""
    epochs, seeds, data = 5, 2, dataset()
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
    data, training = dataset(), in_float64(epochs=2, batch_size=16, train_seeds=2)
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


def test_linear_regression_comes_to_least_squares() -> None:
    rng = np.random.default_rng(0)
    y = gaussian_inputs(ROWS, WIDTH) @ rng.normal(size=(WIDTH, 2)) + rng.normal(size=(ROWS, 2))
    data = dataset(y)
    given = {"epochs": 3000, "batch_size": ROWS, "learning_rate": 0.03, "train_seeds": 2}
    training = TrainingSettings.model_validate(given)
    got = train(model(LINEAR), data, SETTINGS, training)
    design = np.hstack([data.x, np.ones((ROWS, 1))])
    residual = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    np.testing.assert_allclose(got.final_loss, (residual**2).mean(), rtol=1e-4)
    assert got.settings.precision == "float32"
    assert got.objective == SQUARED_ERROR
    assert got.accuracy is None


def test_a_model_trains_the_same_alone_and_in_company() -> None:
    data, training = dataset(), in_float64(epochs=2, batch_size=16, train_seeds=2)
    alone = train(model(NET), data, SETTINGS, training)
    train(model(NORMED), data, SETTINGS, training)
    again = train(model({**NET, "name": "other"}), data, SETTINGS, training)
    np.testing.assert_array_equal(alone.loss, again.loss)
    np.testing.assert_array_equal(alone.final_loss, again.final_loss)


def test_pieces_change_no_number_and_each_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    data, training = dataset(), in_float64(epochs=2, batch_size=16, train_seeds=2)
    whole = train(model(NET), data, SETTINGS, training)
    told: list[tuple[int, int]] = []
    forward = sum(forward_cost(b, 16)[1] for b in build_chain(model(NET).blocks, (WIDTH,)).blocks)
    monkeypatch.setattr(plan, "_CALL_WORK", 2 * plan._BACKWARD * 2 * forward)
    got = train(model(NET), data, SETTINGS, training, lambda *event: told.append(event))
    assert told == [(2, 6), (3, 6), (5, 6), (6, 6)]  # 2 of the 3 steps of an epoch at a time
    np.testing.assert_allclose(got.loss, whole.loss, rtol=1e-12)
    np.testing.assert_allclose(got.final_loss, whole.final_loss, rtol=1e-12)


def test_seeds_differ_and_each_is_its_own() -> None:
    data, training = dataset(), in_float64(epochs=2, batch_size=16, train_seeds=2)
    two = train(model(NET), data, SETTINGS, training)
    assert len(np.unique(two.loss)) == two.loss.size
    one = train(model(NET), data, SETTINGS, training.model_copy(update={"train_seeds": 1}))
    np.testing.assert_allclose(one.loss, two.loss[:1], rtol=1e-12)
    other = train(model(NET), data, SETTINGS.model_copy(update={"seed": 8}), training)
    assert (other.loss != two.loss).all()


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
    networks.Own,
    networks.linen_network,
    networks.pair,
    networks.Dropping,
    networks.Counting,
    networks.Stacked,
    networks.narrow,
    networks.used_twice,
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


IMAGES = {
    "blocks": [
        {"conv": {"features": 4, "kernel_size": 3, "norm": "batch", "activation": "relu"}},
        {"pool": {"kind": "global"}},
        {"dense": {"features": 2}},
    ]
}
DEEP = {
    "blocks": [
        {"flatten": {}},
        {"dense": {"features": 6, "activation": "relu"}},
        {"dropout": {}},
        {"residual": {"blocks": [{"dense": {"features": 6, "norm": "layer"}}]}},
        {"dense": {"features": 2}},
    ]
}


def images() -> Dataset:
    """Light ones and dark ones."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, size=60)
    x = rng.normal(size=(60, 6, 6, 1)) + 2.0 * y[:, None, None, None]
    return Dataset("test", x, y, False, "test", "")


@pytest.mark.parametrize("spec", [IMAGES, DEEP])
def test_networks_of_other_blocks_train(spec: Any) -> None:
    training = in_float64(epochs=30, batch_size=16, learning_rate=0.01, train_seeds=2)
    got = train(model(spec), images(), SETTINGS, training)
    assert (got.final_loss < got.loss[:, 0]).all()
    assert got.mean_accuracy > 0.8


def test_seeds_at_once_and_one_by_one_come_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a CPU images are trained one by one, by matrix products; elsewhere at once, by XLA's own
    convolution."""
    training = in_float64(epochs=3, batch_size=16, learning_rate=0.01, train_seeds=2)
    one_by_one = train(model(IMAGES), images(), SETTINGS, training)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    at_once = train(model(IMAGES), images(), SETTINGS, training)
    np.testing.assert_allclose(at_once.loss, one_by_one.loss, rtol=1e-8)
    np.testing.assert_allclose(at_once.final_loss, one_by_one.final_loss, rtol=1e-8)


def test_a_training_that_diverges_is_no_error_and_no_number() -> None:
    training = TrainingSettings(epochs=3, batch_size=ROWS, learning_rate=1e30, train_seeds=2)
    got = train(model(LINEAR), dataset(np.ones((ROWS, 2))), SETTINGS, training)
    assert got.diverged.all()
    assert math.isnan(got.mean)
    assert "diverged with 2 of 2 seeds" in got.warnings[0]


def test_a_network_that_diverged_has_no_accuracy() -> None:
    """The first of outputs that are NaN counts as the largest, and is right of the first class."""
    training = TrainingSettings(epochs=3, batch_size=16, learning_rate=3e38, train_seeds=2)
    got = train(model(NET), dataset(), SETTINGS, training)
    assert got.accuracy is not None
    assert not np.isfinite(got.final_loss).any()
    assert np.isnan(got.accuracy).all()
