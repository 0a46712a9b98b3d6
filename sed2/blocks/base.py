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
from collections.abc import Callable, Hashable
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Protocol, TypeVar

import numpy as np
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    Strict,
    create_model,
    model_validator,
)
from pydantic_core.core_schema import (
    CoreSchema,
    no_info_wrap_validator_function,
    plain_serializer_function_ser_schema,
)

from sed2.blocks.structure import Layout
from sed2.common.validation import StrictModel, in_words
from sed2.errors import shown

if TYPE_CHECKING:
    from flax import nnx

Shape = tuple[int, ...]
KERNELS = ("kernel", "w", "W", "weight")
"""Names of kernels, in Flax and in plain (init, apply) pairs."""

Path = tuple[str, ...]
"""Names on the way to a parameter."""
Fans = tuple[int, int]
"""Fan-in, the terms of one sum, and fan-out, how many sums one term is in."""


class Block(Hashable, Protocol):
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

    @property
    def supernet(self) -> Block:
        """The block that it is a mask of, whose compiled programs it shares; itself, if of none."""
        ...

    @property
    def masks(self) -> tuple[np.ndarray, ...]:
        """What of its supernet it is, for each `Masked` module of it; empty if it is itself."""
        ...

    def build(self, input_shape: Shape, rngs: nnx.Rngs) -> nnx.Module:
        """The module: maps a batch (N, *input_shape) to (N, *output_shape)."""
        ...


Manner = Literal["auto", "declared", "one"]
"""How a network is split into blocks: by the trace of its program, by its elements, or not."""


class OfUser:
    """A block of a user's own network: what is asked of it without the rest, which needs Flax
    (`sed2.blocks.user`)."""

    draws: bool
    """Whether it draws its parameters by random keys."""
    tied: str
    """The parameters that blocks of its elements would share, so that it is one; empty if none."""
    is_layer: bool
    """Whether it is a single layer of Flax, so that there is nothing to split."""
    manner: Manner
    """How its network is split."""


class BlockOptions(StrictModel, abc.ABC):
    """Options of one block, as they stand in YAML under the name of its kind; a `Block`."""

    kind: ClassVar[str]
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

    @property
    def supernet(self) -> Block:
        """See `Block`."""
        return self

    @property
    def masks(self) -> tuple[np.ndarray, ...]:
        """See `Block`."""
        return ()

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


BLOCK_EXAMPLE = "Write for example `- dense: {features: 16, activation: relu}`"


def _or_kind_alone(schema: dict[str, Any]) -> None:
    """A block in YAML has one kind, which may stand alone if none of its options is needed."""
    mapping = schema | {"minProperties": 1, "maxProperties": 1}
    alone = [
        kind
        for kind, block in KINDS.items()
        if not any(option.is_required() for option in block.model_fields.values())
    ]
    schema.clear()
    description = "A block with its default options."
    schema["oneOf"] = [{"enum": alone, "description": description}, mapping]


class _Kinds(StrictModel):
    """A block as it stands in YAML; its fields are the kinds, of which it has one."""

    model_config = ConfigDict(json_schema_extra=_or_kind_alone)

    @model_validator(mode="before")
    @classmethod
    def _one_kind(cls, entry: object) -> object:
        if isinstance(entry, str):  # `- flatten` is short for `- flatten: {}`
            entry = {entry: None}
        if not isinstance(entry, dict) or len(entry) != 1:
            cause = f"a block is a mapping of its kind to its options, not {in_words(entry)}"
            if isinstance(entry, dict) and entry:
                kinds = ", ".join(map(shown, list(entry)[:10]))
                cause = f"a block has one kind, but this one has {kinds}"
            raise ValueError(cause, f"{BLOCK_EXAMPLE}; the options are indented below the kind")
        return {kind: {} if options is None else options for kind, options in entry.items()}


@cache
def _entry() -> type[BaseModel]:
    """With all kinds there are."""
    kinds: Any = {kind: (block, Field(default_factory=type(None))) for kind, block in KINDS.items()}
    return create_model("block", __base__=_Kinds, **kinds)


class _ByKind:
    """Blocks as pydantic reads and writes them. The kinds are looked up when the first is read."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_wrap_validator_function(
            cls._read,
            handler.generate_schema(_entry()),
            serialization=plain_serializer_function_ser_schema(cls._write),
        )

    @staticmethod
    def _read(entry: object, handler: Callable[[object], BaseModel]) -> BlockOptions:
        if isinstance(entry, BlockOptions):
            return entry
        read = handler(entry)
        (kind,) = read.model_fields_set
        block: BlockOptions = getattr(read, kind)
        return block

    @staticmethod
    def _write(block: BlockOptions) -> dict[str, Any]:
        return {block.kind: block.model_dump(mode="json")}


AnyBlock = Annotated[BlockOptions, _ByKind]
"""A block of any kind."""
Blocks = Annotated[tuple[AnyBlock, ...], Strict(False), Field(min_length=1)]
"""A chain of blocks of any kind."""
