"""Cell block: a small graph of nodes with one operation on each edge, as NAS-Bench-201 has it.

Dong and Yang, NAS-Bench-201, ICLR 2020, arXiv 2001.00326. Node 0 is the input; each later node is
the sum of what the edges from all earlier nodes bring, and the last one is the output. All nodes
have the shape of the input. Cells with as many nodes are masks of one network with every operation
on every edge, so they share a compiled program (`sed2.blocks.supernet`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from pydantic import Field, Strict, field_validator

from sed2.blocks.base import BlockOptions, Shape, register
from sed2.blocks.operations import KERNEL, OPERATIONS, Operation
from sed2.errors import SpecError

if TYPE_CHECKING:
    from flax import nnx

_Edges = Annotated[tuple[Operation, ...], Strict(False)]


@register
class CellBlock(BlockOptions):
    """A graph of nodes, each the sum of what the edges from all earlier nodes bring."""

    kind: ClassVar[str] = "cell"

    nodes: Annotated[tuple[_Edges, ...], Strict(False), Field(min_length=1)]
    """For each node after the input, the operations on its edges from the earlier nodes, in their
    order: none, skip_connect, nor_conv_1x1 and nor_conv_3x3 (ReLU, convolution, batch norm),
    avg_pool_3x3. The last node is the output."""

    @field_validator("nodes")
    @classmethod
    def _one_per_earlier_node(cls, nodes: tuple[tuple[str, ...], ...]) -> Any:
        for number, operations in enumerate(nodes, start=1):
            if len(operations) != number:
                raise ValueError(
                    f"node {number} of `nodes` has {len(operations)} operations, but {number} "
                    f"earlier node{'s' if number > 1 else ''}: write one for each"
                )
        return nodes

    def output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 3:
            raise SpecError(
                "a cell takes images (height, width, channels), but its input has shape "
                f"{input_shape}",
                mend="Take image data, or put it before the blocks that flatten",
            )
        return input_shape

    def parameter_count(self, input_shape: Shape) -> int:
        channels = self.output_shape(input_shape)[2]
        sides = [KERNEL[one] for edge in self._edges for one in edge if one in KERNEL]
        return sum((side * channels) ** 2 + 2 * channels for side in sides)

    def build(self, input_shape: Shape, rngs: nnx.Rngs) -> nnx.Module:
        from sed2.blocks.modules.cell import CellModule

        return CellModule(len(self.nodes), self._edges, input_shape[2], rngs)

    @property
    def supernet(self) -> CellBlock:
        none: Operation = "none"
        return Supernet(nodes=tuple((none,) * len(operations) for operations in self.nodes))

    @property
    def masks(self) -> tuple[np.ndarray, ...]:
        """(edges, operations), true for the operation that an edge has."""
        return (np.array([[one in edge for one in OPERATIONS] for edge in self._edges]),)

    @property
    def _edges(self) -> list[tuple[Operation, ...]]:
        """The operations on each edge, (1, 0), (2, 0), (2, 1), (3, 0) and so on."""
        return [(operation,) for operations in self.nodes for operation in operations]


class Supernet(CellBlock):
    """Every operation on every edge, of which a mask tells the one that counts."""

    @property
    def _edges(self) -> list[tuple[Operation, ...]]:
        return [OPERATIONS for operations in self.nodes for _ in operations]
