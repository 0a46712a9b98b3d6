"""What a block is: its options in YAML and the Flax NNX module they become.

A block is one step of the chain (docs/concepts/measure.md, section 1). Its options are a frozen
pydantic model, so that YAML, JSON Schema and error messages come from one definition; `build` turns
them into an NNX module whose `__call__` is the mean map O_j. How the module's Fisher spectrum
is computed is decided by `sed2.fisher` from the structure the module declares.

To add a kind of block, write one file here: options, module, `@register`.
"""

from __future__ import annotations

import abc
import json
from typing import Annotated, Any, ClassVar, Protocol, TypeVar

import numpy as np
from flax import nnx
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
)

from sed2.blocks.structure import Layout

Shape = tuple[int, ...]


class Block(Protocol):
    """One step of the chain, before its parameters are drawn. Immutable and hashable."""

    @property
    def kind(self) -> str:
        """What sort of block it is; names its blocks `kind_1`, `kind_2`, ..."""
        ...

    @property
    def identity(self) -> str:
        """Text that determines the architecture; enters hashes and random streams."""
        ...

    def output_shape(self, input_shape: Shape) -> Shape:
        """Shape of one output for one input of `input_shape` (no batch axis).

        Raises:
            SpecError: the block cannot take this input.
        """
        ...

    def parameter_count(self, input_shape: Shape) -> int:
        """d_j, counted without allocating anything."""
        ...

    def left_out(self, input_shape: Shape) -> int:
        """Numbers of the module that are neither parameters nor statistics, held constant."""
        ...

    def precision(self, input_shape: Shape) -> str:
        """The floating type of least precision in which it computes."""
        ...

    def layout(self, input_shape: Shape) -> Layout | None:
        """Sizes of the structure that the module's `linearise` declares; None if it has none."""
        ...

    def build(self, input_shape: Shape, rngs: nnx.Rngs) -> nnx.Module:
        """The module: maps a batch (N, *input_shape) to (N, *output_shape)."""
        ...


class BlockOptions(BaseModel, abc.ABC):
    """Options of one block, as they stand in YAML under the name of its kind; a `Block`."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    kind: ClassVar[str]
    nested: ClassVar[tuple[str, ...]] = ()
    """Options that may hold blocks."""
    first_only: ClassVar[bool] = False
    """Whether it takes the data alone, not the noisy output of another block."""

    @property
    def identity(self) -> str:
        """The kind and all options, defaults filled in."""
        return json.dumps([self.kind, self.model_dump(mode="json")], sort_keys=True)

    @abc.abstractmethod
    def output_shape(self, input_shape: Shape) -> Shape:
        """See `Block`."""

    @abc.abstractmethod
    def parameter_count(self, input_shape: Shape) -> int:
        """See `Block`."""

    def left_out(self, input_shape: Shape) -> int:
        """See `Block`."""
        return 0

    def precision(self, input_shape: Shape) -> str:
        """See `Block`."""
        return "float64"

    def layout(self, input_shape: Shape) -> Layout | None:
        """See `Block`."""
        return None

    @abc.abstractmethod
    def build(self, input_shape: Shape, rngs: nnx.Rngs) -> nnx.Module:
        """See `Block`."""

    def check_inputs(self, inputs: np.ndarray) -> None:
        """Check the data themselves, if the block is the first.

        Raises:
            SpecError: it cannot take these numbers.
        """


KINDS: dict[str, type[BlockOptions]] = {}

_S = TypeVar("_S", bound=type[BlockOptions])


def register(kind: _S) -> _S:
    """Class decorator: make the kind known to YAML, the JSON Schema and the chain."""
    KINDS[kind.kind] = kind
    return kind


def read_block(entry: object) -> BlockOptions:
    """A block from what stands in YAML, `{kind: options}`, or the block itself.

    Raises:
        ValidationError: its options are wrong.
        ValueError: there is no such kind.
    """
    if isinstance(entry, BlockOptions):
        return entry
    if isinstance(entry, str):  # `- flatten` is short for `- flatten: {}`
        entry = {entry: None}
    if not isinstance(entry, dict) or len(entry) != 1 or next(iter(entry)) not in KINDS:
        raise ValueError(f"`{entry}` is no block")
    ((kind, options),) = entry.items()
    # As JSON, so that a list may be a tuple while nothing else is converted.
    return KINDS[kind].model_validate_json(json.dumps(options or {}), strict=True)


def _write_block(block: BlockOptions) -> dict[str, Any]:
    return {block.kind: block.model_dump(mode="json")}


BLOCK_SCHEMA = {"title": "block"}
"""Stands for the schema of any block, which is not known before all kinds are."""
InnerBlocks = Annotated[
    tuple[
        Annotated[
            BlockOptions,
            PlainValidator(read_block),
            PlainSerializer(_write_block),
            WithJsonSchema(BLOCK_SCHEMA),
        ],
        ...,
    ],
    Field(min_length=1),
]
"""An option that holds blocks; to be named in `nested`."""
