"""Results as bytes and back, exactly, by their types.

What is written is a .npz archive: the arrays as they are, and one JSON document of all else, in
which an array is its number. Nothing is pickled. A float of JSON has as many digits as tell it
apart; NaN and infinities are written as Python's json does.

Pydantic reads the document by the type that is asked for, strictly: every field must be there, no
other one, and of its type. So a file that holds something else is told apart and not used.
"""

from __future__ import annotations

import io
from functools import cache
from typing import Any

import numpy as np
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import SchemaValidator, core_schema

from sed2.errors import shown

_DOCUMENT = "document"
_KINDS = "biuf"  # of NumPy: truths, integers and floats; never objects


class Unreadable(ValueError):
    """Bytes that do not hold what they should."""


def to_bytes(value: Any, kind: Any) -> bytes:
    """A value of a type.

    Args:
        value: a dataclass, a pydantic model, an array, a number, a text, None, or a tuple or
            mapping of these.
        kind: its type, as an annotation says it.

    Raises:
        TypeError: it holds something else.
    """
    arrays: list[np.ndarray] = []

    def other_than_json(found: Any) -> Any:
        if isinstance(found, np.generic):
            return found.item()
        arrays.append(found)
        return len(arrays) - 1

    one = _adapter(kind).dump_json((value,), fallback=other_than_json, warnings=False)
    for array in arrays:
        if not isinstance(array, np.ndarray) or array.dtype.kind not in _KINDS:
            raise TypeError(f"{getattr(array, 'dtype', type(array))} cannot be stored")
    named = {str(number): array for number, array in enumerate(arrays)}
    document = np.frombuffer(one[1:-1], np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **{_DOCUMENT: document}, **named)  # type: ignore[arg-type]
    return buffer.getvalue()


def from_bytes(content: bytes, kind: Any) -> Any:
    """The value that `to_bytes` was given.

    Raises:
        Unreadable: the content is no value of that type.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            if any(info.compress_type for info in archive.zip.infolist()):
                raise ValueError("it is packed, and may be of any size")
            one = b"[%b]" % archive[_DOCUMENT].tobytes()
            arrays = [archive[str(number)] for number in range(len(archive.files) - 1)]
        (value,) = _validator(kind).validate_json(one, strict=True, context=arrays)
        return value
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        place = ".".join(map(str, fault["loc"][1:]))
        raise Unreadable(f"`{shown(place)}` is {shown(fault['input'])}: {fault['msg']}") from None
    except Exception as error:  # whatever zip, NumPy and a result make of bytes that nobody wrote
        raise Unreadable(f"{type(error).__name__}: {shown(error)}") from None


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    # A tuple of one, because a class may not be given a configuration from outside.
    config = ConfigDict(arbitrary_types_allowed=True, extra="forbid", ser_json_inf_nan="constants")
    return TypeAdapter(tuple[kind], config=config)


@cache
def _validator(kind: Any) -> SchemaValidator:
    return SchemaValidator(_stored(_adapter(kind).core_schema))


def _stored(schema: Any) -> Any:
    """A schema of what is stored: an array is its number, and nothing is left to a default."""
    if isinstance(schema, list):
        return [_stored(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("cls") is np.ndarray:
        return core_schema.with_info_plain_validator_function(_array)
    if schema.get("type") == "default":
        return _stored(schema["schema"])
    return {key: _stored(inner) for key, inner in schema.items()}


def _array(number: Any, info: core_schema.ValidationInfo[list[np.ndarray]]) -> np.ndarray:
    """The array of that number; `info` holds those that came with the document."""
    arrays = info.context
    if type(number) is not int or not 0 <= number < len(arrays):
        raise ValueError("there is no such array")
    if arrays[number].dtype.kind not in _KINDS:
        raise ValueError("it holds no numbers")
    return arrays[number]
