"""From images to features."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import ConfigDict, Field

from sed2.blocks.base import BlockOptions, Shape, register
from sed2.errors import SpecError

if TYPE_CHECKING:
    from flax import nnx


@register
class Flatten(BlockOptions):
    """All numbers in a row, or the paper's flattening block."""

    kind: ClassVar[str] = "flatten"

    model_config = ConfigDict(serialize_by_alias=True)

    how: Literal["plain", "shared_kernel"] = Field(default="plain", alias="kind")
    """plain has no parameters and joins the next block; shared_kernel is one (height x width)
    kernel for all channels, from (height, width, channels) to (channels)."""

    def output_shape(self, input_shape: Shape) -> Shape:
        if self.how == "plain":
            return (math.prod(input_shape),)
        if len(input_shape) != 3:
            raise SpecError(
                "a shared kernel takes images (height, width, channels), but its input has shape "
                f"{input_shape}",
                mend="Put it after the convolutions",
            )
        return input_shape[2:]

    def parameter_count(self, input_shape: Shape) -> int:
        return 0 if self.how == "plain" else input_shape[0] * input_shape[1]

    def build(self, input_shape: Shape, rngs: nnx.Rngs) -> nnx.Module:
        from sed2.blocks.modules.flatten import Plain, SharedKernel

        return Plain() if self.how == "plain" else SharedKernel(input_shape, rngs)
