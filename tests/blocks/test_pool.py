"""Pooling and normalisation by themselves, by loops in numpy."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from sed2.blocks.freeze import freeze
from sed2.blocks.norm import Norm
from sed2.blocks.patches import pads
from sed2.blocks.pool import PoolBlock
from sed2.errors import SpecError
from tests.cases import estimate_spec


@pytest.mark.parametrize("kind", ["max", "avg"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"size": (2, 3), "strides": (1, 2)},
        {"size": 3, "strides": 2, "padding": 1},
        {"size": 3, "strides": 2, "padding": "SAME"},
    ],
)
def test_windows_by_loops(kind: str, options: dict[str, Any]) -> None:
    spec = PoolBlock(kind=kind, **options)
    x = np.random.default_rng(0).normal(size=(2, 7, 6, 3)) - 5  # below the zeros of the padding
    size = spec.size if isinstance(spec.size, tuple) else (spec.size,) * 2
    strides = spec.strides or size
    strides = strides if isinstance(strides, tuple) else (strides,) * 2
    around = [pads(x.shape[1 + i], size[i], strides[i], spec.padding) for i in (0, 1)]
    fill = -np.inf if kind == "max" else 0.0
    padded = np.pad(x, ((0, 0), *around, (0, 0)), constant_values=fill)
    shape = spec.output_shape(x.shape[1:])
    want = np.zeros((2, *shape))
    for i, j in np.ndindex(shape[:2]):
        top, left = i * strides[0], j * strides[1]
        window = padded[:, top : top + size[0], left : left + size[1]]
        want[:, i, j] = window.max(axis=(1, 2)) if kind == "max" else window.mean(axis=(1, 2))
    got = spec.build(x.shape[1:], nnx.Rngs(0))(jnp.asarray(x))
    np.testing.assert_allclose(got, want, rtol=1e-12)


def test_over_all_positions() -> None:
    x = np.random.default_rng(0).normal(size=(2, 5, 3))
    first, mean = (PoolBlock(kind=kind).build((5, 3), nnx.Rngs(0)) for kind in ("first", "global"))
    np.testing.assert_array_equal(first(jnp.asarray(x)), x[:, 0])
    np.testing.assert_allclose(mean(jnp.asarray(x)), x.mean(axis=1), rtol=1e-12)


def test_windows_that_see_nothing_are_refused() -> None:
    with pytest.raises(SpecError, match="more than half a pooling window"):
        PoolBlock(size=2, padding=2).output_shape((8, 8, 1))


@pytest.mark.parametrize(
    ("kind", "axes"), [("batch", (0, 1, 2)), ("layer", (3,)), ("group", (1, 2, 4))]
)
def test_a_norm_by_its_definition(kind: Any, axes: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=(5, 3, 2, 6)) * 3 + 1
    module = freeze(Norm(kind=kind, groups=2).build((3, 2, 6), nnx.Rngs(0)), jnp.asarray(x))
    grouped = x.reshape(5, 3, 2, 2, 3) if kind == "group" else x
    mean, variance = grouped.mean(axes, keepdims=True), grouped.var(axes, keepdims=True)
    epsilon = module.standardise.epsilon
    want = ((grouped - mean) / np.sqrt(variance + epsilon)).reshape(x.shape)
    np.testing.assert_allclose(module(jnp.asarray(x)), want, rtol=1e-10, atol=1e-12)


def test_blocks_without_parameters_join_the_next() -> None:
    spec = {
        "name": "m",
        "blocks": [
            {"pool": {"kind": "avg"}},
            {"activation": {"kind": "tanh"}},
            {"dropout": {"rate": 0.1}},
            "flatten",
            {"dense": {"features": 3}},
            {"activation": {"kind": "relu"}},
        ],
    }
    result = estimate_spec(spec, np.random.default_rng(0).normal(size=(20, 4, 4, 1)), draws=3)
    assert [(block.name, block.parameters) for block in result.blocks] == [("network_1", 15)]
