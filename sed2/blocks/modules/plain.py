"""Small modules: an activation, flattening, pooling, a sum, and a block with those before it."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import nnx

from sed2.blocks.base import Shape
from sed2.blocks.modules.activations import ACTIVATIONS
from sed2.blocks.names import Activation
from sed2.blocks.structure import Linearisable, Structure


class ElementwiseModule(nnx.Module):
    """An activation."""

    def __init__(self, activation: Activation) -> None:
        self.activation = activation

    def __call__(self, x: jax.Array) -> jax.Array:
        return ACTIVATIONS[self.activation](x)


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


class PoolModule(nnx.Module):
    """The module of a `PoolBlock`."""

    def __init__(self, block: Callable[[jax.Array], jax.Array]) -> None:
        self.block = block

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.block(x)


class ResidualModule(nnx.Module):
    """The module of a `Residual` block."""

    def __init__(self, branch: nnx.Module, shortcut: nnx.Module, activation: Activation) -> None:
        self.branch, self.shortcut, self.activation = branch, shortcut, activation

    def __call__(self, x: jax.Array) -> jax.Array:
        return ACTIVATIONS[self.activation](self.branch(x) + self.shortcut(x))


class JoinedModule(nnx.Module):
    """The module of a `Joined` block (`sed2.chain`)."""

    def __init__(self, before: nnx.Module, inner: nnx.Module) -> None:
        self.before, self.inner = before, inner

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.inner(self.before(x))

    def linearise(self, x: jax.Array) -> tuple[jax.Array, Structure]:
        assert isinstance(self.inner, Linearisable)  # else the block would have no layout
        return self.inner.linearise(self.before(x))
