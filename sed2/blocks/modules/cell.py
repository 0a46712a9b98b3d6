"""Cells as modules."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import nnx

from sed2.blocks.modules.norm import make_norm
from sed2.blocks.modules.patches import extract
from sed2.blocks.operations import KERNEL, OPERATIONS, Operation
from sed2.blocks.supernet import Masked


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
