"""Parameter measures: their ranges and variances, by hand."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from sed2.blocks.contractions import names
from sed2.blocks.dense import Dense
from sed2.blocks.factory import split
from sed2.common.randomness import block_keys, uniforms
from sed2.estimate import estimate
from sed2.priors import draw_module, unknown_fans
from sed2.settings import Settings, parse_prior
from sed2.spec.schema import ModelSpec
from tests import networks
from tests.cases import dataset, gaussian_inputs

SPEC = Dense(features=200)
FAN_IN, FAN_OUT = 100, 200


def draw(prior: str) -> tuple[np.ndarray, np.ndarray]:
    key = block_keys(0, 1, np.arange(1))
    uniform = uniforms(key, SPEC.parameter_count((FAN_IN,)))[0]
    module = draw_module(SPEC, (FAN_IN,), parse_prior(prior), key[0], uniform)
    state = nnx.to_pure_dict(nnx.state(module))
    return np.asarray(state["linear"]["kernel"]), np.asarray(state["linear"]["bias"])


@pytest.mark.parametrize(
    ("prior", "low", "high"),
    [
        ("torch", -0.1, 0.1),
        ("uniform:0:1", 0, 1),
        ("uniform:-2:5", -2, 5),
        ("he_uniform", -np.sqrt(6 / FAN_IN), np.sqrt(6 / FAN_IN)),
        ("glorot_uniform", -np.sqrt(6 / (FAN_IN + FAN_OUT)), np.sqrt(6 / (FAN_IN + FAN_OUT))),
        ("lecun_uniform", -np.sqrt(3 / FAN_IN), np.sqrt(3 / FAN_IN)),
    ],
)
def test_uniform_measures_fill_their_range(prior: str, low: float, high: float) -> None:
    """Of 20,000 numbers the largest misses the end by more than 0.1% with probability e^-20."""
    kernel, _ = draw(prior)
    assert low < kernel.min() < low + 1e-3 * (high - low)
    assert high - 1e-3 * (high - low) < kernel.max() < high


@pytest.mark.parametrize(
    ("prior", "variance"),
    [
        ("normal:3", 9),
        ("he_normal", 2 / FAN_IN),
        ("glorot_normal", 2 / (FAN_IN + FAN_OUT)),
        ("lecun_normal", 1 / FAN_IN),
        ("init", 1 / FAN_IN),  # nnx.Linear's own is lecun_normal, truncated to the same variance
    ],
)
def test_normal_measures_have_their_variance(prior: str, variance: float) -> None:
    """20,000 numbers: the variance is off by 1% (one standard deviation), the mean by 0.7%."""
    kernel, _ = draw(prior)
    assert kernel.var() == pytest.approx(variance, rel=0.05)
    assert abs(kernel.mean()) < 0.04 * np.sqrt(variance)


@pytest.mark.parametrize("prior", ["he_normal", "he_uniform", "glorot_normal", "lecun_normal"])
def test_named_initialisers_have_no_bias(prior: str) -> None:
    assert (draw(prior)[1] == 0).all()


def test_biases_of_torch_have_the_fan_in_of_their_kernel() -> None:
    bias = draw("torch")[1]
    assert 0.05 < np.abs(bias).max() < 0.1


def test_parameters_are_not_shared_between_kernel_and_bias() -> None:
    kernel, bias = draw("uniform:0:1")
    assert not np.isin(bias, kernel).any()


def test_drawing_may_be_jitted_and_vmapped() -> None:
    keys = block_keys(0, 1, np.arange(3))
    uniform = uniforms(keys, SPEC.parameter_count((FAN_IN,)))
    x = np.ones((2, FAN_IN))

    def output(key: jax.Array, numbers: jax.Array) -> jax.Array:
        return draw_module(SPEC, (FAN_IN,), parse_prior("torch"), key, numbers)(x)

    together = jax.jit(jax.vmap(output))(keys, uniform)
    np.testing.assert_allclose(together[1], output(keys[1], uniform[1]), rtol=1e-12)


@pytest.mark.parametrize("prior", ["init", "torch", "uniform:0:1"])
def test_every_draw_is_in_float64(prior: str) -> None:
    """Flax makes parameters of float32, unless it is told otherwise."""
    (block,) = split(networks.Own, "own")
    uniform = jnp.zeros(block.parameter_count((4,)))
    module = draw_module(block, (4,), parse_prior(prior), jax.random.key(0), uniform)
    dtypes = {leaf.dtype for leaf in jax.tree.leaves(nnx.state(module, nnx.Param))}
    assert dtypes == {jnp.dtype("float64")}


def drawn(network: object, prior: str = "torch") -> dict[str, np.ndarray]:
    """By the end of its path, each parameter of one draw of a network of 8 inputs."""
    (block,) = split(network, "network")
    uniform = uniforms(block_keys(0, 1, np.arange(1)), block.parameter_count((8,)))[0]
    module = draw_module(block, (8,), parse_prior(prior), jax.random.key(0), uniform)
    leaves = jax.tree_util.tree_leaves_with_path(nnx.state(module, nnx.Param))
    return {names(path)[-1]: np.asarray(leaf) for path, leaf in leaves}


def heads(rngs: nnx.Rngs) -> nnx.Module:
    return networks.Multiplied((50, 8, 3), lambda x, w: jnp.einsum("bd,ndh->bnh", x, w))


def torch_layout(rngs: nnx.Rngs) -> nnx.Module:
    return networks.Multiplied((50, 8), lambda x, w: x @ w.T)


@pytest.mark.parametrize("network", [networks.Scanned, networks.Ensemble, heads, torch_layout])
def test_the_stack_of_a_kernel_is_no_fan_in(network: object) -> None:
    """Of at least 384 numbers the largest misses the end by more than 3% with probability 1e-5;
    a fan-in with the stack in it would be at most 1/sqrt(6) of it."""
    found = drawn(network)
    for numbers in found.values():  # 48 biases of the layers: within 20%, with 2e-5
        share = 0.97 if numbers.size >= 384 else 0.8
        assert share < np.abs(numbers).max() * np.sqrt(8) < 1
    variance = drawn(network, "he_normal")["kernel"].var()
    assert variance == pytest.approx(2 / 8, rel=0.3)  # 4 standard deviations of 384 squares


def in_halves(rngs: nnx.Rngs) -> nnx.Module:
    def function(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return x[:, :4] @ kernel[:4] + x[:, 4:] @ kernel[4:]

    return networks.Multiplied((8, 5), function)


def test_an_unknown_fan_in_is_named_and_drawn_as_initialised() -> None:
    (block,) = split(in_halves, "network")
    assert (drawn(in_halves)["kernel"] == 0.5).all()
    assert unknown_fans(block, (8,), parse_prior("torch")) == ("kernel",)
    for prior in ("init", "uniform:0:1", "normal:1"):  # which ask for no fan-in
        assert not unknown_fans(block, (8,), parse_prior(prior))
    model = ModelSpec(name="halves", blocks=(block,))
    settings = Settings.model_validate({"dataset": "test", "samples": 9, "draws": 2, "eps": [0.5]})
    result = estimate(model, dataset(gaussian_inputs(10, 8)), settings)
    (said,) = (warning for warning in result.warnings if "fan-in" in warning)
    assert "`kernel`" in said
    assert "--prior torch" in said
