"""Saliencies by hand: numbers on paper, the chain rule in numpy, and what must not matter."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from sed2.baselines.kernels import input_jacobians
from sed2.baselines.saliency import fisher, grad_norm, losses, snip, synflow
from sed2.blocks.contractions import names
from sed2.blocks.conv import Conv
from sed2.blocks.dense import Dense
from sed2.blocks.elementwise import ActivationBlock
from sed2.blocks.factory import split
from sed2.blocks.flatten import Flatten
from sed2.blocks.freeze import freeze
from sed2.blocks.network import Network
from sed2.blocks.pool import PoolBlock
from sed2.spec.schema import load_spec
from tests import networks
from tests.baselines.networks import W1, W2, X, Y, backpropagate, two_layers


def saliencies(network: nnx.Sequential, x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """All of them, in one compiled program."""

    @jax.jit
    def measure() -> dict[str, jax.Array]:
        of_loss = {f.__name__: f(network, x, y) for f in (snip, grad_norm, fisher)}
        return {**of_loss, "synflow": synflow(network, x)}

    return {name: float(value) for name, value in measure().items()}


def test_on_paper() -> None:
    """See `networks.W1` for the gradients."""
    assert saliencies(two_layers(), X, Y) == pytest.approx(
        {
            "snip": 6 + 6,
            "grad_norm": 2 * np.sqrt(5),
            # a dL/da = (3/2, -3/2), and (-5/2, 5/2) of the logits
            "fisher": (4.5 + 12.5) / 2,
            # (3, 3) of the hidden units, R = 9 + 9; every layer carries it once
            "synflow": 36,
        }
    )


def test_numbers_are_lost_by_their_squared_error() -> None:
    """L = mean over inputs and outputs of (f - y)^2, whose gradient is worked out in numpy."""
    rng = np.random.default_rng(1)
    x, w, y = rng.normal(size=(6, 3)), rng.normal(size=(3, 2)), rng.normal(size=(6, 2))
    network = split(nnx.Linear(3, 2, use_bias=False, rngs=nnx.Rngs(0)), "one")[0].build(
        (3,), nnx.Rngs(0)
    )
    graph, parameters = nnx.split(network, nnx.Param)
    network = nnx.merge(graph, jax.tree.map(lambda leaf: jnp.asarray(w), parameters))
    by_output = 2 * (x @ w - y) / 2  # of the loss of an input, a mean over two outputs
    gradient = x.T @ by_output / 6
    got = saliencies(nnx.Sequential(network), x, y)
    assert got["snip"] == pytest.approx(abs(w * gradient).sum(), rel=1e-5)
    assert got["grad_norm"] == pytest.approx(np.linalg.norm(gradient), rel=1e-5)
    of_units = (((x @ w) * by_output) ** 2).mean(axis=0)
    assert got["fisher"] == pytest.approx(of_units.sum() / 2, rel=1e-5)


def test_biases_carry_the_flow_but_are_no_weights() -> None:
    """Hidden units (4, 4), R = 24, of which 18 come through W1 and 24 through W2."""
    assert synflow(two_layers(bias=np.array([1.0, -1.0])), X) == pytest.approx(18 + 24)


@pytest.mark.parametrize("seed", range(3))
def test_chain_rule(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(3, 5)), rng.normal(size=(5, 4))
    x, y = rng.normal(size=(7, 3)), rng.integers(4, size=7)
    want = backpropagate(x, y, first, second)
    assert saliencies(two_layers(first, second), x, y) == pytest.approx(want, rel=1e-12)


def test_synflow_sees_no_data_no_signs_and_no_batch_norm() -> None:
    want = synflow(two_layers(), X)
    x = np.random.default_rng(0).normal(size=(6, 2))
    assert synflow(two_layers(-W1, W2), 100 * x) == pytest.approx(want)
    normed = two_layers(norm="batch")
    freeze(normed, jnp.asarray(x))
    assert normed.layers[0].norm.var[...] != pytest.approx(np.ones(2))
    assert synflow(normed, x) == pytest.approx(want)


def test_rescaling_changes_gradients_but_not_the_saliency_of_weights() -> None:
    """relu(x W1 c) W2 / c is the same function, and theta dL/dtheta the same numbers."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(7, 2)), rng.integers(2, size=7)
    one, other = (saliencies(net, x, y) for net in (two_layers(), two_layers(3 * W1, W2 / 3)))
    norms = one.pop("grad_norm"), other.pop("grad_norm")
    assert other == pytest.approx(one, rel=1e-12)
    assert norms[1] != pytest.approx(norms[0], rel=0.01)


@pytest.mark.parametrize("pool", ["max", "avg"])
def test_fisher_of_a_block_is_that_of_its_layer(pool: str) -> None:
    """a dL/da summed over positions is the same before and after ReLU and pooling: split into
    three, a block counts three times."""
    shape, rng = (4, 4, 2), np.random.default_rng(2)
    x, y = rng.normal(size=(5, *shape)), rng.integers(3, size=5)
    together = Conv(features=3, kernel_size=3, activation="relu", pool={"kind": pool, "size": 2})
    apart = [
        Conv(features=3, kernel_size=3),
        ActivationBlock(kind="relu"),
        PoolBlock(kind=pool, size=2),
    ]
    head = [Flatten(), Dense(features=3)]

    def measure(blocks: list) -> tuple[float, nnx.Sequential]:
        modules, of = [], shape
        for block in blocks:
            modules.append(block.build(of, nnx.Rngs(0)))
            of = block.output_shape(of)
        last = nnx.Sequential(*modules[-2:])
        network = nnx.Sequential(*modules[:-2], last)
        return float(jax.jit(lambda: fisher(network, x, y))()), network

    one, network = measure([together, *head])
    three, _ = measure([*apart, *head])
    hidden = jnp.asarray(network.layers[0](x))
    of_logits = float(jax.jit(lambda: fisher(nnx.Sequential(network.layers[1]), hidden, y))())
    assert three - of_logits == pytest.approx(3 * (one - of_logits), rel=1e-10)
    assert one > 1.01 * of_logits


TOKENS = {
    "name": "tokens",
    "blocks": [
        {"conv": {"features": 6, "kernel_size": 2, "strides": 2, "bias": True}},
        {"tokens": {"class_token": True, "positions": "learned"}},
        {"transformer": {"heads": 2}},
        "flatten",
        {"dense": {"features": 3}},
    ],
}
WORDS = {
    "name": "words",
    "blocks": [
        {"embedding": {"vocabulary": 9, "features": 4, "positions": "learned"}},
        {"attention": {"heads": 2}},
        "flatten",
        {"dense": {"features": 3}},
    ],
}


@pytest.mark.parametrize(("spec", "shape"), [(TOKENS, (4, 4, 2)), (WORDS, (5,))])
def test_weights_are_kernels_whatever_the_shape_of_the_others(spec: dict, shape: tuple) -> None:
    """Biases (heads, head size), embeddings, positions and class tokens are none."""
    network = Network(load_spec(spec).models[0].blocks).build(shape, nnx.Rngs(0))
    network.eval()
    x = np.random.default_rng(0).integers(9, size=(6, *shape)).astype(float)
    y = np.arange(6) % 3
    graphdef, parameters = nnx.split(network)

    def loss(parameters: nnx.State) -> jax.Array:
        return losses(nnx.merge(graphdef, parameters)(x), y).mean()

    gradient = jax.tree_util.tree_leaves_with_path(jax.jit(jax.grad(loss))(parameters))
    pairs = zip(gradient, jax.tree.leaves(parameters), strict=True)
    kernels = [(g, w) for (path, g), w in pairs if names(path)[-1] == "kernel"]
    assert len(kernels) == (8 if spec is TOKENS else 5)
    got = saliencies(network, x, y)
    assert got["snip"] == pytest.approx(sum(float(abs(g * w).sum()) for g, w in kernels))
    norms = (float(jnp.linalg.norm(g.ravel())) for g, _ in kernels)
    assert got["grad_norm"] == pytest.approx(sum(norms))


def test_layers_in_a_scan_are_those_of_a_list() -> None:
    """The same numbers in one stacked kernel, which counts as one array in `grad_norm` alone."""
    networks_of = [
        split(network, "network")[0].build((8,), nnx.Rngs(0))
        for network in (networks.Scanned, networks.Unrolled)
    ]
    scanned, unrolled = (network.elements[0] for network in networks_of)
    for i, layer in enumerate(unrolled.layers):
        layer.linear.kernel[...] = scanned.layers.linear.kernel[i]
        layer.linear.bias[...] = scanned.layers.linear.bias[i]
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(6, 8)), rng.integers(8, size=6)
    one, other = (saliencies(nnx.Sequential(network), x, y) for network in networks_of)
    del one["grad_norm"], other["grad_norm"]
    assert one == pytest.approx(other, rel=1e-6)  # parameters of float32
    jacobians = [input_jacobians(nnx.Sequential(network), x) for network in networks_of]
    np.testing.assert_allclose(*jacobians, rtol=1e-6, atol=1e-12)
