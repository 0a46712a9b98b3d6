"""Convolution block: O(x) = pool(act(norm(x * W + b))) of images (N, height, width, channels)."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
from flax import nnx
from pydantic import Field

from sed2.blocks.activations import ACTIVATIONS, Activation
from sed2.blocks.base import BlockSpec, Shape, register
from sed2.blocks.patches import extract, image_size, pads
from sed2.blocks.pooling import Pool
from sed2.blocks.structure import Channels, Layout
from sed2.errors import SpecError


@register
class Conv(BlockSpec):
    """A convolution with normalisation, activation and pooling, in this order."""

    kind: ClassVar[str] = "conv"

    features: int = Field(ge=1)
    """Number of channels of the output."""
    kernel_size: int = Field(ge=1)
    """Height and width of the kernel."""
    strides: int = Field(default=1, ge=1)
    """Steps of the kernel."""
    padding: Literal["SAME", "VALID"] | int = "SAME"
    """SAME, VALID, or zeros on each side."""
    groups: int = Field(default=1, ge=1)
    """Groups of channels that do not see each other; the number of input channels for depthwise."""
    bias: bool = True
    """Whether every channel has a bias."""
    norm: Literal["none", "batch", "layer", "group"] = "none"
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
        kernel, strides = (self.kernel_size,) * 2, (self.strides,) * 2
        size = image_size(input_shape, kernel, strides, self.padding, "a kernel")
        for noun, channels in (("input", input_shape[2]), ("output", self.features)):
            if channels % self.groups:
                raise SpecError(
                    f"{channels} {noun} channels cannot be split into {self.groups} groups",
                    mend="Make `groups` a divisor of both numbers of channels",
                )
        if self.norm == "group" and self.features % self.norm_groups:
            raise SpecError(
                f"{self.features} channels cannot be split into {self.norm_groups} groups",
                mend="Make `norm_groups` a divisor of `features`",
            )
        return (*size, self.features)

    def parameter_count(self, input_shape: Shape) -> int:
        return self.features * self._per_channel(input_shape)

    def layout(self, input_shape: Shape) -> Layout | None:
        if self.norm in ("layer", "group"):
            return None  # they couple the channels
        image = self.image(input_shape)
        return Layout(
            units=self.features,
            positions=math.prod(self.output_shape(input_shape)) // self.features,
            parameters=self._per_channel(input_shape),
            scratch=image[0] * image[1] * self.kernel_size**2 * input_shape[2],
        )

    def build(self, input_shape: Shape, rngs: nnx.Rngs) -> ConvModule:
        return ConvModule(self, input_shape, rngs)

    def _per_channel(self, input_shape: Shape) -> int:
        kernel = self.kernel_size**2 * input_shape[2] // self.groups
        return kernel + self.bias + 2 * (self.norm != "none")


class ConvModule(nnx.Module):
    """The module of a `Conv` block. Without norm, or with batch norm, its Fisher matrix splits by
    channel (see `Channels`): channels share their input and no parameter."""

    def __init__(self, spec: Conv, input_shape: Shape, rngs: nnx.Rngs) -> None:
        kernel, strides = (spec.kernel_size,) * 2, (spec.strides,) * 2
        self.spec = spec
        self.conv = nnx.Conv(
            input_shape[2],
            spec.features,
            kernel,
            strides,
            padding=[
                pads(size, spec.kernel_size, spec.strides, spec.padding) for size in input_shape[:2]
            ],
            feature_group_count=spec.groups,
            use_bias=spec.bias,
            param_dtype=float,
            rngs=rngs,
        )
        self.norm = make_norm(spec.norm, spec.features, spec.norm_groups, rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        normed = self.norm(self.conv(x)) if self.norm is not None else self.conv(x)
        return self._pool(ACTIVATIONS[self.spec.activation](normed))

    def linearise(self, x: jax.Array) -> tuple[jax.Array, Channels]:
        spec, (samples, _, _, inputs) = self.spec, x.shape
        z = self.conv(x)
        slope, normed = jnp.ones(spec.features), z
        columns_after = []
        if isinstance(self.norm, nnx.BatchNorm):
            assert self.norm.scale is not None  # as made by `make_norm`
            assert self.norm.bias is not None
            deviation = jnp.sqrt(self.norm.var[...] + self.norm.epsilon)
            standardised = (z - self.norm.mean[...]) / deviation
            slope = self.norm.scale[...] / deviation
            normed = self.norm.scale[...] * standardised + self.norm.bias[...]
            columns_after = [standardised, jnp.ones_like(z)]  # by scale and by shift
        activation = ACTIVATIONS[spec.activation]
        active, gains = jax.jvp(activation, (normed,), (jnp.ones_like(normed),))
        patches = extract(x, (spec.kernel_size,) * 2, (spec.strides,) * 2, spec.padding, 0.0)
        height, width = patches.shape[1:3]
        grouped = patches.reshape(samples, height * width, -1, spec.groups, inputs // spec.groups)
        winners = None
        if isinstance(spec.pool, Pool) and spec.pool.kind == "max":
            winners = spec.pool.winners(active)

        def jacobian(channel: jax.Array) -> jax.Array:
            # Static where it can be: a traced index copies the patches for every channel.
            group = channel // (spec.features // spec.groups) if spec.groups > 1 else 0

            def at_positions(of: jax.Array) -> jax.Array:
                """(N, HW or P', p) rows of the positions that count."""
                if winners is None:
                    return of
                return jnp.take_along_axis(of, winners[:, :, channel, None], axis=1)

            kernel = at_positions(grouped[:, :, :, group].reshape(samples, height * width, -1))
            columns = [kernel, jnp.ones((*kernel.shape[:2], 1))] if spec.bias else [kernel]
            columns = [slope[channel] * column for column in columns]
            columns += [
                at_positions(column[..., channel].reshape(samples, -1, 1))
                for column in columns_after
            ]
            gain = at_positions(gains[..., channel].reshape(samples, -1, 1))
            rows = gain * jnp.concatenate(columns, axis=2)
            if winners is not None or spec.pool == "none":
                return rows
            pooled = spec.pool(rows.reshape(samples, height, width, -1))
            return pooled.reshape(samples, -1, rows.shape[2])

        return self._pool(active), Channels(spec.features, jacobian)

    def _pool(self, x: jax.Array) -> jax.Array:
        return x if self.spec.pool == "none" else self.spec.pool(x)


def make_norm(kind: str, features: int, groups: int, rngs: nnx.Rngs) -> nnx.Module | None:
    """Normalisation over the channels, by its name; None for `none`."""
    options: dict[str, Any] = {"param_dtype": float, "use_fast_variance": False, "rngs": rngs}
    match kind:
        case "batch":
            return nnx.BatchNorm(features, **options)
        case "layer":
            return nnx.LayerNorm(features, **options)
        case "group":
            return nnx.GroupNorm(features, groups, **options)
        case _:
            return None
