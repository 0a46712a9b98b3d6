"""Normalisation over the channels, the last axis, with a scale and a shift per channel.

- batch: by the statistics of a channel over the N inputs and all positions;
- layer: over the channels of each input and position;
- group: over each group of channels of each input, all positions.

Batch statistics are constants in the derivative (`sed2.blocks.freeze`), so channels stay
independent of each other, which layer and group norm couple. Scale and shift act on their own
channel in each of them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import ConfigDict, Field

from sed2.blocks.base import BlockOptions, Shape, register
from sed2.blocks.structure import Layout
from sed2.errors import SpecError

if TYPE_CHECKING:
    from flax import nnx

NormName = Literal["none", "batch", "layer", "group"]


def check_groups(kind: NormName, features: int, groups: int, option: str) -> None:
    """
    Raises:
        SpecError: a group norm cannot split so many channels into so many groups.
    """
    if kind == "group" and features % groups:
        raise SpecError(
            f"{features} channels cannot be split into {groups} groups",
            mend=f"Make `{option}` a divisor of {features}",
        )


@register
class Norm(BlockOptions):
    """A normalisation by itself, with a scale and a shift per channel."""

    kind: ClassVar[str] = "norm"

    model_config = ConfigDict(serialize_by_alias=True)

    how: Literal["batch", "layer", "group"] = Field(default="batch", alias="kind")
    """batch (over the N inputs), layer (over the channels) or group (over groups of channels)."""
    groups: int = Field(default=8, ge=1)
    """Groups of a group norm."""

    def output_shape(self, input_shape: Shape) -> Shape:
        check_groups(self.how, input_shape[-1], self.groups, "groups")
        return input_shape

    def parameter_count(self, input_shape: Shape) -> int:
        return 2 * input_shape[-1]

    def layout(self, input_shape: Shape) -> Layout:
        return Layout(units=input_shape[-1], positions=math.prod(input_shape[:-1]), parameters=2)

    def build(self, input_shape: Shape, rngs: nnx.Rngs) -> nnx.Module:
        from sed2.blocks.modules.norm import NormModule

        return NormModule(self, input_shape[-1], rngs)
