"""Blocks of tokens (N, length, features): self-attention, the transformer layer, the mixer layer.

Every token sees every other, so none of them has structure by unit."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax import nnx
from pydantic import Field

from sed2.blocks.activations import ACTIVATIONS, Activation
from sed2.blocks.base import BlockOptions, Shape, register
from sed2.blocks.tokens import check_tokens
from sed2.errors import SpecError


class _OfTokens(BlockOptions):
    def output_shape(self, input_shape: Shape) -> Shape:
        check_tokens(input_shape, f"`{self.kind}`")
        return input_shape


class _WithHeads(_OfTokens):
    heads: int = Field(ge=1)
    """Number of attention heads; a divisor of the number of features."""
    bias: bool = True
    """Whether the affine maps have biases."""
    causal: bool = False
    """Whether a token sees only itself and the tokens before it."""

    def output_shape(self, input_shape: Shape) -> Shape:
        shape = super().output_shape(input_shape)
        if shape[1] % self.heads:
            raise SpecError(
                f"{shape[1]} features cannot be split among {self.heads} heads",
                mend="Make `heads` a divisor of the number of features",
            )
        return shape

    def _attention_count(self, features: int) -> int:
        return 4 * features * (features + self.bias)


@register
class Attention(_WithHeads):
    """Multi-head self-attention, with its output projection."""

    kind: ClassVar[str] = "attention"

    def parameter_count(self, input_shape: Shape) -> int:
        return self._attention_count(input_shape[1])

    def build(self, input_shape: Shape, rngs: nnx.Rngs) -> SelfAttention:
        return SelfAttention(self, input_shape[1], rngs)


@register
class Transformer(_WithHeads):
    """A layer of a transformer encoder: x + attention(norm(x)), then x + mlp(norm(x))."""

    kind: ClassVar[str] = "transformer"

    mlp_features: int | None = Field(default=None, ge=1)
    """Width of the perceptron between; by default four times the number of features."""
    activation: Activation = "gelu"
    """Elementwise activation of the perceptron."""

    def parameter_count(self, input_shape: Shape) -> int:
        features, hidden = input_shape[1], self._hidden(input_shape)
        perceptron = hidden * (features + self.bias) + features * (hidden + self.bias)
        return self._attention_count(features) + perceptron + 4 * features

    def build(self, input_shape: Shape, rngs: nnx.Rngs) -> TransformerModule:
        return TransformerModule(self, input_shape[1], self._hidden(input_shape), rngs)

    def _hidden(self, input_shape: Shape) -> int:
        return self.mlp_features or 4 * input_shape[1]


@register
class Mixer(_OfTokens):
    """A layer of an MLP-Mixer: x + mlp of every feature over the tokens, then x + mlp of every
    token over the features, each after a layer norm."""

    kind: ClassVar[str] = "mixer"

    tokens_features: int = Field(ge=1)
    """Width of the perceptron over the tokens."""
    channels_features: int = Field(ge=1)
    """Width of the perceptron over the features."""
    activation: Activation = "gelu"
    """Elementwise activation of the perceptrons."""

    def parameter_count(self, input_shape: Shape) -> int:
        length, features = input_shape
        over_tokens = self.tokens_features * (2 * length + 1) + length
        over_features = self.channels_features * (2 * features + 1) + features
        return over_tokens + over_features + 4 * features

    def build(self, input_shape: Shape, rngs: nnx.Rngs) -> MixerModule:
        length, features = input_shape
        return MixerModule(self, length, features, rngs)


class SelfAttention(nnx.Module):
    """The module of an `Attention` block."""

    def __init__(self, block: _WithHeads, features: int, rngs: nnx.Rngs) -> None:
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

    def __init__(self, block: Transformer, features: int, hidden: int, rngs: nnx.Rngs) -> None:
        self.norm1, self.norm2 = _layer_norm(features, rngs), _layer_norm(features, rngs)
        self.attention = SelfAttention(block, features, rngs)
        self.perceptron = Perceptron(features, hidden, block.activation, block.bias, rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = x + self.attention(self.norm1(x))
        return x + self.perceptron(self.norm2(x))


class MixerModule(nnx.Module):
    """The module of a `Mixer` block."""

    def __init__(self, block: Mixer, length: int, features: int, rngs: nnx.Rngs) -> None:
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
