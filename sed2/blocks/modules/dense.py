"""Dense layers as modules, and their structure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from sed2.blocks.modules.activations import ACTIVATIONS
from sed2.blocks.modules.norm import batch_normed, make_norm
from sed2.blocks.structure import Channels, Structure, UnitFactors


class DenseModule(nnx.Module):
    """The module of a `Dense` block. Without norm, or with batch norm, its Fisher matrix splits by
    unit (see `UnitFactors`; `Channels` for tokens)."""

    def __init__(self, block: Any, features_in: int, rngs: nnx.Rngs) -> None:
        self.block, self.activation = block, nnx.static(ACTIVATIONS[block.activation])
        self.linear = nnx.Linear(
            features_in, block.features, use_bias=block.bias, param_dtype=float, rngs=rngs
        )
        self.norm = make_norm(block.norm, block.features, 1, rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        normed = self.norm(self.linear(x)) if self.norm is not None else self.linear(x)
        return self.activation(normed)

    def linearise(self, x: jax.Array) -> tuple[jax.Array, Structure]:
        linear = self.block.is_linear
        return linearise_dense(self.linear, self.norm, self.activation, x, linear=linear)


def linearise_dense(
    affine: nnx.Linear,
    norm: nnx.Module | None,
    activation: Callable[[jax.Array], jax.Array],
    x: jax.Array,
    *,
    linear: bool,
) -> tuple[jax.Array, Structure]:
    """The mean and the structure of a dense layer.

    Args:
        norm: a frozen batch norm, or None.
        activation: elementwise.
        x: (N, n_in), or tokens (N, length, n_in).
        linear: whether there is neither norm nor activation.
    """
    z, units = affine(x), affine.out_features
    features = x
    if affine.use_bias:
        features = jnp.concatenate([x, jnp.ones((*x.shape[:-1], 1))], axis=-1)
    if linear and x.ndim == 2:
        return z, UnitFactors(features, None, units)
    if linear:
        return z, Channels(units, lambda unit: features, shared=True)
    normed, slope, by_norm = batch_normed(norm, z)
    mean, gains = jax.jvp(activation, (normed,), (jnp.ones_like(normed),))
    own = jnp.stack([gains * column for column in by_norm], axis=-1) if by_norm else None
    gains = gains * slope
    if x.ndim == 2:
        return mean, UnitFactors(features, gains, units, own)

    def jacobian(unit: jax.Array) -> jax.Array:
        rows = gains[..., unit, None] * features
        return rows if own is None else jnp.concatenate([rows, own[..., unit, :]], axis=-1)

    return mean, Channels(units, jacobian)
