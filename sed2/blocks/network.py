"""Blocks one after the other as one block."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from sed2.blocks.base import Block, Shape

if TYPE_CHECKING:
    from flax import nnx


@dataclass(frozen=True)
class Network:
    """Several blocks as one, with noise at its output alone; a `Block`."""

    blocks: tuple[Block, ...]
    kind: str = "network"

    @property
    def identity(self) -> str:
        return json.dumps([self.kind, *(block.identity for block in self.blocks)])

    def output_shape(self, input_shape: Shape) -> Shape:
        return self._shapes(input_shape)[-1]

    def parameter_count(self, input_shape: Shape) -> int:
        shapes = self._shapes(input_shape)
        return sum(b.parameter_count(s) for b, s in zip(self.blocks, shapes, strict=False))

    def left_out(self, input_shape: Shape) -> int:
        shapes = self._shapes(input_shape)
        return sum(b.left_out(s) for b, s in zip(self.blocks, shapes, strict=False))

    def precision(self, input_shape: Shape) -> str:
        shapes = self._shapes(input_shape)
        found = [b.precision(s) for b, s in zip(self.blocks, shapes, strict=False)]
        return max(found, key=rounding, default="float64")

    def layout(self, input_shape: Shape) -> None:
        return None

    @property
    def supernet(self) -> Network:
        return replace(self, blocks=tuple(block.supernet for block in self.blocks))

    @property
    def masks(self) -> tuple[np.ndarray, ...]:
        return tuple(mask for block in self.blocks for mask in block.masks)

    def build(self, input_shape: Shape, rngs: nnx.Rngs) -> nnx.Sequential:
        from flax import nnx

        shapes = self._shapes(input_shape)
        return nnx.Sequential(
            *(b.build(s, rngs) for b, s in zip(self.blocks, shapes, strict=False))
        )

    def _shapes(self, input_shape: Shape) -> list[Shape]:
        """Of the input and of every block's output."""
        shapes = [input_shape]
        for block in self.blocks:
            shapes.append(block.output_shape(shapes[-1]))
        return shapes


def rounding(precision: str) -> float:
    """Machine epsilon of a floating type, by its name."""
    if precision == "float64":
        return float(np.finfo(float).eps)
    import jax.numpy as jnp  # which knows more of them

    return float(jnp.finfo(precision).eps)
