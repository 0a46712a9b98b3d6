"""Data that the caller holds in Python, told apart by what they can do: no library is imported.

Arrays are copied, so that nothing of the caller's is changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sed2.common.memory import check_array
from sed2.data.checks import Labelled, Reading, pick
from sed2.data.columns import as_plain, from_columns
from sed2.errors import DataError, shown
from sed2.settings import NO_LABEL

_LABELS = ("label", "labels", "y")
"""What the labels of a Hugging Face dataset are called."""
_FORMS = "(x, y) arrays, a DataFrame, a dict of arrays, a torch or Hugging Face dataset, or a path"


def name_of(data: Any) -> str:
    """What data are called in results."""
    return "arrays" if isinstance(data, tuple | list | np.ndarray) else type(data).__name__


def columns_of(data: Any) -> list[str] | None:
    """Names of the columns of a table, the default label last; None if it is none."""
    is_table = hasattr(data, "columns") and hasattr(data, "shape")
    return [str(name) for name in data.columns] if is_table else None


def has_keys(data: Any) -> bool:
    """Whether its parts have names of their own, and are no columns of a table."""
    return isinstance(data, Mapping) or hasattr(data, "column_names")


def read_object(data: Any, reading: Reading) -> Labelled:
    """Inputs and labels.

    Args:
        data: `(x, y)` or x alone, arrays or what NumPy makes one of; a table with `columns`, such
            as a DataFrame, whose last one is the label; a mapping of arrays `x` and `y`; a
            Hugging Face dataset, whose labels are called `label`, and all else are the inputs; or a
            torch dataset of pairs or mappings, of which every item is taken once, in order.

    Raises:
        DataError: it is none of these, or does not hold what it should.
        ResourceError: it would not fit in memory.
    """
    names = columns_of(data)
    if names is not None:
        return from_columns(names, len(data), lambda place: data[data.columns[place]], reading)
    if hasattr(data, "column_names"):
        return _of_hugging_face(data, reading)
    if isinstance(data, Mapping):
        x, y = pick(data, reading, "the mapping", "give {'x': inputs, 'y': labels}")
        return _arrays(data[x], None if y is None else data[y])
    if isinstance(data, tuple | list) and len(data) == 2:
        return _arrays(*data)
    if hasattr(data, "__array__"):
        return _arrays(data, None)
    if isinstance(data, tuple):
        raise DataError(f"a tuple of {len(data)} is not (x, y)", mend=f"Give {_FORMS}")
    if hasattr(data, "__getitem__") and hasattr(data, "__len__") and len(data):
        return _of_items(data, reading)
    raise DataError(
        f"a `{shown(type(data).__name__)}` is no data that can be read, or is empty",
        mend=f"Give {_FORMS}",
    )


def _arrays(x: Any, y: Any) -> Labelled:
    return _numbers(x, "x"), None if y is None else as_plain(y, "array `y`")


def _numbers(x: Any, name: str) -> np.ndarray:
    try:
        array = np.array(as_plain(x, f"array `{name}`"))
    except (TypeError, ValueError, RuntimeError) as fault:  # of rows of several lengths, of torch
        raise DataError(
            f"`{name}` is no array of numbers ({fault})", mend="Bring all inputs to one shape"
        ) from fault
    if array.dtype.kind not in "biuf":
        raise DataError(
            f"array `{name}` holds `{shown(array.dtype)}`, not real numbers",
            mend="Give numbers, one feature for each",
        )
    return array


def _of_hugging_face(data: Any, reading: Reading) -> Labelled:
    """Of a dataset by columns: one of them is `x_key`, or all are that hold no labels."""
    names = data.column_names
    if isinstance(names, Mapping):
        raise DataError(
            f"these are several sets: {', '.join(map(shown, names))}",
            mend=f"Give one of them: data[{next(iter(names), 'train')!r}]",
        )
    data = data.with_format("numpy")
    held = dict.fromkeys(names or ())
    label = reading.y_key or next((name for name in _LABELS if name in held), None)
    inputs = [name for name in held if name not in (label, reading.x_key)]
    key = reading.x_key or (inputs[0] if len(inputs) == 1 else None)
    if key is None and inputs:
        ordered = [*inputs, *([label] if label in held else [])]
        wanted = NO_LABEL if label is None or reading.label == NO_LABEL else label
        return from_columns(
            ordered, len(data), lambda i: data[ordered[i]][:], replace(reading, label=wanted)
        )
    x, y = pick(held, replace(reading, x_key=key, y_key=label), "the dataset", "name its columns")
    return _numbers(data[x][:], x), None if y is None else as_plain(data[y][:], f"column `{y}`")


def _of_items(data: Any, reading: Reading) -> Labelled:
    """Of a dataset by rows: every item is (x, y), a mapping, or x alone."""
    rows, first = len(data), _parts(data[0], reading)
    x0 = _numbers(first[0], "x")
    check_array("the inputs", (rows, *x0.shape), x0.itemsize)
    x = np.empty((rows, *x0.shape), x0.dtype)
    y = []
    for row in range(rows):
        its, target = _parts(data[row], reading)
        values = _numbers(its, "x")
        if values.shape != x0.shape:
            raise DataError(
                f"item {row} has inputs of shape {values.shape}, but item 0 of shape {x0.shape}",
                mend="Bring all inputs to one shape",
            )
        x[row] = values
        y.append(target)
    return x, None if first[1] is None else as_plain(y, "the labels")


def _parts(item: Any, reading: Reading) -> tuple[Any, Any]:
    """Inputs and label of one item."""
    if isinstance(item, Mapping):
        x, y = pick(item, reading, "an item", "let items be pairs (x, y)", _LABELS[::-1])
        return item[x], None if y is None else item[y]
    if isinstance(item, Sequence) and not isinstance(item, str):
        if len(item) == 2:
            return item[0], item[1]
        raise DataError(f"an item has {len(item)} parts", mend="Let items be pairs (x, y)")
    return item, None
