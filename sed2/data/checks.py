"""What all kinds of file are checked with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from sed2.errors import DataError, Sed2Error

Labelled = tuple[np.ndarray, np.ndarray | None]
"""x (rows, ...) float64, finite; y (rows,) int64, or None where there are no labels."""


@contextmanager
def at(path: Path) -> Iterator[None]:
    """Faults in here lie at this path, unless they name another."""
    try:
        yield
    except Sed2Error as fault:
        fault.where = fault.where or str(path)
        raise


def first_not_finite(x: np.ndarray) -> tuple[int, ...] | None:
    """Index of the first number of x that is inf or nan, if there is one."""
    finite = np.isfinite(x)
    if finite.all():
        return None
    return tuple(int(i) for i in np.unravel_index(finite.argmin(), x.shape))


def as_inputs(x: np.ndarray) -> np.ndarray:
    """x as float64.

    Raises:
        DataError: it is not one row for each input, it is empty, or a number is not finite.
    """
    if x.ndim < 2:
        raise DataError(
            f"array `x` has shape {x.shape}, but needs one row for each input",
            mend="Reshape it: x.reshape(-1, 1) is one feature a row, x.reshape(1, -1) a single row",
        )
    if x.size == 0:
        raise DataError(f"array `x` of shape {x.shape} is empty", mend="Give at least one row")
    with np.errstate(over="ignore"):  # of long doubles; what overflows is found right below
        x = np.ascontiguousarray(x, dtype=np.float64)
    index = first_not_finite(x)
    if index is not None:
        row, *column = index
        raise DataError(
            f"x[{', '.join(map(str, index))}] = {x[index]} is not a finite number (row {row}, "
            f"column {', '.join(map(str, column))}, counted from 0)",
            mend="Drop or fill the rows that hold such numbers",
        )
    return x


def as_labels(y: np.ndarray, rows: int) -> np.ndarray:
    """y as (rows,) int64, coded from 0 in the order of its sorted values.

    Raises:
        DataError: it is not one label for each row, or a label is not a whole number.
    """
    if y.shape != (rows,):
        raise DataError(
            f"array `y` has shape {y.shape}, but `x` has {rows:,} rows",
            mend=f"Give one label for each row, of shape ({rows},): y.ravel() for a column, "
            "y.argmax(axis=1) for one-hot labels",
        )
    if y.dtype.kind == "f":
        whole = np.isfinite(y) & (y == np.trunc(y))
        if not whole.all():
            row = int(whole.argmin())
            raise DataError(
                f"labels must be integers or texts, but y[{row}] = {y[row]}",
                mend="Save the classes as integers",
            )
    return np.unique(y, return_inverse=True)[1].astype(np.int64)
