"""Layers of Flax in users' networks: their structure against the dense Fisher matrix."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from sed2.blocks.base import Shape
from sed2.blocks.factory import split
from sed2.blocks.freeze import freeze
from sed2.blocks.structure import Channels
from sed2.chain import build_chain
from sed2.fisher.plan import make_plan
from sed2.fisher.structured import empirical_roots, expected_roots
from sed2.settings import Settings
from tests import reference

RNGS = nnx.Rngs(0)
SIGMA, SAMPLES, AMPLITUDE = 0.1, 6, 30.0


def linear(**options: Any) -> nnx.Linear:
    return nnx.Linear(4, 3, param_dtype=float, rngs=RNGS, **options)


def conv(**options: Any) -> nnx.Conv:
    return nnx.Conv(2, 4, param_dtype=float, rngs=RNGS, **{"kernel_size": (3, 3), **options})


KNOWN: dict[str, tuple[list[Any], Shape]] = {
    "linear": ([linear()], (4,)),
    "linear, relu": ([linear(use_bias=False), jax.nn.relu], (4,)),
    "two functions": ([linear(), jnp.tanh, nnx.Dropout(0.5), jax.nn.silu], (4,)),
    "tokens": ([linear(), jax.nn.gelu], (5, 4)),
    "linear of tokens": ([linear()], (5, 4)),
    "conv": ([conv()], (5, 4, 2)),
    "conv, gelu": ([conv(strides=2, padding="VALID"), nnx.gelu], (5, 6, 2)),
    "groups": ([conv(feature_group_count=2), nnx.relu], (4, 4, 2)),
    "linear groups": ([conv(feature_group_count=2, use_bias=False)], (4, 4, 2)),
    "sides": ([conv(strides=(2, 1), padding=[(2, 0), (1, 1)]), jnp.sin], (4, 3, 2)),
    "half precision": ([linear(dtype=jnp.float16), jnp.tanh], (4,)),
    "linear, batch norm": (
        [linear(), nnx.BatchNorm(3, param_dtype=float, rngs=RNGS), jax.nn.silu],
        (4,),
    ),
    "batch norm alone": (
        [linear(use_bias=False), nnx.BatchNorm(3, param_dtype=float, rngs=RNGS)],
        (5, 4),
    ),
    "conv, batch norm": (
        [conv(), nnx.BatchNorm(4, param_dtype=float, rngs=RNGS), jnp.tanh],
        (5, 4, 2),
    ),
    "groups, batch norm": (
        [conv(feature_group_count=2), nnx.BatchNorm(4, param_dtype=float, rngs=RNGS)],
        (4, 4, 2),
    ),
    "one number of zeros": ([conv(padding=2, kernel_size=(2, 3)), jnp.sin], (3, 3, 2)),
}
UNKNOWN: dict[str, tuple[list[Any], Shape]] = {
    "a function of the user's": ([linear(), lambda x: x], (4,)),
    "softmax": ([linear(), jax.nn.softmax], (4,)),
    "dilation": ([conv(kernel_dilation=2)], (6, 6, 2)),
    "circular": ([conv(padding="CIRCULAR")], (4, 4, 2)),
    "layer norm": ([linear(), nnx.LayerNorm(3, rngs=RNGS)], (4,)),
    "norm without scale": ([linear(), nnx.BatchNorm(3, use_scale=False, rngs=RNGS)], (4,)),
    "norm of positions": ([linear(), nnx.BatchNorm(5, axis=1, rngs=RNGS)], (5, 4)),
}


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("fisher", ["expected", "empirical"])
def test_the_structure_is_that_of_the_dense_matrix(name: str, fisher: str) -> None:
    elements, shape = KNOWN[name]
    settings = Settings.model_validate({"fisher": fisher, "sigma": SIGMA})
    chain = build_chain(split(elements, name), shape)
    (block,) = chain.blocks
    (way,) = make_plan(chain, 1, SAMPLES, settings).ways
    assert way.name == "units"
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(size=(SAMPLES, *shape)))
    module = freeze(block.block.build(shape, nnx.Rngs(1)), x)
    mean, structure = module.linearise(x)
    np.testing.assert_allclose(mean, module(x), rtol=1e-12)
    shared = isinstance(structure, Channels) and structure.shared
    layout = block.block.layout(shape)
    assert layout is not None
    assert shared == (layout.shared and not layout.common)
    if fisher == "expected":
        roots = expected_roots(structure, jnp.ones(SAMPLES), SIGMA, way, jnp.zeros(0))
        factor = reference.expected_factor(module, np.asarray(x), SIGMA)
    else:
        noise = rng.normal(size=mean.shape)
        roots = empirical_roots(structure, jnp.asarray(noise), jnp.ones(SAMPLES), SIGMA)
        flat = noise.reshape(SAMPLES, -1)
        factor = reference.empirical_factor(module, np.asarray(x), flat, SIGMA)
    got = float((roots.weights * jnp.log1p(AMPLITUDE * roots.values)).sum())
    assert got == pytest.approx(reference.log_determinant(factor, AMPLITUDE), rel=1e-9)


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_not_surely_known_goes_without_structure(name: str) -> None:
    elements, shape = UNKNOWN[name]
    (block,) = split(elements, name)
    assert block.layout(shape) is None


def test_a_users_mlp_is_exact_at_the_cost_of_ours() -> None:
    """784-300-10: without structure it would be Lanczos quadrature."""
    network = [nnx.Linear(784, 300, rngs=RNGS), jax.nn.relu, nnx.Linear(300, 10, rngs=RNGS)]
    chain = build_chain(split(network, "mlp"), (784,))
    made = make_plan(chain, 100, 100, Settings())
    assert [str(way) for way in made.ways] == ["exact, by unit"] * 2
