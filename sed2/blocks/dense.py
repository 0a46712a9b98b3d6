"""Dense block: O(x) = act(norm(x W + b)), x of shape (N, ..., n_in), W of shape (n_in, n_out)."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import jax
import jax.numpy as jnp
from flax import nnx
from pydantic import Field

from sed2.blocks.activations import ACTIVATIONS, Activation, identity
from sed2.blocks.base import BlockSpec, Shape, register
from sed2.blocks.norm import batch_normed, make_norm
from sed2.blocks.structure import Channels, Layout, Structure, UnitFactors
from sed2.errors import SpecError


@register
class Dense(BlockSpec):
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
        return Layout(
            units=self.features,
            positions=math.prod(input_shape[:-1]),
            parameters=self._per_unit(input_shape),
            common=len(input_shape) == 1,
            shared=self.is_linear,
        )

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

    def __init__(self, spec: Dense, features_in: int, rngs: nnx.Rngs) -> None:
        self.spec = spec
        self.linear = nnx.Linear(
            features_in, spec.features, use_bias=spec.bias, param_dtype=float, rngs=rngs
        )
        self.norm = make_norm(spec.norm, spec.features, 1, rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        normed = self.norm(self.linear(x)) if self.norm is not None else self.linear(x)
        return ACTIVATIONS[self.spec.activation](normed)

    def linearise(self, x: jax.Array) -> tuple[jax.Array, Structure]:
        spec, z = self.spec, self.linear(x)
        features = x
        if spec.bias:
            features = jnp.concatenate([x, jnp.ones((*x.shape[:-1], 1))], axis=-1)
        if spec.is_linear and x.ndim == 2:
            return z, UnitFactors(features, None, spec.features)
        if spec.is_linear:
            return z, Channels(spec.features, lambda unit: features, shared=True)
        normed, slope, by_norm = batch_normed(self.norm, z)
        mean, gains = jax.jvp(ACTIVATIONS[spec.activation], (normed,), (jnp.ones_like(normed),))
        own = jnp.stack([gains * column for column in by_norm], axis=-1) if by_norm else None
        gains = gains * slope
        if x.ndim == 2:
            return mean, UnitFactors(features, gains, spec.features, own)

        def jacobian(unit: jax.Array) -> jax.Array:
            rows = gains[..., unit, None] * features
            return rows if own is None else jnp.concatenate([rows, own[..., unit, :]], axis=-1)

        return mean, Channels(spec.features, jacobian)
