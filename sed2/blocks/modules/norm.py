"""Normalisations as modules, and their derivatives."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from sed2.blocks.structure import Channels


def make_norm(
    kind: str, features: int, groups: int, rngs: nnx.Rngs, *, affine: bool = True
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


class NormModule(nnx.Module):
    """The module of a `Norm` block: scale and shift of a channel act on it alone."""

    def __init__(self, block: Any, features: int, rngs: nnx.Rngs) -> None:
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
