"""A block with those before it that have no parameters, as a module."""

from __future__ import annotations

import jax
from flax import nnx

from sed2.blocks.structure import Linearisable, Structure


class JoinedModule(nnx.Module):
    """The module of a `Joined` block (`sed2.chain`)."""

    def __init__(self, before: nnx.Module, inner: nnx.Module) -> None:
        self.before, self.inner = before, inner

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.inner(self.before(x))

    def linearise(self, x: jax.Array) -> tuple[jax.Array, Structure]:
        assert isinstance(self.inner, Linearisable)  # else the block would have no layout
        return self.inner.linearise(self.before(x))
