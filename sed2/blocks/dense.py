"""Dense block: O(x) = act(norm(x W + b)), x of shape (N, ..., n_in), W of shape (n_in, n_out)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from sed2.blocks.activations import LINEAR, Activation
from sed2.blocks.base import BlockOptions, Shape, register
from sed2.blocks.structure import Layout
from sed2.errors import SpecError

if TYPE_CHECKING:
    from flax import nnx


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

    def build(self, input_shape: Shape, rngs: nnx.Rngs) -> nnx.Module:
        from sed2.blocks.modules.dense import DenseModule

        return DenseModule(self, input_shape[-1], rngs)

    @property
    def is_linear(self) -> bool:
        """Whether all units share one spectrum."""
        return self.activation in LINEAR and self.norm == "none"

    def _per_unit(self, input_shape: Shape) -> int:
        return input_shape[-1] + self.bias + 2 * (self.norm != "none")


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
