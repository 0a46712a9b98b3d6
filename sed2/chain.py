"""The chain of parametric blocks (measure.md, section 1): the one central idea of the code.

    x_j = O_j(x_{j-1}; theta_j) + sigma * nu,   nu ~ N(0, I)

A `Chain` is static: shapes, parameter counts and the abstract modules. Parameters are drawn by
`sed2.priors`, Fisher spectra are had by `sed2.fisher`; both are handed one block at a time, so
nothing here ever sees the whole parameter vector.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from sed2.blocks import BlockSpec, Shape


@dataclass(frozen=True)
class ChainBlock:
    """One block of a chain, with everything that is known before parameters are drawn."""

    name: str
    spec: BlockSpec
    input_shape: Shape
    output_shape: Shape
    parameters: int
    """d_j."""
    stream: int
    """Names the block's random stream: a hash of the input shape and of all blocks up to it.

    So a candidate's numbers depend on its own architecture and the seed alone, and candidates
    with the same first blocks share these blocks' draws."""


@dataclass(frozen=True)
class Chain:
    """A feed-forward network as a chain of blocks, for inputs of a given shape."""

    input_shape: Shape
    blocks: tuple[ChainBlock, ...]

    @property
    def parameters(self) -> int:
        """d, the number of parameters of all blocks together."""
        return sum(block.parameters for block in self.blocks)


def build_chain(specs: Sequence[BlockSpec], input_shape: Shape) -> Chain:
    """Fit the blocks to the input shape. Allocates nothing.

    Raises:
        SpecError: a block cannot take the output of the one before it.
    """
    blocks: list[ChainBlock] = []
    numbers: dict[str, int] = {}
    prefix = hashlib.sha256(json.dumps(input_shape).encode())
    shape = input_shape
    for spec in specs:
        prefix.update(json.dumps([spec.kind, spec.model_dump()], sort_keys=True).encode())
        number = numbers[spec.kind] = numbers.get(spec.kind, 0) + 1
        output_shape = spec.output_shape(shape)
        blocks.append(
            ChainBlock(
                name=f"{spec.kind}_{number}",
                spec=spec,
                input_shape=shape,
                output_shape=output_shape,
                parameters=spec.parameter_count(shape),
                stream=int.from_bytes(prefix.digest()[:4], "big"),
            )
        )
        shape = output_shape
    return Chain(input_shape, tuple(blocks))
