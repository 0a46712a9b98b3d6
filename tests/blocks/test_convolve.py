"""Convolutions by matrix products, against XLA's own."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from sed2.blocks.convolve import convolve, use_matrix_products


@pytest.mark.parametrize("channels", [3, 20])
@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": (3, 3)},
        {"kernel_size": (3, 2), "strides": (2, 3), "padding": "VALID"},
        {"kernel_size": (5, 5), "strides": 2, "padding": [(2, 1), (0, 3)]},
        {"kernel_size": (1, 1), "strides": 2},
        {"kernel_size": (3, 3), "kernel_dilation": 2},
        {"kernel_size": (3, 3), "input_dilation": 2, "padding": [(1, 1), (2, 0)]},
        {"kernel_size": (3, 3), "feature_group_count": "all"},
        {"kernel_size": (3, 3), "padding": "CIRCULAR"},
    ],
    ids=str,
)
def test_the_products_are_the_convolution(channels: int, options: dict[str, Any]) -> None:
    if options.get("feature_group_count") == "all":
        options = options | {"feature_group_count": channels}
    conv = nnx.Conv(channels, 2 * channels, rngs=nnx.Rngs(0), param_dtype=float, **options)
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 7, 8, channels)))
    graphdef, state = nnx.split(conv)

    def loss(state: Any, x: jax.Array) -> jax.Array:
        module = nnx.merge(graphdef, state)
        use_matrix_products(module)
        return jnp.sin(module(x)).sum()

    def expected(state: Any, x: jax.Array) -> jax.Array:
        return jnp.sin(nnx.merge(graphdef, state)(x)).sum()

    ours = jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))(state, x)
    theirs = jax.jit(jax.value_and_grad(expected, argnums=(0, 1)))(state, x)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-11), ours, theirs
    )


def test_images_along_one_axis_are_left_to_xla() -> None:
    conv = nnx.Conv(2, 3, kernel_size=(3,), rngs=nnx.Rngs(0), param_dtype=float)
    x = jnp.ones((2, 5, 2))
    before = conv(x)
    use_matrix_products(conv)
    np.testing.assert_allclose(conv(x), before, rtol=1e-12)


def test_a_convolution_of_the_users_own_stays() -> None:
    def own(*arguments: Any, **options: Any) -> jax.Array:
        return 2 * jax.lax.conv_general_dilated(*arguments, **options)

    theirs = nnx.Conv(2, 3, kernel_size=(3, 3), conv_general_dilated=own, rngs=nnx.Rngs(0))
    plain = nnx.Conv(2, 3, kernel_size=(3, 3), rngs=nnx.Rngs(0))
    both = nnx.List([theirs, plain])
    use_matrix_products(both)
    assert theirs.conv_general_dilated is own
    assert plain.conv_general_dilated is convolve
