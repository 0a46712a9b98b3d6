"""Convolution block: O(x) = pool(act(norm(x * W + b))) of images (N, height, width, channels)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from sed2.blocks.activations import LINEAR, Activation
from sed2.blocks.base import BlockOptions, Shape, register
from sed2.blocks.norm import NormName, check_groups
from sed2.blocks.patches import Padding, Sides, Size, image_size, pair
from sed2.blocks.pooling import Pool
from sed2.blocks.structure import Layout
from sed2.errors import SpecError

if TYPE_CHECKING:
    from flax import nnx


@register
class Conv(BlockOptions):
    """A convolution with normalisation, activation and pooling, in this order."""

    kind: ClassVar[str] = "conv"

    features: int = Field(ge=1)
    """Number of channels of the output."""
    kernel_size: Sides
    """Height and width of the kernel: one number, or `[height, width]`."""
    strides: Sides = 1
    """Steps of the kernel: one number, or `[down, across]`."""
    padding: Padding = "SAME"
    """SAME, VALID, or zeros on each side."""
    groups: Size | Literal["depthwise"] = 1
    """Groups of channels that do not see each other; `depthwise` is one per input channel."""
    bias: bool = True
    """Whether every channel has a bias."""
    norm: NormName = "none"
    """Normalisation before the activation; batch statistics are those of the N inputs."""
    norm_groups: int = Field(default=8, ge=1)
    """Groups of a group norm."""
    activation: Activation = "none"
    """Elementwise activation."""
    pool: Pool | Literal["none"] = "none"
    """Pooling after the activation, such as {kind: max, size: 2}."""

    def output_shape(self, input_shape: Shape) -> Shape:
        image = self.image(input_shape)
        return image if self.pool == "none" else self.pool.output_shape(image)

    def image(self, input_shape: Shape) -> tuple[int, int, int]:
        """Shape before pooling."""
        kernel, strides = pair(self.kernel_size), pair(self.strides)
        size = image_size(input_shape, kernel, strides, self.padding, "a kernel")
        groups = self.group_count(input_shape)
        for noun, channels in (("input", input_shape[2]), ("output", self.features)):
            if channels % groups:
                raise SpecError(
                    f"{channels} {noun} channels cannot be split into {groups} groups",
                    mend="Make `groups` a divisor of both numbers of channels",
                )
        check_groups(self.norm, self.features, self.norm_groups, "norm_groups")
        return (*size, self.features)

    def group_count(self, input_shape: Shape) -> int:
        return input_shape[2] if self.groups == "depthwise" else self.groups

    def parameter_count(self, input_shape: Shape) -> int:
        return self.features * self._per_channel(input_shape)

    def layout(self, input_shape: Shape) -> Layout | None:
        if self.norm in ("layer", "group"):
            return None  # they couple the channels
        height, width, _ = self.image(input_shape)
        return Layout(
            units=self.features,
            positions=math.prod(self.output_shape(input_shape)) // self.features,
            parameters=self._per_channel(input_shape),
            redundant=redundant(normed=self.norm != "none", bias=self.bias),
            scratch=patch_numbers(height * width, self._kernel(input_shape), self.kernel_size),
            shared=self.is_linear,
        )

    def build(self, input_shape: Shape, rngs: nnx.Rngs) -> nnx.Module:
        from sed2.blocks.modules.conv import ConvModule

        return ConvModule(self, input_shape, rngs)

    @property
    def is_linear(self) -> bool:
        """Whether all channels share one spectrum: each sees the same patches, by no gain."""
        linear = self.activation in LINEAR and self.norm == "none"
        maximum = self.pool != "none" and self.pool.kind == "max"
        return linear and not maximum and self.groups == 1

    def _per_channel(self, input_shape: Shape) -> int:
        return self._kernel(input_shape) + self.bias + 2 * (self.norm != "none")

    def _kernel(self, input_shape: Shape) -> int:
        """Entries of the kernel of one channel."""
        return math.prod(pair(self.kernel_size)) * input_shape[2] // self.group_count(input_shape)


def redundant(*, normed: bool, bias: bool) -> int:
    """Of a unit that is a product, maybe with a bias, and a frozen norm with scale and shift."""
    return normed + (normed and bias)


def patch_numbers(positions: int, kernel: int, kernel_size: int | Sequence[int]) -> int:
    """Numbers that `_patches` makes for one input: the patches, and their rows before.

    Args:
        positions: height times width of the output.
        kernel: entries of the kernel of one channel.
        kernel_size: its height and width.
    """
    return positions * (kernel + kernel // pair(kernel_size)[1])
