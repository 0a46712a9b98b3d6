"""Counts of the architecture against numbers worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from flax import nnx

from sed2.baselines.counts import depth, flops, narrowest_width, parameters
from sed2.blocks.base import Shape
from sed2.blocks.factory import split
from sed2.chain import Chain, build_chain
from sed2.spec.schema import load_spec


def chain_of(spec: str | list[dict[str, Any]], shape: Shape) -> Chain:
    model = spec if isinstance(spec, str) else {"name": "test", "blocks": spec}
    return build_chain(load_spec(model).models[0].blocks, shape)


@pytest.mark.parametrize(
    ("notation", "d", "blocks", "width"),
    [
        ("MLP 54-16-7", 976, 2, 16),
        ("MLP 54-13-11-9-7", 1007, 4, 9),
        ("MLP 54-10-2-10-25-7", 1005, 5, 2),
    ],
)
def test_bias_free_mlp(notation: str, d: int, blocks: int, width: int) -> None:
    chain = chain_of(notation, (54,))
    assert parameters(chain).value == d
    assert flops(chain).value == 2 * d  # every weight is used once
    assert depth(chain).value == blocks
    assert narrowest_width(chain).value == width


FLOPS: dict[str, tuple[Any, Shape, int]] = {
    "the paper's CNN": (
        "CNN 7-5|10-50-34-10",
        (28, 28, 1),
        # 28 x 28 positions, then 14 x 14, a shared kernel of 7 x 7 on 10 channels, dense layers
        784 * 49 * 1 * 10 + 196 * 25 * 10 * 10 + 49 * 10 + 10 * 50 + 50 * 34 + 34 * 10,
    ),
    "strides, VALID, many channels": (
        [{"conv": {"features": 5, "kernel_size": [3, 2], "strides": 2, "padding": "VALID"}}],
        (9, 8, 20),
        4 * 4 * (3 * 2 * 20) * 5,
    ),
    "groups": (
        [{"conv": {"features": 8, "kernel_size": 3, "groups": 2, "norm": "group"}}],
        (6, 6, 4),
        36 * (9 * 2) * 8,
    ),
    "a residual block with a projection": (
        [
            {
                "residual": {
                    "blocks": [{"dense": {"features": 6, "activation": "relu"}}],
                    "shortcut": "projection",
                }
            }
        ],
        (4,),
        2 * 4 * 6,
    ),
    "a layer of a transformer": (
        [{"transformer": {"heads": 2, "mlp_features": 5}}],
        (3, 4),
        # four projections, scores and their use, the perceptron, of 3 tokens of 4 features
        4 * 3 * 4 * 4 + 2 * 3 * 3 * 4 + 2 * 3 * 4 * 5,
    ),
}


@pytest.mark.parametrize(("spec", "shape", "multiply_adds"), FLOPS.values(), ids=FLOPS)
def test_flops(spec: Any, shape: Shape, multiply_adds: int) -> None:
    assert flops(chain_of(spec, shape)).value == 2 * multiply_adds


class Repeated(nnx.Module):
    """A layer applied in a loop."""

    def __init__(self, loop: Callable[..., Any], rngs: nnx.Rngs) -> None:
        self.kernel = nnx.Param(jnp.eye(4))
        self.loop = loop

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.loop(x, self.kernel[...])


def scanned(x: jax.Array, kernel: jax.Array) -> jax.Array:
    return jax.lax.scan(lambda x, _: (jnp.tanh(x @ kernel), None), x, length=3)[0]


def until(x: jax.Array, kernel: jax.Array) -> jax.Array:
    def one(x: jax.Array) -> jax.Array:
        return jax.lax.while_loop(lambda x: (x**2).sum() > 1, lambda x: x @ kernel / 2, x)

    return jax.vmap(one)(x)


def test_loops() -> None:
    """Those of a known length count as often as they run; of others nothing can be said."""
    fixed, open_ended = (
        build_chain(split(lambda rngs, loop=loop: Repeated(loop, rngs), "loop"), (4,))
        for loop in (scanned, until)
    )
    assert flops(fixed).value == 2 * 3 * 16
    unknown = flops(open_ended)
    assert math.isnan(unknown.value)
    assert "loop" in unknown.reason


def test_width_is_that_of_channels_and_of_hidden_blocks_alone() -> None:
    chain = chain_of(
        [
            {"conv": {"features": 3, "kernel_size": 3, "pool": {"kind": "max"}}},
            "flatten",
            {"dense": {"features": 20}},
            {"activation": {"kind": "relu"}},
            {"dense": {"features": 2}},
        ],
        (8, 8, 1),
    )
    assert depth(chain).value == 3
    assert narrowest_width(chain).value == 3
    none = narrowest_width(chain_of("MLP 5-2", (5,)))
    assert math.isnan(none.value)
    assert "one block" in none.reason
