"""Batches of CIFAR for Python, which are pickles. Unpickling runs what a pickle asks for.

So they are not unpickled: their opcodes are followed here, as far as a dictionary with an array and
lists of integers needs them. Names become stand-ins that keep what they are given; any other name
and any other opcode is refused. Nothing is called, and nothing larger than the file is made.
"""

from __future__ import annotations

import io
import pickletools
from dataclasses import dataclass
from typing import Any

import numpy as np

from sed2.data.checks import damaged
from sed2.errors import DataError, shown

PIXELS = 3 * 32 * 32
"""Of an image, plane by plane."""
_CLASSES = 100
_MOST = 2**20  # opcodes; a batch has up to ten for each of 50,000 images
_BYTES = "_codecs.encode"  # with a text and `latin1`: so Python 3 writes bytes for Python 2
_ARRAYS = ("numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct")
_LITERALS = (
    *("NONE", "BININT", "BININT1", "BININT2", "LONG1", "SHORT_BINSTRING", "BINSTRING"),
    *("SHORT_BINBYTES", "BINBYTES", "SHORT_BINUNICODE", "BINUNICODE"),
)
_NAMES = (*_ARRAYS, "numpy.ndarray", "numpy.dtype", _BYTES)


def parse_pickle(content: bytes | memoryview) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (rows, 3 * 32 * 32) uint8 and labels (rows,) uint8, for CIFAR-100 the fine ones.

    Raises:
        DataError: it is not such a batch; the cause is what there is to say of the file.
    """
    with damaged("is not a batch of CIFAR, or it is damaged ({})"):
        batch = _follow(content)
        kind = "fine_labels" if "fine_labels" in batch else "labels"
        if not isinstance(batch, dict) or not {"data", kind} <= batch.keys():
            raise ValueError("it is no dictionary of data and labels")
        pixels, labels = _pixels(batch["data"]), batch[kind]
        if not all(type(label) is int and 0 <= label < _CLASSES for label in labels):
            raise ValueError(f"a label is not a whole number from 0 to {_CLASSES - 1}")
    if len(labels) != len(pixels):
        raise DataError(f"has {len(labels):,} labels for {len(pixels):,} images")
    return pixels, np.array(list(labels), np.uint8)


@dataclass
class _StandIn:
    """For what a name stands for, and for what would be made by calling it."""

    name: str
    arguments: Any = ()
    state: Any = None


def _follow(content: bytes | memoryview) -> Any:
    """What a pickle describes."""
    stack: list[Any] = []
    marks: list[int] = []
    memo: dict[Any, Any] = {}

    def taken(start: int) -> list[Any]:
        items = stack[start:]
        del stack[start:]
        return items

    for number, (opcode, argument, _) in enumerate(pickletools.genops(io.BytesIO(content))):
        if number == _MOST:
            raise ValueError("it is too long")
        match opcode.name:
            case "PROTO" | "FRAME" | "STOP":
                pass
            case name if name in _LITERALS:
                stack.append(argument)
            case "NEWTRUE" | "NEWFALSE":
                stack.append(opcode.name == "NEWTRUE")
            case "EMPTY_DICT":
                stack.append({})
            case "EMPTY_LIST":
                stack.append([])
            case "EMPTY_TUPLE":
                stack.append(())
            case "MARK":
                marks.append(len(stack))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                stack.append(tuple(taken(-int(opcode.name[-1]))))
            case "TUPLE":
                stack.append(tuple(taken(marks.pop())))
            case "APPEND" | "APPENDS":
                items = taken(-1 if opcode.name == "APPEND" else marks.pop())
                stack[-1].extend(items)
            case "SETITEM" | "SETITEMS":
                items = taken(-2 if opcode.name == "SETITEM" else marks.pop())
                keys = [_bytes(key).decode("latin1") for key in items[::2]]
                stack[-1].update(zip(keys, items[1::2], strict=True))
            case "BINPUT" | "LONG_BINPUT":
                memo[argument] = stack[-1]
            case "MEMOIZE":
                memo[len(memo)] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case "GLOBAL":
                stack.append(_stand_in(str(argument).replace(" ", ".")))
            case "STACK_GLOBAL":
                stack.append(_stand_in(".".join(taken(-2))))
            case "REDUCE":
                called, arguments = taken(-2)
                stack.append(_StandIn(called.name, arguments))
            case "BUILD":
                stand_in, stand_in.state = taken(-2)
                stack.append(stand_in)
            case _:
                raise _refusal(f"{opcode.name} {argument}")
    return stack.pop()


def _stand_in(name: str) -> _StandIn:
    if name not in _NAMES:
        raise _refusal(name)
    return _StandIn(name)


def _refusal(asked: str) -> DataError:
    return DataError(f"asks for `{shown(asked)}`, which no batch of CIFAR does; it could run code")


def _bytes(value: Any) -> bytes:
    """What Python 2 wrote as a string, or Python 3 as bytes or text."""
    if isinstance(value, _StandIn) and value.name == _BYTES:
        value = value.arguments[0]
    if isinstance(value, str):
        return value.encode("latin1")
    if isinstance(value, bytes):
        return value
    raise ValueError(f"there is a {type(value).__name__} in the place of a string")


def _pixels(array: _StandIn) -> np.ndarray:
    if not isinstance(array, _StandIn) or array.name not in _ARRAYS:
        raise ValueError("its data is not an array")
    _, shape, dtype, fortran, content = array.state
    kind = _bytes(dtype.arguments[0])
    if not isinstance(shape, tuple) or not all(type(size) is int for size in shape):
        raise ValueError("the shape of its data is none")  # and may nest to any length
    if kind != b"u1" or len(shape) != 2 or shape[1] != PIXELS or shape[0] < 1:
        raise ValueError(f"its data is of shape {shape} and type {kind[:9]!r}")
    pixels = np.frombuffer(_bytes(content), np.uint8)
    return pixels.reshape(shape, order="F" if fortran else "C")
