"""Dense block: O(x) = act(x W + b), x of shape (N, n_in), W of shape (n_in, n_out)."""

from __future__ import annotations

from typing import ClassVar, Literal

import jax
import jax.numpy as jnp
from flax import nnx
from pydantic import Field

from sed2.blocks.activations import ACTIVATIONS, Activation, identity
from sed2.blocks.base import BlockSpec, Shape, register
from sed2.blocks.structure import Layout, UnitFactors
from sed2.errors import SpecError


@register
class Dense(BlockSpec):
    """A dense layer with its activation."""

    kind: ClassVar[str] = "dense"

    features: int = Field(ge=1)
    """Number of units (outputs)."""
    bias: bool = True
    """Whether every unit has a bias."""
    activation: Activation = "none"
    """Elementwise activation after the affine map."""
    norm: Literal["none"] = "none"
    """Normalisation between the affine map and the activation."""

    def output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 1:
            raise SpecError(
                f"a dense block takes flat inputs, but its input has shape {input_shape}",
                mend="Put a `flatten` block before it",
            )
        return (self.features,)

    def parameter_count(self, input_shape: Shape) -> int:
        return (input_shape[0] + self.bias) * self.features

    def layout(self, input_shape: Shape) -> Layout:
        return Layout(
            units=self.features,
            positions=1,
            parameters=input_shape[0] + self.bias,
            shared=self.activation == "none",
        )

    def build(self, input_shape: Shape, rngs: nnx.Rngs) -> DenseModule:
        return DenseModule(self, input_shape[0], rngs)


class DenseModule(nnx.Module):
    """The module of a `Dense` block. Its Fisher matrix splits by unit (see `UnitFactors`)."""

    def __init__(self, spec: Dense, features_in: int, rngs: nnx.Rngs) -> None:
        self.linear = nnx.Linear(
            features_in, spec.features, use_bias=spec.bias, param_dtype=float, rngs=rngs
        )
        self.activation = ACTIVATIONS[spec.activation]

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.activation(self.linear(x))

    def linearise(self, x: jax.Array) -> tuple[jax.Array, UnitFactors]:
        pre_activation = self.linear(x)
        features = jnp.pad(x, ((0, 0), (0, 1)), constant_values=1) if self.linear.use_bias else x
        if self.activation is identity:
            return pre_activation, UnitFactors(features, None, pre_activation.shape[1])
        mean, gains = jax.jvp(self.activation, (pre_activation,), (jnp.ones_like(pre_activation),))
        return mean, UnitFactors(features, gains, mean.shape[1])
