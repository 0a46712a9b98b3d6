"""From images to features."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import jax
import jax.numpy as jnp
from flax import nnx
from pydantic import ConfigDict, Field

from sed2.blocks.base import BlockOptions, Shape, register
from sed2.errors import SpecError


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
        return Plain() if self.how == "plain" else SharedKernel(input_shape, rngs)


class Plain(nnx.Module):
    """(N, ...) to (N, all numbers)."""

    def __call__(self, x: jax.Array) -> jax.Array:
        return x.reshape(len(x), -1)


class SharedKernel(nnx.Module):
    """O_c = sum_hw K_hw x_hwc. Its kernel has one unit, so its fan-in is height * width."""

    def __init__(self, input_shape: Shape, rngs: nnx.Rngs) -> None:
        shape = (*input_shape[:2], 1)
        self.kernel = nnx.Param(nnx.initializers.lecun_normal()(rngs.params(), shape, float))

    def __call__(self, x: jax.Array) -> jax.Array:
        return jnp.einsum("hw,nhwc->nc", self.kernel[..., 0], x)
