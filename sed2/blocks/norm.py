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
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
from flax import nnx
from pydantic import ConfigDict, Field

from sed2.blocks.base import BlockOptions, Shape, register
from sed2.blocks.structure import Channels, Layout
from sed2.errors import SpecError

NormName = Literal["none", "batch", "layer", "group"]


def make_norm(
    kind: NormName, features: int, groups: int, rngs: nnx.Rngs, *, affine: bool = True
) -> nnx.Module | None:
    """The module, by its name; None for `none`.

    Args:
        affine: whether it has scale and shift.
    """
    options: dict[str, Any] = {
        "use_scale": affine,
        "use_bias": affine,
        "use_fast_variance": False,  # E[x^2] - E[x]^2 cancels
        "param_dtype": float,
        "rngs": rngs,
    }
    match kind:
        case "batch":
            return nnx.BatchNorm(features, **options)
        case "layer":
            return nnx.LayerNorm(features, **options)
        case "group":
            return nnx.GroupNorm(features, groups, **options)
    return None


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


def batch_normed(
    norm: nnx.Module | None, z: jax.Array
) -> tuple[jax.Array, jax.Array, list[jax.Array]]:
    """A frozen batch norm, or none, at z (..., channels).

    Returns:
        its output y; dy/dz, per channel; and the derivatives by scale and by shift, (..., channels)
        each.
    """
    if norm is None:
        return z, jnp.ones(z.shape[-1]), []
    assert isinstance(norm, nnx.BatchNorm)
    assert norm.scale is not None  # as made by `make_norm`
    assert norm.bias is not None
    deviation = jnp.sqrt(norm.var[...] + norm.epsilon)
    standardised = (z - norm.mean[...]) / deviation
    scale, shift = norm.scale[...], norm.bias[...]
    return scale * standardised + shift, scale / deviation, [standardised, jnp.ones_like(z)]


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

    def build(self, input_shape: Shape, rngs: nnx.Rngs) -> NormModule:
        return NormModule(self, input_shape[-1], rngs)


class NormModule(nnx.Module):
    """The module of a `Norm` block: scale and shift of a channel act on it alone."""

    def __init__(self, block: Norm, features: int, rngs: nnx.Rngs) -> None:
        self.standardise = make_norm(block.how, features, block.groups, rngs, affine=False)
        self.scale = nnx.Param(jnp.ones(features, float))
        self.bias = nnx.Param(jnp.zeros(features, float))

    def __call__(self, x: jax.Array) -> jax.Array:
        assert self.standardise is not None
        return self.scale[...] * self.standardise(x) + self.bias[...]

    def linearise(self, x: jax.Array) -> tuple[jax.Array, Channels]:
        assert self.standardise is not None
        standardised = self.standardise(x)
        rows = standardised.reshape(len(x), -1, x.shape[-1])

        def jacobian(channel: jax.Array) -> jax.Array:
            own = rows[..., channel]
            return jnp.stack([own, jnp.ones_like(own)], axis=-1)

        mean = self.scale[...] * standardised + self.bias[...]
        return mean, Channels(x.shape[-1], jacobian)
