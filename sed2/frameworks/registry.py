"""Which framework a network is of, known by its class without importing anything."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib
import inspect
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
from flax import linen, nnx

from sed2.common.distribution import install
from sed2.errors import SpecError

FRAMEWORKS = {"torch": "Module", "keras": "Layer", "equinox": "Module", "onnx": "ModelProto"}
"""Packages, which the files here that read their networks are called after; and the class that
every network of a package is of."""
PACKAGES = {"torch": "torch", "torchvision": "torch", "timm": "torch", "onnx": "onnx"}
"""Packages, and the extra of sed2 that brings them."""
FILES = {".onnx": "onnx", ".json": "huggingface"}
"""Files that hold networks by their endings, and what reads them."""


def framework_of(network: Any) -> str:
    """Of a network or a class of networks; empty if it is of none of these."""
    kind = network if isinstance(network, type) else type(network)
    bases = {(base.__module__.split(".")[0], base.__qualname__) for base in kind.__mro__}
    return next((package for package, name in bases if FRAMEWORKS.get(package) == name), "")


def adopt(network: Any, name: str, arguments: Mapping[str, Any] | None = None) -> Any:
    """What `sed2.blocks.factory.split` takes, from what it takes or a network of another framework.

    Args:
        network: besides the forms of `split`, an instance, a class or a factory of networks of
            another framework, or a sequence of its instances.
        name: for messages.
        arguments: of the class or the factory, by name.

    Raises:
        SpecError: it cannot be made, or the framework cannot be read.
    """
    if arguments:
        if not callable(network) or isinstance(network, nnx.Module | linen.Module):
            raise SpecError(
                f"`{name}` is no factory, so `arguments` mean nothing",
                mend="Leave them out, or name the class or the function that makes the network",
            )
        _check_arguments(network, name, arguments)
    kind = framework_of(network)
    factory = functools.partial(network, **arguments) if arguments else network
    if not kind and isinstance(network, Sequence) and not isinstance(network, str):
        kinds = {framework_of(element) for element in network}
        kind = kinds.pop() if len(kinds) == 1 else ""
    is_factory = isinstance(network, type)
    if not kind and _may_make_others(factory):
        key = {"key": jax.random.key(0)} if "key" in _names(factory) else {}  # of Equinox
        with contextlib.suppress(Exception):  # that it cannot be made is told by what calls it next
            kind, is_factory = framework_of(factory(**key)), True
    if not kind:
        return factory
    reader = _reader(kind)
    return reader.from_factory(factory, name) if is_factory else reader.from_instance(network, name)


def _may_make_others(factory: Any) -> bool:
    """Whether it is a function that might return a network of another framework."""
    function = factory.func if isinstance(factory, functools.partial) else factory
    if isinstance(function, type | nnx.Module | linen.Module) or not callable(function):
        return False
    return "rngs" not in _names(factory)


def _names(factory: Any) -> Iterable[str]:
    """Of its arguments; a function of C says nothing of them."""
    try:
        return inspect.signature(factory).parameters
    except ValueError:
        return ()


def _check_arguments(factory: Any, name: str, arguments: Mapping[str, Any]) -> None:
    """
    Raises:
        SpecError: the factory does not take them.
    """
    try:
        inspect.signature(factory).bind_partial(**arguments)
    except TypeError as error:
        raise SpecError(
            f"`arguments` do not fit `{name}`: {error}",
            mend=f"It takes {', '.join(_names(factory)) or 'none'}",
        ) from None
    except ValueError:  # a function of C
        pass


def is_file(name: str) -> bool:
    """Whether it is the name of a file that holds a network."""
    return Path(name).suffix.lower() in FILES


def read_file(name: str) -> tuple[Any, str]:
    """The network in a file, in a form that `adopt` takes; and a hash of the file.

    Raises:
        SpecError: it cannot be read, or holds none; or an extra is missing.
    """
    path = Path(name).expanduser()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SpecError(
            f"`{name}` cannot be read ({error.strerror})", mend="Check the path and its permissions"
        ) from None
    reader = _reader(FILES[path.suffix.lower()])
    return reader.from_file(path, content), hashlib.sha256(content).hexdigest()


def missing_extra(error: BaseException) -> str:
    """The mend, if a package that an extra of sed2 brings could not be imported."""
    cause = error.__cause__
    while cause is not None:
        if isinstance(cause, ModuleNotFoundError) and cause.name in PACKAGES:
            extra = PACKAGES[cause.name]
            also = "" if cause.name == extra else f" {cause.name}"
            return f"Install it: `{install(extra)}{also}`"
        cause = cause.__cause__
    return ""


def _reader(framework: str) -> Any:
    """The file here that reads the networks of a framework.

    Raises:
        SpecError: the framework is not installed.
    """
    try:
        return importlib.import_module(f"sed2.frameworks.{framework}")
    except ModuleNotFoundError as error:
        raise SpecError(
            f"reading networks of {framework} needs the package `{error.name}`, which is not "
            "installed",
            mend=f"Install it: `{install(framework)}`",
        ) from error
