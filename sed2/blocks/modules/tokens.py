"""Tokens and embeddings as modules."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from sed2.blocks.structure import Channels


class TokensModule(nnx.Module):
    """The module of a `Tokens` block: it is linear, and every feature has its own parameters."""

    def __init__(self, block: Any, length: int, features: int, rngs: nnx.Rngs) -> None:
        self.class_token = _vectors(1 if block.class_token else 0, features, rngs)
        self.positions = _vectors(length if block.positions == "learned" else 0, features, rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = x.reshape(len(x), -1, x.shape[-1])
        if self.class_token is not None:
            first = jnp.broadcast_to(self.class_token[...], (len(x), 1, x.shape[-1]))
            x = jnp.concatenate([first, x], axis=1)
        return x if self.positions is None else x + self.positions[...]

    def linearise(self, x: jax.Array) -> tuple[jax.Array, Channels]:
        mean = self(x)
        samples, length, features = mean.shape
        of_class = [jnp.eye(length)[:, :1]] if self.class_token is not None else []
        of_positions = [jnp.eye(length)] if self.positions is not None else []
        columns = jnp.concatenate([*of_class, *of_positions], axis=1)
        rows = jnp.broadcast_to(columns, (samples, *columns.shape))
        return mean, Channels(features, lambda channel: rows, shared=True)


class EmbeddingModule(nnx.Module):
    """The module of an `Embedding` block: linear, and every feature has its own parameters."""

    def __init__(self, block: Any, length: int, rngs: nnx.Rngs) -> None:
        self.embed = nnx.Embed(block.vocabulary, block.features, param_dtype=float, rngs=rngs)
        self.positions = _vectors(
            length if block.positions == "learned" else 0, block.features, rngs
        )

    def __call__(self, x: jax.Array) -> jax.Array:
        vectors = self.embed(x.astype(int))
        return vectors if self.positions is None else vectors + self.positions[...]

    def linearise(self, x: jax.Array) -> tuple[jax.Array, Channels]:
        samples, length = x.shape
        columns = [jax.nn.one_hot(x.astype(int), self.embed.num_embeddings, dtype=float)]
        if self.positions is not None:
            columns.append(jnp.broadcast_to(jnp.eye(length), (samples, length, length)))
        rows = jnp.concatenate(columns, axis=2)
        return self(x), Channels(self.embed.features, lambda channel: rows, shared=True)


def _vectors(count: int, features: int, rngs: nnx.Rngs) -> nnx.Param | None:
    """Learned vectors, small at first as is the custom; None if there are none."""
    if not count:
        return None
    return nnx.Param(nnx.initializers.normal(0.02)(rngs.params(), (count, features), float))
