"""From images to tokens, and from numbers of tokens to vectors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from sed2.blocks.base import BlockOptions, Shape, register
from sed2.blocks.structure import Layout
from sed2.errors import SpecError

if TYPE_CHECKING:
    from flax import nnx

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

    def build(self, input_shape: Shape, rngs: nnx.Rngs) -> nnx.Module:
        from sed2.blocks.modules.tokens import TokensModule

        length, features = self.output_shape(input_shape)
        return TokensModule(self, length, features, rngs)


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

    def build(self, input_shape: Shape, rngs: nnx.Rngs) -> nnx.Module:
        from sed2.blocks.modules.tokens import EmbeddingModule

        return EmbeddingModule(self, input_shape[0], rngs)

    def _per_feature(self, input_shape: Shape) -> int:
        return self.vocabulary + input_shape[0] * (self.positions == "learned")
