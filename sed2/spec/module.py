"""`module: package.module:factory`, files of networks, and networks handed over in Python.

Apart from the rest of the spec because it imports and runs users' code, and other frameworks.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

from sed2.blocks.base import Manner
from sed2.blocks.user import import_factory, split
from sed2.errors import SpecError
from sed2.frameworks.registry import adopt, is_file, missing_extra, read_file
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
    name = model.module
    try:
        if is_file(name):
            network, sha256 = read_file(name)
        else:
            network, sha256 = import_factory(name, allowed=allowed, where=model.where)
        if model.arguments:
            written = json.dumps(dict(model.arguments), sort_keys=True)
            sha256 = hashlib.sha256(f"{sha256}{written}".encode()).hexdigest()
        blocks = split(adopt(network, name, model.arguments), name, partial=partial, manner=manner)
    except SpecError as error:
        mend = missing_extra(error) or error.mend
        raise SpecError(error.cause, mend=mend, where=model.where) from error
    return replace(
        model, blocks=blocks, block_where=(model.where,) * len(blocks), source_sha256=sha256
    )


def from_network(
    network: Any, name: str = "", *, partial: bool = False, manner: Manner = "auto"
) -> ModelSpec:
    """The spec of a network that the caller holds: any form that `split` or `adopt` takes."""
    name = name or getattr(network, "__name__", type(network).__name__)
    return ModelSpec(name, split(adopt(network, name), name, partial=partial, manner=manner))
