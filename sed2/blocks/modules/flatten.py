"""Flattening as modules."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import nnx

from sed2.blocks.base import Shape


class Plain(nnx.Module):
    """(N, ...) to (N, all numbers)."""

    def __call__(self, x: jax.Array) -> jax.Array:
        return x.reshape(len(x), -1)


class SharedKernel(nnx.Module):
    """O_c = sum_hw K_hw x_hwc. Its kernel has one unit, so its fan-in is height * width."""

    def __init__(self, input_shape: Shape, rngs: nnx.Rngs) -> None:
        shape = (*input_shape[:2], 1)
        self.kernel = nnx.Param(nnx.initializers.lecun_normal()(rngs.params(), shape, float))

    def __call__(self, x: jax.Array) -> jax.Array:
        return jnp.einsum("hw,nhwc->nc", self.kernel[..., 0], x)
