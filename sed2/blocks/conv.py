"""Convolution block: O(x) = pool(act(norm(x * W + b))) of images (N, height, width, channels)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import ClassVar, Literal

import jax
import jax.numpy as jnp
from flax import nnx
from pydantic import Field

from sed2.blocks.activations import ACTIVATIONS, Activation, identity
from sed2.blocks.base import BlockOptions, Shape, register
from sed2.blocks.norm import NormName, batch_normed, check_groups, make_norm
from sed2.blocks.patches import Padding, Sides, Size, image_size, pads, pair, windows
from sed2.blocks.pooling import Pool
from sed2.blocks.structure import Channels, Layout
from sed2.errors import SpecError


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
            scratch=patch_numbers(height * width, self._kernel(input_shape), self.kernel_size),
            shared=self.is_linear,
        )

    def build(self, input_shape: Shape, rngs: nnx.Rngs) -> ConvModule:
        return ConvModule(self, input_shape, rngs)

    @property
    def is_linear(self) -> bool:
        """Whether all channels share one spectrum: each sees the same patches, by no gain."""
        linear = ACTIVATIONS[self.activation] is identity and self.norm == "none"
        maximum = self.pool != "none" and self.pool.kind == "max"
        return linear and not maximum and self.groups == 1

    def _per_channel(self, input_shape: Shape) -> int:
        return self._kernel(input_shape) + self.bias + 2 * (self.norm != "none")

    def _kernel(self, input_shape: Shape) -> int:
        """Entries of the kernel of one channel."""
        return math.prod(pair(self.kernel_size)) * input_shape[2] // self.group_count(input_shape)


class ConvModule(nnx.Module):
    """The module of a `Conv` block. Without norm, or with batch norm, its Fisher matrix splits by
    channel (see `Channels`): channels share their input and no parameter."""

    def __init__(self, block: Conv, input_shape: Shape, rngs: nnx.Rngs) -> None:
        kernel, strides = pair(block.kernel_size), pair(block.strides)
        self.block, self.activation = block, nnx.static(ACTIVATIONS[block.activation])
        self.conv = nnx.Conv(
            input_shape[2],
            block.features,
            kernel,
            strides,
            padding=[
                pads(size, window, stride, block.padding)
                for size, window, stride in zip(input_shape[:2], kernel, strides, strict=True)
            ],
            feature_group_count=block.group_count(input_shape),
            use_bias=block.bias,
            param_dtype=float,
            rngs=rngs,
        )
        self.norm = make_norm(block.norm, block.features, block.norm_groups, rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        normed = self.norm(self.conv(x)) if self.norm is not None else self.conv(x)
        return self._pool(self.activation(normed))

    def linearise(self, x: jax.Array) -> tuple[jax.Array, Channels]:
        block = self.block
        pool = None if block.pool == "none" else block.pool
        linear = block.is_linear
        return linearise_conv(self.conv, self.norm, self.activation, pool, x, linear=linear)

    def _pool(self, x: jax.Array) -> jax.Array:
        return x if self.block.pool == "none" else self.block.pool(x)


def linearise_conv(
    conv: nnx.Conv,
    norm: nnx.Module | None,
    activation: Callable[[jax.Array], jax.Array],
    pool: Pool | None,
    x: jax.Array,
    *,
    linear: bool,
) -> tuple[jax.Array, Channels]:
    """The mean and the structure of a convolution of images.

    Args:
        norm: a frozen batch norm, or None.
        activation: elementwise.
        x: (N, height, width, channels).
        linear: whether all channels share one spectrum.
    """
    samples, groups, features = len(x), conv.feature_group_count, conv.out_features
    z = conv(x)
    normed, slope, by_norm = batch_normed(norm, z)
    active, gains = jax.jvp(activation, (normed,), (jnp.ones_like(normed),))
    height, width = z.shape[1:3]
    # Made once where it can be: channels of several groups do not share their patches.
    shared = _patches(conv, x) if groups == 1 else None
    winners = pool.winners(active) if pool is not None and pool.kind == "max" else None

    def jacobian(channel: jax.Array) -> jax.Array:
        def at_positions(of: jax.Array) -> jax.Array:
            """(N, HW or P', p) rows of the positions that count."""
            if winners is None:
                return of
            return jnp.take_along_axis(of, winners[:, :, channel, None], axis=1)

        patches = shared
        if patches is None:
            inputs = x.shape[3] // groups
            first = channel // (features // groups) * inputs
            patches = _patches(conv, jax.lax.dynamic_slice_in_dim(x, first, inputs, axis=3))
        kernel = at_positions(patches)
        columns = [kernel, jnp.ones((*kernel.shape[:2], 1))] if conv.use_bias else [kernel]
        columns = [slope[channel] * column for column in columns]
        columns += [
            at_positions(column[..., channel].reshape(samples, -1, 1)) for column in by_norm
        ]
        gain = at_positions(gains[..., channel].reshape(samples, -1, 1))
        rows = gain * jnp.concatenate(columns, axis=2)
        if winners is not None or pool is None:
            return rows
        pooled = pool(rows.reshape(samples, height, width, -1))
        return pooled.reshape(samples, -1, rows.shape[2])

    mean = active if pool is None else pool(active)
    return mean, Channels(features, jacobian, shared=linear)


def patch_numbers(positions: int, kernel: int, kernel_size: int | Sequence[int]) -> int:
    """Numbers that `_patches` makes for one input: the patches, and their rows before.

    Args:
        positions: height times width of the output.
        kernel: entries of the kernel of one channel.
        kernel_size: its height and width.
    """
    return positions * (kernel + kernel // pair(kernel_size)[1])


def _patches(conv: nnx.Conv, x: jax.Array) -> jax.Array:
    """(N, positions, kernel entries): what a kernel is multiplied with."""
    window, strides = (conv.kernel_size[0], conv.kernel_size[1]), pair(conv.strides or 1)
    padding = conv.padding
    if isinstance(padding, str):
        around = jax.lax.padtype_to_pads(x.shape[1:3], window, strides, padding)
    else:
        sides = (padding, padding) if isinstance(padding, int) else padding
        around = [pair(one) for one in sides]
    patches = windows(x, window, strides, around, 0.0)
    return patches.reshape(len(x), -1, patches.shape[3] * patches.shape[4])
