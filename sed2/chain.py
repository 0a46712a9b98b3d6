"""The chain of blocks, the central idea of the code (docs/concepts/measure.md, section 1).

    x_j = O_j(x_{j-1}; theta_j) + sigma * nu,   nu ~ N(0, I)

A `Chain` is static: shapes, parameter counts and the abstract modules. Parameters are drawn by
`sed2.priors`, Fisher spectra are computed by `sed2.fisher`; both are handed one block at a time, so
nothing here ever sees the whole parameter vector.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from sed2.blocks import Block, Shape
from sed2.blocks.base import Manner, OfUser
from sed2.blocks.dense import Dense
from sed2.blocks.network import Network
from sed2.blocks.structure import Layout
from sed2.errors import ResourceError, SpecError

if TYPE_CHECKING:
    from flax import nnx

_MOST = 10**16  # numbers; as float64 they have 80 million GB


@dataclass(frozen=True)
class ChainBlock:
    """One block of a chain, with everything that is known before parameters are drawn."""

    name: str
    block: Block
    input_shape: Shape
    output_shape: Shape
    parameters: int
    """d_j."""
    left_out: int
    """Numbers of the module that are held constant; see `Block.left_out`."""
    stream: int
    """Names the block's random stream: a hash of the input shape and of all blocks up to it.

    So a candidate's numbers depend on its own architecture and the seed alone, and candidates
    with the same first blocks share these blocks' draws."""

    @property
    def holds(self) -> tuple[str, ...]:
        """The parameters in it of a network of the user's that was taken apart, by their paths."""
        return _held(self.block)


def _held(block: Block) -> tuple[str, ...]:
    match block:
        case Joined():
            return _held(block.block)
        case Network():
            return tuple(name for inner in block.blocks for name in _held(inner))
    held: tuple[str, ...] = getattr(block, "holds", ())  # of a piece of such a network
    return held


@dataclass(frozen=True)
class Chain:
    """A feed-forward network as a chain of blocks, for inputs of a given shape."""

    input_shape: Shape
    blocks: tuple[ChainBlock, ...]

    @property
    def parameters(self) -> int:
        """d, the number of parameters of all blocks together."""
        return sum(block.parameters for block in self.blocks)

    @property
    def left_out(self) -> int:
        """Numbers of the user's modules that are no parameters and are held constant."""
        return sum(block.left_out for block in self.blocks)


@dataclass(frozen=True)
class Joined:
    """A block with those before it that have no parameters; a `Block`.

    Its structure is that of the block itself: what comes before only changes its input."""

    before: Network
    block: Block

    @property
    def kind(self) -> str:
        return self.block.kind

    @property
    def identity(self) -> str:
        return json.dumps(["joined", self.before.identity, self.block.identity])

    def output_shape(self, input_shape: Shape) -> Shape:
        return self.block.output_shape(self.before.output_shape(input_shape))

    def parameter_count(self, input_shape: Shape) -> int:
        own = self.block.parameter_count(self.before.output_shape(input_shape))
        return own + self.before.parameter_count(input_shape)  # of a supernet; else 0

    def left_out(self, input_shape: Shape) -> int:
        return self.block.left_out(self.before.output_shape(input_shape))

    def precision(self, input_shape: Shape) -> str:
        return self.block.precision(self.before.output_shape(input_shape))

    def layout(self, input_shape: Shape) -> Layout | None:
        return self.block.layout(self.before.output_shape(input_shape))

    @property
    def supernet(self) -> Joined:
        return Joined(self.before.supernet, self.block.supernet)

    @property
    def masks(self) -> tuple[np.ndarray, ...]:
        return (*self.before.masks, *self.block.masks)

    def build(self, input_shape: Shape, rngs: nnx.Rngs) -> nnx.Module:
        from sed2.blocks.modules.joined import JoinedModule

        inner = self.block.build(self.before.output_shape(input_shape), rngs)
        return JoinedModule(self.before.build(input_shape, rngs), inner)


def dense_layers(block: Block, input_shape: Shape) -> tuple[Dense, ...]:
    """The layers that a block consists of, if these are plain ones: dense, without norm, of flat
    inputs, linear or ReLU. Empty if it is anything else."""
    block = getattr(block, "same", block)  # of a user's own network
    match block:
        case Dense(norm="none", activation="none" | "identity" | "relu") if len(input_shape) == 1:
            return (block,)
        case Network():
            layers = [dense_layers(inner, input_shape) for inner in block.blocks]
            return tuple(layer for its in layers for layer in its) if all(layers) else ()
    return ()


def _fitted(blocks: Sequence[Block], input_shape: Shape) -> Iterable[Block]:
    """The blocks, a user's own as they come apart."""
    if not any(isinstance(block, OfUser) for block in blocks):
        return blocks
    from sed2.blocks.user import fitted

    return fitted(blocks, input_shape)


def as_handed(blocks: Sequence[Block], input_shape: Shape) -> Iterable[Block]:
    """The blocks, each of a user's own that hands a tuple or a dict on as one with the next."""
    if not any(isinstance(block, OfUser) for block in blocks):
        return blocks
    from sed2.blocks.user import joined_where_handed

    return joined_where_handed(blocks, input_shape)


def join_parameter_free(blocks: Sequence[Block], input_shape: Shape) -> list[Block]:
    """Only blocks with parameters, each with those without that come before it.

    A block without parameters adds nothing to the measure, and noise after it would: it belongs
    to the next one, or, at the end, to the one before.

    Raises:
        SpecError: a block cannot take its input, or none has parameters.
    """
    joined: list[Block] = []
    waiting: list[Block] = []
    shape = input_shape
    for block in _fitted(blocks, input_shape):
        has_parameters = block.parameter_count(shape) > 0
        shape = block.output_shape(shape)
        if not has_parameters:
            waiting.append(block)
        else:
            joined.append(Joined(Network(tuple(waiting)), block) if waiting else block)
            waiting = []
    if not joined:
        raise SpecError("the network has no parameters", mend="Give it a block that has some")
    if waiting:
        joined[-1] = Network((joined[-1], *waiting))
    return joined


def manners(blocks: Sequence[Block], input_shape: Shape) -> frozenset[Manner]:
    """By which the blocks would be split as they are: `auto` if nothing more comes apart, `one` if
    they are one block, `declared` if neither was asked for."""
    finest, shape = True, input_shape
    for block in as_handed(blocks, input_shape):
        if isinstance(block, OfUser) and block.manner != "auto":
            from sed2.blocks.user import in_full

            apart = in_full(block, shape)
            finest &= len(join_parameter_free(apart, shape)) == 1
        shape = block.output_shape(shape)
    found: set[Manner] = {"auto" if finest else "declared"}
    if len(join_parameter_free(blocks, input_shape)) == 1:
        found.add("one")
    return frozenset(found)


def build_chain(
    blocks: Sequence[Block], input_shape: Shape, kind: Literal["blocks", "end-to-end"] = "blocks"
) -> Chain:
    """Fit the blocks to the input shape. Allocates nothing.

    Args:
        blocks: the blocks.
        input_shape: of one input.
        kind: `chain` of the settings: noise after every block, or all of them as one block of the
            chain (docs/concepts/measure.md, section 2).

    Raises:
        SpecError: a block cannot take the output of the one before it.
        ResourceError: a block is larger than any memory.
    """
    parametric = join_parameter_free(blocks, input_shape)
    if kind == "end-to-end":
        parametric = [Network(tuple(parametric))]
    found: list[ChainBlock] = []
    numbers: dict[str, int] = {}
    prefix = hashlib.sha256(json.dumps(input_shape).encode())
    shape = input_shape
    for block in parametric:
        prefix.update(block.identity.encode())
        number = numbers[block.kind] = numbers.get(block.kind, 0) + 1
        output_shape = block.output_shape(shape)
        name, parameters = f"{block.kind}_{number}", block.parameter_count(shape)
        if max(parameters, math.prod(output_shape)) > _MOST:
            raise ResourceError(
                f"block {name} has {parameters:,} parameters and outputs of shape {output_shape}, "
                "which no memory can hold",
                mend="Take a smaller model",
            )
        found.append(
            ChainBlock(
                name=name,
                block=block,
                input_shape=shape,
                output_shape=output_shape,
                parameters=parameters,
                left_out=block.left_out(shape),
                stream=int.from_bytes(prefix.digest()[:4], "big"),
            )
        )
        shape = output_shape
    return Chain(input_shape, tuple(found))
