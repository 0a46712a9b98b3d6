"""Results as bytes and back, exactly, by their types.

What is written is a .npz archive: the arrays as they are, and one JSON document of all else, in
which an array is its number. Nothing is pickled. A float of JSON has 17 digits and comes back as
it was; NaN and infinities are written as Python's json does.

What is read is checked against the type that is asked for, field by field, so that a file that
holds something else is told apart and not used.
"""

from __future__ import annotations

import io
import json
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np
from pydantic import BaseModel

from sed2.common.validation import shown

_DOCUMENT = "document"
_KINDS = "biuf"  # of NumPy: truths, integers and floats; never objects
_UNIONS = (types.UnionType, Union)


class Unreadable(ValueError):
    """Bytes that do not hold what they should."""


def to_bytes(value: Any, kind: Any) -> bytes:
    """A value of a type.

    Args:
        value: a dataclass, a pydantic model, an array, a number, a text, None, or a tuple or
            mapping of these.
        kind: its type, as an annotation says it.
    """
    arrays: list[np.ndarray] = []
    document = json.dumps(_encode(value, kind, arrays), ensure_ascii=False).encode()
    named = {str(number): array for number, array in enumerate(arrays)}
    buffer = io.BytesIO()
    np.savez(buffer, **{_DOCUMENT: np.frombuffer(document, np.uint8)}, **named)  # type: ignore[arg-type]
    return buffer.getvalue()


def from_bytes(content: bytes, kind: Any) -> Any:
    """The value that `to_bytes` was given.

    Raises:
        Unreadable: the content is no value of that type.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            document = json.loads(archive[_DOCUMENT].tobytes())
            arrays = [archive[str(number)] for number in range(len(archive.files) - 1)]
        return _decode(document, kind, arrays, "")
    except Unreadable:
        raise
    except Exception as error:  # whatever zip, NumPy and JSON make of bytes that nobody wrote
        raise Unreadable(f"{type(error).__name__}: {shown(error)}") from None


def _encode(value: Any, kind: Any, arrays: list[np.ndarray]) -> Any:
    """The JSON of a value; its arrays are appended."""
    if kind is np.ndarray:
        if value.dtype.kind not in _KINDS:
            raise TypeError(f"an array of {value.dtype} cannot be stored")
        arrays.append(value)
        return len(arrays) - 1
    if kind in (bool, int, float, str):
        return kind(value)  # NumPy's scalars are Python's here
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(kind, type) and is_dataclass(kind):
        return {
            name: _encode(getattr(value, name), inner, arrays)
            for name, inner in _field_types(kind).items()
        }
    origin, inner = get_origin(kind), get_args(kind)
    if origin in _UNIONS:
        return None if value is None else _encode(value, _other_than_none(kind), arrays)
    if origin is Literal:
        return value
    if origin is tuple:
        kinds = inner[:1] * len(value) if inner[1:] == (...,) else inner
        return [_encode(v, k, arrays) for v, k in zip(value, kinds, strict=True)]
    if origin in (dict, Mapping):
        return {str(name): _encode(v, inner[1], arrays) for name, v in value.items()}
    raise TypeError(f"nothing is known of how to store {kind}")


def _decode(found: Any, kind: Any, arrays: list[np.ndarray], where: str) -> Any:
    """The value of a type that a JSON stands for."""

    def check(is_right: bool) -> None:
        if not is_right:
            raise Unreadable(f"`{where}` is {shown(json.dumps(found))}")

    if kind is np.ndarray:
        check(type(found) is int and 0 <= found < len(arrays))
        check(arrays[found].dtype.kind in _KINDS)
        return arrays[found]
    if kind in (bool, int, float, str):
        check(type(found) is kind)
        return found
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind.model_validate(found)
    if isinstance(kind, type) and is_dataclass(kind):
        hints = _field_types(kind)
        check(isinstance(found, dict) and found.keys() == hints.keys())
        within = f"{where}." if where else ""
        return kind(**{n: _decode(found[n], k, arrays, f"{within}{n}") for n, k in hints.items()})
    origin, inner = get_origin(kind), get_args(kind)
    if origin in _UNIONS:
        other = _other_than_none(kind)
        return None if found is None else _decode(found, other, arrays, where)
    if origin is Literal:
        check(found in inner)
        return found
    if origin is tuple:
        check(isinstance(found, list))
        kinds = inner[:1] * len(found) if inner[1:] == (...,) else inner
        check(len(kinds) == len(found))
        return tuple(_decode(v, k, arrays, where) for v, k in zip(found, kinds, strict=True))
    if origin in (dict, Mapping):
        check(isinstance(found, dict))
        return {n: _decode(v, inner[1], arrays, f"{where}[{n}]") for n, v in found.items()}
    raise TypeError(f"nothing is known of how to read {kind}")


def _other_than_none(kind: Any) -> Any:
    """T of `T | None`, the only union that is stored."""
    (inner,) = (each for each in get_args(kind) if each is not type(None))
    return inner


@cache
def _field_types(kind: type) -> dict[str, Any]:
    """The annotations of a dataclass, in the order of its fields.

    What `sed2.results` has from later blocks is there for the type checker only."""
    from sed2.baselines.results import BaselineValue
    from sed2.ranking.results import Prediction
    from sed2.training.result import Training

    later = {each.__name__: each for each in (BaselineValue, Prediction, Training)}
    hints = get_type_hints(kind, localns=later)
    return {field.name: hints[field.name] for field in fields(kind)}
