"""Tables by column: one of them is the label, the others are inputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sed2.common.memory import check_array
from sed2.data.checks import Labelled, Reading
from sed2.errors import DataError, did_you_mean, shown
from sed2.settings import NO_LABEL


def from_columns(
    names: Sequence[str], rows: int, column: Callable[[int], Any], reading: Reading
) -> Labelled:
    """Inputs and labels of a table.

    Args:
        names: of the columns.
        column: the one of a place, as an array (rows,).
        reading: which is the label, by default the last one; `none` if there is none.

    Returns:
        x (rows, inputs) float64; y as an array of its own type.

    Raises:
        DataError: there is no such label, nothing is left for the inputs, or an input is no number.
        ResourceError: x would not fit in memory.
    """
    label = label_of(names, reading.label)
    inputs = [place for place, name in enumerate(names) if name != label]
    if not inputs or not rows:
        raise DataError(
            f"there are {rows:,} rows and {len(inputs)} columns besides the label",
            mend="Give at least one of each; `label` as `none` says that no column is the label",
        )
    check_array("the table", (rows, len(inputs)), 8)
    x = np.empty((rows, len(inputs)))
    for place, number in enumerate(inputs):
        name = shown(names[number])
        values = as_plain(column(number), f"column `{name}`")
        if values.dtype.kind not in "biuf" or values.ndim != 1:
            raise DataError(
                f"column `{name}` holds {_held(values)}, not numbers",
                mend="Inputs must be numbers: code categories as numbers; if this column is the "
                "label, name it with `label`",
            )
        x[:, place] = values
        wrong = ~np.isfinite(x[:, place])
        if wrong.any():
            row = int(wrong.argmax())
            raise DataError(
                f"column `{name}` holds {x[row, place]} in row {row} (from 0), which is not a "
                "finite number",
                mend="Drop or fill the rows that hold such numbers",
            )
    if label == NO_LABEL:
        return x, None
    return x, as_plain(column(names.index(label)), f"column `{shown(label)}`")


def label_of(names: Sequence[str], label: str | None) -> str:
    """The column that is the label.

    Raises:
        DataError: two columns have one name, none is called so, or one is called `none`.
    """
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(
            f"two columns are named `{shown(twice)}`", mend="Give each column its own name"
        )
    if not names:
        raise DataError("there is no column", mend="Give at least one")
    label = names[-1] if label is None else label
    if label == NO_LABEL and NO_LABEL in names:
        raise DataError(
            f"a column is named `{NO_LABEL}`, which as `label` says that no column is one",
            mend="Rename it",
        )
    if label not in (NO_LABEL, *names):
        raise DataError(
            f"there is no label column `{shown(label)}`",
            mend=did_you_mean(label, [*map(shown, names), NO_LABEL]),
        )
    return label


def as_plain(values: Any, what: str) -> np.ndarray:
    """An array of numbers or texts, where it may hold them as Python objects.

    Raises:
        DataError: something is missing in it, or it is of several kinds.
    """
    if np.ma.is_masked(values):
        raise DataError(f"{what} has masked values", mend="Fill them, or drop their rows")
    array = np.asarray(values)
    if array.dtype.kind not in "OT":  # objects, and NumPy's own texts
        return array
    flat = array.ravel().tolist()
    kinds = {type(value) for value in flat}
    missing = next((row for row, value in enumerate(flat) if _is_missing(value)), None)
    if missing is not None:
        raise DataError(
            f"{what} has no value in row {missing} (from 0)",
            mend="Fill it, or drop the row",
        )
    if kinds <= {str} or kinds <= {bool} or kinds <= {int, float}:
        return np.array(flat).reshape(array.shape)
    named = ", ".join(sorted(kind.__name__ for kind in kinds))
    raise DataError(
        f"{what} holds Python objects ({shown(named)})", mend="Make it all numbers, or all texts"
    )


def _is_missing(value: object) -> bool:
    """Whether it stands for no value in Python, NumPy or pandas."""
    is_nan = isinstance(value, float) and math.isnan(value)
    return value is None or is_nan or type(value).__name__ in ("NAType", "NaTType")


def _held(values: np.ndarray) -> str:
    if values.ndim != 1:
        return f"arrays of shape {values.shape[1:]}"
    return "texts" if values.dtype.kind in "SU" else f"`{values.dtype}`"
