"""`module: package.module:factory`, files of networks, and networks handed over in Python.

Apart from the rest of the spec because it imports and runs users' code, and other frameworks.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from sed2.blocks.base import Manner
from sed2.blocks.factory import split
from sed2.errors import SpecError, UsageError, raised
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
            network, sha256 = _import(name, allowed=allowed, where=model.where)
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


def _import(name: str, *, allowed: bool, where: str = "") -> tuple[Any, str]:
    """The object that `package.module:factory` names, and a hash of the file it stands in.

    Args:
        name: as written in YAML.
        allowed: whether the user trusts the code. Importing a file runs it.
        where: the place of the name, for messages.

    Raises:
        UsageError: it is not allowed.
        SpecError: there is no such module or name, or importing it fails.
    """
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise SpecError(
            f"`module` must be `package.module:factory`, not `{name}`",
            mend="Name the Python module, a colon, and the function that makes the network",
            where=where,
        )
    if not allowed:
        raise UsageError(
            f"the spec asks to import and run `{name}`, which can do whatever you can",
            mend="If you trust this code, give `allow_import`",
            where=where,
        )
    if "" not in sys.path:  # as `python -m` has it: the user's own files are where the user is
        sys.path.insert(0, "")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise SpecError(
            f"importing `{module_name}` failed: {raised(error)}",
            mend="Run sed2 where the module lies, or install it",
            where=where,
        ) from error
    if not hasattr(module, attribute):
        raise SpecError(
            f"`{module_name}` has no `{attribute}`", mend="Name a function in it", where=where
        )
    file = getattr(module, "__file__", None)
    content = Path(file).read_bytes() if file else b""
    return getattr(module, attribute), hashlib.sha256(content).hexdigest()


def from_network(
    network: Any, name: str = "", *, partial: bool = False, manner: Manner = "auto"
) -> ModelSpec:
    """The spec of a network that the caller holds: any form that `split` or `adopt` takes."""
    name = name or getattr(network, "__name__", type(network).__name__)
    return ModelSpec(name, split(adopt(network, name), name, partial=partial, manner=manner))
