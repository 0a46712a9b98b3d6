"""Blocks without parameters that change each number by itself; they join the next block."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import ConfigDict, Field

from sed2.blocks.activations import Activation
from sed2.blocks.base import BlockOptions, Shape, register

if TYPE_CHECKING:
    from flax import nnx


class _Elementwise(BlockOptions):
    def output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def parameter_count(self, input_shape: Shape) -> int:
        return 0

    def build(self, input_shape: Shape, rngs: nnx.Rngs) -> nnx.Module:
        from sed2.blocks.modules.elementwise import ElementwiseModule

        return ElementwiseModule("none")


@register
class ActivationBlock(_Elementwise):
    """An activation by itself, as networks with pre-activation have it."""

    kind: ClassVar[str] = "activation"

    model_config = ConfigDict(serialize_by_alias=True)

    how: Activation = Field(default="relu", alias="kind")
    """Elementwise activation."""

    def build(self, input_shape: Shape, rngs: nnx.Rngs) -> nnx.Module:
        from sed2.blocks.modules.elementwise import ElementwiseModule

        return ElementwiseModule(self.how)


@register
class Dropout(_Elementwise):
    """Dropout, which is the identity: the measure is that of the whole network."""

    kind: ClassVar[str] = "dropout"

    rate: float = Field(default=0.5, ge=0, lt=1)
    """Share of the numbers that training leaves out."""
