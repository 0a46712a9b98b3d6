"""Residual block: O(x) = act(branch(x) + shortcut(x)); one block of the chain, whatever is in it.

The sum couples the channels of the branch, so it has no structure by unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from sed2.blocks.activations import Activation
from sed2.blocks.base import BlockOptions, Blocks, Shape, register
from sed2.blocks.conv import Conv
from sed2.blocks.dense import Dense
from sed2.blocks.network import Network
from sed2.errors import SpecError

if TYPE_CHECKING:
    from flax import nnx


@register
class Residual(BlockOptions):
    """Blocks with a shortcut around them, as one block."""

    kind: ClassVar[str] = "residual"

    blocks: Blocks
    """The branch."""
    shortcut: Literal["identity", "projection"] | Blocks = "identity"
    """identity; projection, a linear map without bias to the shape of the branch's output (of
    images a 1 x 1 convolution with strides); or a list of blocks."""
    activation: Activation = "none"
    """Elementwise activation after the sum."""

    def output_shape(self, input_shape: Shape) -> Shape:
        branch = Network(self.blocks).output_shape(input_shape)
        other = self._around(input_shape).output_shape(input_shape)
        if branch != other:
            raise SpecError(
                f"its branch makes {branch} of {input_shape}, which cannot be added to the "
                f"{other} of its shortcut",
                mend="Give `shortcut: projection`, or blocks that lead to the same shape",
            )
        return branch

    def parameter_count(self, input_shape: Shape) -> int:
        branch, around = Network(self.blocks), self._around(input_shape)
        return branch.parameter_count(input_shape) + around.parameter_count(input_shape)

    def build(self, input_shape: Shape, rngs: nnx.Rngs) -> nnx.Module:
        from sed2.blocks.modules.residual import ResidualModule

        return ResidualModule(
            Network(self.blocks).build(input_shape, rngs),
            self._around(input_shape).build(input_shape, rngs),
            self.activation,
        )

    def _around(self, input_shape: Shape) -> Network:
        """The shortcut."""
        if isinstance(self.shortcut, tuple):
            return Network(self.shortcut)
        if self.shortcut == "identity":
            return Network(())
        wanted = Network(self.blocks).output_shape(input_shape)
        if len(input_shape) != len(wanted) or len(wanted) > 3:
            raise SpecError(
                f"there is no projection from {input_shape} to {wanted}",
                mend="Give the shortcut as a list of blocks",
            )
        if len(wanted) < 3:
            return Network((Dense(features=wanted[-1], bias=False),))
        # The least strides that lead to the size; if there are none, the shapes will differ.
        strides = (-(-input_shape[0] // wanted[0]), -(-input_shape[1] // wanted[1]))
        return Network((Conv(features=wanted[2], kernel_size=1, strides=strides, bias=False),))
