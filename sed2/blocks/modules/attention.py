"""Attention, transformer and mixer as modules."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from sed2.blocks.activations import Activation
from sed2.blocks.modules.activations import ACTIVATIONS


class SelfAttention(nnx.Module):
    """The module of an `Attention` block."""

    def __init__(self, block: Any, features: int, rngs: nnx.Rngs) -> None:
        self.causal = block.causal
        self.attention = nnx.MultiHeadAttention(
            block.heads,
            features,
            use_bias=block.bias,
            param_dtype=float,
            decode=False,
            attention_fn=_attend,
            rngs=rngs,
        )

    def __call__(self, x: jax.Array) -> jax.Array:
        mask = nnx.make_causal_mask(x[..., 0], dtype=bool) if self.causal else None
        return self.attention(x, mask=mask)


def _attend(
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    mask: jax.Array | None = None,
    **options: Any,  # of dropout, which is off, and of precision
) -> jax.Array:
    """Scaled dot-product attention of (N, length, heads, features of a head).

    JAX's own takes its softmax in float32, whatever the inputs are."""
    weights = jnp.einsum("nqhd,nkhd->nhqk", query, key) / jnp.sqrt(query.shape[-1])
    if mask is not None:
        weights = jnp.where(mask, weights, -jnp.inf)
    return jnp.einsum("nhqk,nkhd->nqhd", jax.nn.softmax(weights), value)


class Perceptron(nnx.Module):
    """Two affine maps of the last axis with an activation between."""

    def __init__(
        self, features: int, hidden: int, activation: Activation, bias: bool, rngs: nnx.Rngs
    ) -> None:
        options: dict[str, Any] = {"use_bias": bias, "param_dtype": float, "rngs": rngs}
        self.up = nnx.Linear(features, hidden, **options)
        self.down = nnx.Linear(hidden, features, **options)
        self.activation = activation

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.down(ACTIVATIONS[self.activation](self.up(x)))


class TransformerModule(nnx.Module):
    """The module of a `Transformer` block."""

    def __init__(self, block: Any, features: int, hidden: int, rngs: nnx.Rngs) -> None:
        self.norm1, self.norm2 = _layer_norm(features, rngs), _layer_norm(features, rngs)
        self.attention = SelfAttention(block, features, rngs)
        self.perceptron = Perceptron(features, hidden, block.activation, block.bias, rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = x + self.attention(self.norm1(x))
        return x + self.perceptron(self.norm2(x))


class MixerModule(nnx.Module):
    """The module of a `Mixer` block."""

    def __init__(self, block: Any, length: int, features: int, rngs: nnx.Rngs) -> None:
        self.norm1, self.norm2 = _layer_norm(features, rngs), _layer_norm(features, rngs)
        activation = block.activation
        self.over_tokens = Perceptron(length, block.tokens_features, activation, True, rngs)
        self.over_features = Perceptron(features, block.channels_features, activation, True, rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        mixed = self.over_tokens(jnp.swapaxes(self.norm1(x), 1, 2))
        x = x + jnp.swapaxes(mixed, 1, 2)
        return x + self.over_features(self.norm2(x))


def _layer_norm(features: int, rngs: nnx.Rngs) -> nnx.LayerNorm:
    return nnx.LayerNorm(features, use_fast_variance=False, param_dtype=float, rngs=rngs)
