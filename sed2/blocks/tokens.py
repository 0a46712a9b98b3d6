"""From images to tokens, and from numbers of tokens to vectors."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from pydantic import Field

from sed2.blocks.base import BlockOptions, Shape, register
from sed2.blocks.structure import Channels, Layout
from sed2.errors import SpecError

Positions = Literal["none", "learned"]


def check_tokens(input_shape: Shape, what: str) -> None:
    """
    Raises:
        SpecError: the input is no sequence of tokens.
    """
    if len(input_shape) != 2:
        raise SpecError(
            f"{what} takes tokens (length, features), but its input has shape {input_shape}",
            mend="Put an `embedding` or `tokens` block before it",
        )


@register
class Tokens(BlockOptions):
    """The pixels of an image as tokens, with a class token and positions if asked for."""

    kind: ClassVar[str] = "tokens"

    class_token: bool = False
    """Whether a learned token comes first."""
    positions: Positions = "none"
    """Whether a learned vector is added at every position."""

    def output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) < 2:
            raise SpecError(
                f"tokens are made of images (height, width, channels), but the input has shape "
                f"{input_shape}",
                mend="Put it after a convolution, which cuts an image into patches",
            )
        length = math.prod(input_shape[:-1]) + self.class_token
        return (length, input_shape[-1])

    def parameter_count(self, input_shape: Shape) -> int:
        length, features = self.output_shape(input_shape)
        return features * (self.class_token + length * (self.positions == "learned"))

    def layout(self, input_shape: Shape) -> Layout | None:
        length, features = self.output_shape(input_shape)
        parameters = self.parameter_count(input_shape) // features
        if not parameters:
            return None
        return Layout(units=features, positions=length, parameters=parameters, shared=True)

    def build(self, input_shape: Shape, rngs: nnx.Rngs) -> TokensModule:
        length, features = self.output_shape(input_shape)
        return TokensModule(self, length, features, rngs)


class TokensModule(nnx.Module):
    """The module of a `Tokens` block: it is linear, and every feature has its own parameters."""

    def __init__(self, block: Tokens, length: int, features: int, rngs: nnx.Rngs) -> None:
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


@register
class Embedding(BlockOptions):
    """Vectors for the numbers of tokens, 0 to vocabulary - 1; the first block of a network."""

    kind: ClassVar[str] = "embedding"
    first_only: ClassVar[bool] = True

    vocabulary: int = Field(ge=1)
    """How many tokens there are."""
    features: int = Field(ge=1)
    """Length of a vector."""
    positions: Positions = "none"
    """Whether a learned vector is added at every position."""

    def output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 1:
            raise SpecError(
                f"an embedding takes the numbers of tokens, but its input has shape {input_shape}",
                mend="Make it the first block, of data with one whole number per token",
            )
        return (input_shape[0], self.features)

    def check_inputs(self, inputs: np.ndarray) -> None:
        wrong = (inputs != np.floor(inputs)) | (inputs < 0) | (inputs >= self.vocabulary)
        if wrong.any():
            raise SpecError(
                f"the embedding knows the tokens 0 to {self.vocabulary - 1}, but the data hold "
                f"{inputs[wrong][0]:g}",
                mend="Raise `vocabulary`, or take data of whole numbers that are not standardised",
            )

    def parameter_count(self, input_shape: Shape) -> int:
        return self.features * self._per_feature(input_shape)

    def layout(self, input_shape: Shape) -> Layout:
        return Layout(
            units=self.features,
            positions=input_shape[0],
            parameters=self._per_feature(input_shape),
            shared=True,
        )

    def build(self, input_shape: Shape, rngs: nnx.Rngs) -> EmbeddingModule:
        return EmbeddingModule(self, input_shape[0], rngs)

    def _per_feature(self, input_shape: Shape) -> int:
        return self.vocabulary + input_shape[0] * (self.positions == "learned")


class EmbeddingModule(nnx.Module):
    """The module of an `Embedding` block: linear, and every feature has its own parameters."""

    def __init__(self, block: Embedding, length: int, rngs: nnx.Rngs) -> None:
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
