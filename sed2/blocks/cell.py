"""Cell block: a small graph of nodes with one operation on each edge, as NAS-Bench-201 has it.

Dong and Yang, NAS-Bench-201, ICLR 2020, arXiv 2001.00326. Node 0 is the input; each later node is
the sum of what the edges from all earlier nodes bring, and the last one is the output. All nodes
have the shape of the input. Cells with as many nodes are masks of one network with every operation
on every edge, so they share a compiled program (`sed2.blocks.supernet`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from pydantic import Field, Strict, field_validator

from sed2.blocks.base import BlockOptions, Shape, register
from sed2.blocks.norm import make_norm
from sed2.blocks.patches import extract
from sed2.blocks.supernet import Masked
from sed2.errors import SpecError

Operation = Literal["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]
OPERATIONS: tuple[Operation, ...] = get_args(Operation)
_Edges = Annotated[tuple[Operation, ...], Strict(False)]
KERNEL = {"nor_conv_1x1": 1, "nor_conv_3x3": 3}
"""Height and width of the kernels of the operations with parameters."""


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

    def build(self, input_shape: Shape, rngs: nnx.Rngs) -> CellModule:
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


class CellModule(nnx.Module, Masked):
    """The module of a `CellBlock`, or of its supernet.

    Args:
        nodes: after the input.
        edges: the operations on each edge, of which the mask takes one if there are several.
    """

    def __init__(
        self, nodes: int, edges: Sequence[tuple[Operation, ...]], channels: int, rngs: nnx.Rngs
    ) -> None:
        self.nodes, self.edges = nodes, tuple(edges)
        self.layers = nnx.Dict(
            {
                f"{edge} {one}": _Layer(KERNEL[one], channels, rngs)
                for edge, operations in enumerate(edges)
                for one in operations
                if one in KERNEL
            }
        )

    def __call__(self, x: jax.Array) -> jax.Array:
        found, edge = [x], 0
        for _ in range(self.nodes):
            node = jnp.zeros_like(x)
            for earlier in tuple(found):
                node += self._brought(edge, earlier)
                edge += 1
            found.append(node)
        return found[-1]

    def _brought(self, edge: int, x: jax.Array) -> jax.Array:
        """What an edge makes of the node that it begins at."""
        operations = [one for one in self.edges[edge] if one != "none"]
        active = jax.nn.relu(x) if any(one in KERNEL for one in operations) else x
        total = jnp.zeros_like(x)
        for one in operations:
            if one in KERNEL:
                brought = self.layers[f"{edge} {one}"](active)
            else:
                brought = x if one == "skip_connect" else _mean_around(x)
            if self.mask is not None:
                brought = jnp.where(self.mask[...][edge, OPERATIONS.index(one)], brought, 0.0)
            total += brought
        return total


class _Layer(nnx.Module):
    """A convolution without bias and a batch norm."""

    def __init__(self, side: int, channels: int, rngs: nnx.Rngs) -> None:
        self.conv = nnx.Conv(
            channels, channels, (side, side), use_bias=False, param_dtype=float, rngs=rngs
        )
        self.norm = make_norm("batch", channels, 1, rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        assert self.norm is not None
        return self.norm(self.conv(x))


def _mean_around(x: jax.Array) -> jax.Array:
    """The mean of each 3 x 3 pixels, of those within the image alone."""
    total, count = (extract(of, (3, 3), (1, 1), 1, 0.0).sum(axis=3) for of in (x, jnp.ones_like(x)))
    return total / count
