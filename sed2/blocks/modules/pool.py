"""Pooling as a module."""

from __future__ import annotations

from collections.abc import Callable

import jax
from flax import nnx


class PoolModule(nnx.Module):
    """The module of a `PoolBlock`."""

    def __init__(self, block: Callable[[jax.Array], jax.Array]) -> None:
        self.block = block

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.block(x)
