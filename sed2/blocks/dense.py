"""Dense block: O(x) = act(norm(x W + b)), x of shape (N, ..., n_in), W of shape (n_in, n_out)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar, Literal

import jax
import jax.numpy as jnp
from flax import nnx
from pydantic import Field

from sed2.blocks.activations import ACTIVATIONS, Activation, identity
from sed2.blocks.base import BlockOptions, Shape, register
from sed2.blocks.norm import batch_normed, make_norm
from sed2.blocks.structure import Channels, Layout, Structure, UnitFactors
from sed2.errors import SpecError


@register
class Dense(BlockOptions):
    """A dense layer with normalisation and activation, in this order."""

    kind: ClassVar[str] = "dense"

    features: int = Field(ge=1)
    """Number of units (outputs)."""
    bias: bool = True
    """Whether every unit has a bias."""
    activation: Activation = "none"
    """Elementwise activation after the affine map."""
    norm: Literal["none", "batch", "layer"] = "none"
    """Normalisation between the affine map and the activation."""

    def output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) not in (1, 2):
            raise SpecError(
                "a dense block takes flat inputs, or tokens (length, features), but its input has "
                f"shape {input_shape}",
                mend="Put a `flatten` block before it",
            )
        return (*input_shape[:-1], self.features)

    def parameter_count(self, input_shape: Shape) -> int:
        return self._per_unit(input_shape) * self.features

    def layout(self, input_shape: Shape) -> Layout | None:
        if self.norm == "layer":
            return None  # it couples the units
        per_unit = self._per_unit(input_shape)
        return dense_layout(input_shape, self.features, per_unit, linear=self.is_linear)

    def build(self, input_shape: Shape, rngs: nnx.Rngs) -> DenseModule:
        return DenseModule(self, input_shape[-1], rngs)

    @property
    def is_linear(self) -> bool:
        """Whether all units share one spectrum."""
        return ACTIVATIONS[self.activation] is identity and self.norm == "none"

    def _per_unit(self, input_shape: Shape) -> int:
        return input_shape[-1] + self.bias + 2 * (self.norm != "none")


class DenseModule(nnx.Module):
    """The module of a `Dense` block. Without norm, or with batch norm, its Fisher matrix splits by
    unit (see `UnitFactors`; `Channels` for tokens)."""

    def __init__(self, block: Dense, features_in: int, rngs: nnx.Rngs) -> None:
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


def dense_layout(input_shape: Shape, units: int, parameters: int, *, linear: bool) -> Layout:
    """Sizes of what `linearise_dense` makes.

    Args:
        parameters: of one unit.
        linear: whether there is neither norm nor activation.
    """
    return Layout(
        units=units,
        positions=math.prod(input_shape[:-1]),
        parameters=parameters,
        common=len(input_shape) == 1,
        shared=linear,
    )


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
