"""`module: package.module:factory`, and networks handed over in Python: users' code as a spec.

Apart from the rest of the spec because it imports and runs that code.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sed2.blocks.user import Manner, import_factory, split
from sed2.errors import SpecError
from sed2.spec.schema import ModelSpec


def resolve_module(
    model: ModelSpec, *, allowed: bool, partial: bool = False, manner: Manner = "auto"
) -> ModelSpec:
    """The model with the blocks of the network that it names, if it names one.

    Args:
        model: read from a spec.
        allowed: whether the user trusts the code it names.
        partial: whether numbers that are no parameters may be left out.
        manner: how it is split into blocks.

    Raises:
        UsageError: it is not allowed.
        SpecError: it cannot be imported, or is no network.
    """
    if not model.module:
        return model
    factory, sha256 = import_factory(model.module, allowed=allowed, where=model.where)
    try:
        blocks = split(factory, model.module, partial=partial, manner=manner)
    except SpecError as error:
        raise SpecError(error.cause, mend=error.mend, where=model.where) from error
    return replace(
        model, blocks=blocks, block_where=(model.where,) * len(blocks), source_sha256=sha256
    )


def from_network(
    network: Any, name: str = "", *, partial: bool = False, manner: Manner = "auto"
) -> ModelSpec:
    """The spec of a network that the caller holds: any form that `split` takes."""
    name = name or getattr(network, "__name__", type(network).__name__)
    return ModelSpec(name, split(network, name, partial=partial, manner=manner))
