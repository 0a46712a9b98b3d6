"""What a block is: its options in YAML and the Flax NNX module they become.

A block is one step of the chain (measure.md, section 1). Its options are a frozen pydantic
model, so that YAML, JSON Schema and error messages come from one definition; `build` turns
them into an NNX module whose `__call__` is the mean map O_j. How the module's Fisher spectrum
is had is decided by `sed2.fisher` from the structure the module declares.

To add a kind of block, write one file here: options, module, `@register`.
"""

from __future__ import annotations

import abc
from typing import ClassVar, TypeVar

from flax import nnx
from pydantic import BaseModel, ConfigDict

Shape = tuple[int, ...]


class BlockSpec(BaseModel, abc.ABC):
    """Options of one block, as they stand in YAML under the name of its kind."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    kind: ClassVar[str]

    @abc.abstractmethod
    def output_shape(self, input_shape: Shape) -> Shape:
        """Shape of one output for one input of `input_shape` (no batch axis).

        Raises:
            SpecError: the block cannot take this input.
        """

    @abc.abstractmethod
    def parameter_count(self, input_shape: Shape) -> int:
        """d_j, counted without allocating anything."""

    @abc.abstractmethod
    def build(self, input_shape: Shape, rngs: nnx.Rngs) -> nnx.Module:
        """The module: maps a batch (N, *input_shape) to (N, *output_shape)."""


KINDS: dict[str, type[BlockSpec]] = {}

_S = TypeVar("_S", bound=type[BlockSpec])


def register(spec: _S) -> _S:
    """Class decorator: make the kind known to YAML, the JSON Schema and the chain."""
    KINDS[spec.kind] = spec
    return spec
