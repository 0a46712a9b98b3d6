"""Blocks of tokens (N, length, features): self-attention, the transformer layer, the mixer layer.

Every token sees every other, so none of them has structure by unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from sed2.blocks.activations import Activation
from sed2.blocks.base import BlockOptions, Shape, register
from sed2.blocks.tokens import check_tokens
from sed2.errors import SpecError

if TYPE_CHECKING:
    from flax import nnx


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

    def build(self, input_shape: Shape, rngs: nnx.Rngs) -> nnx.Module:
        from sed2.blocks.modules.attention import SelfAttention

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

    def build(self, input_shape: Shape, rngs: nnx.Rngs) -> nnx.Module:
        from sed2.blocks.modules.attention import TransformerModule

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

    def build(self, input_shape: Shape, rngs: nnx.Rngs) -> nnx.Module:
        from sed2.blocks.modules.attention import MixerModule

        length, features = input_shape
        return MixerModule(self, length, features, rngs)
