"""What all kinds of data are checked with, and what the user says of how they are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sed2.errors import DataError, Sed2Error, did_you_mean, shown

Labelled = tuple[np.ndarray, np.ndarray | None]
"""x (rows, ...) and y (rows, ...), or None where there are no labels."""
_MOST_CHANNELS = 4


@dataclass(frozen=True)
class Reading:
    """What the user says of how data are read; None is not said. See `sed2.settings`."""

    label: str | None = None
    x_key: str | None = None
    y_key: str | None = None
    layout: str | None = None
    targets: str | None = None


def pick(
    held: Mapping[str, object],
    reading: Reading,
    where: str,
    mend: str,
    labels: tuple[str, ...] = ("y",),
) -> tuple[str, str | None]:
    """The names of the inputs and of the labels among arrays; None if there are no labels.

    Args:
        where: the arrays are, in words.
        mend: what to do where there are no inputs.
        labels: what labels are called.

    Raises:
        DataError: there are no inputs, or no array of a name that is asked for.
    """
    names = [shown(name) for name in list(held)[:10]]
    for option, key in (("x_key", reading.x_key), ("y_key", reading.y_key)):
        if key is not None and key not in held:
            raise DataError(
                f"there is no array `{shown(key)}` in {where}, which `{option}` asks for",
                mend=did_you_mean(key, names),
            )
    x = reading.x_key or "x"
    if x not in held:
        listed = ", ".join(f"`{name}`" for name in names)
        raise DataError(
            f"there is no array `x`; {where} holds {listed or 'none'}",
            mend=f"Name the inputs with `x_key` (and labels with `y_key`), or: {mend}",
        )
    found = (name for name in labels if name in held and name != x)
    return x, reading.y_key or next(found, None)


@contextmanager
def at(place: Path | str) -> Iterator[None]:
    """Faults in here lie at this place, unless they name another."""
    try:
        yield
    except Sed2Error as fault:
        fault.where = fault.where or str(place)
        raise


@contextmanager
def damaged(cause: str, mend: str = "") -> Iterator[None]:
    """Within it, what a library raises of damaged bytes, which may be of a dozen kinds, is a fault.

    Args:
        cause: with `{}` for what the library said.

    Raises:
        DataError: for all but what sed2 itself refuses, and want of memory.
    """
    try:
        yield
    except (Sed2Error, MemoryError):
        raise
    except Exception as fault:
        reason = shown(str(fault).strip()) or type(fault).__name__
        raise DataError(cause.format(reason), mend=mend) from fault


def first_not_finite(x: np.ndarray) -> tuple[int, ...] | None:
    """Index of the first number of x that is inf or nan, if there is one."""
    finite = np.isfinite(x)
    if finite.all():
        return None
    return tuple(int(i) for i in np.unravel_index(finite.argmin(), x.shape))


def as_inputs(x: np.ndarray, layout: str | None = None) -> np.ndarray:
    """x as float64, of images with the channels last.

    Args:
        layout: `nchw` or `nhwc`, if the order of the axes of images is known.

    Raises:
        DataError: it is not one row for each input, it is empty, a number is not finite, or images
            look as if their channels came first.
    """
    if x.ndim < 2:
        raise DataError(
            f"array `x` has shape {x.shape}, but needs one row for each input",
            mend="Reshape it: x.reshape(-1, 1) is one feature a row, x.reshape(1, -1) a single row",
        )
    if x.size == 0:
        raise DataError(f"array `x` of shape {x.shape} is empty", mend="Give at least one row")
    if layout and x.ndim != 4:
        raise DataError(
            f"`layout` is of images (rows, ...), of four axes, but array `x` has shape {x.shape}",
            mend="Leave `layout` out, or reshape the array",
        )
    if layout is None and _looks_channels_first(x.shape):
        channels, _, width = x.shape[1:]
        raise DataError(
            f"array `x` of shape {x.shape} looks like images with the channels first, and would be "
            f"read as images of height {channels} with {width} channels",
            mend=f"Say `layout` nchw if they have {channels} channels, or nhwc if their height is "
            f"{channels}",
        )
    if layout == "nchw":
        x = x.transpose(0, 2, 3, 1)
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


def _looks_channels_first(shape: tuple[int, ...]) -> bool:
    """Whether (rows, a, b, c) is more likely `a` channels of b x c pixels than a x b pixels."""
    if len(shape) != 4:
        return False
    _, channels, height, width = shape
    return channels <= _MOST_CHANNELS < min(height, width)


def are_tokens(x: np.ndarray) -> bool:
    """Whether inputs, as they were given, look like the numbers of tokens: rows of whole numbers of
    a type for more than pixels, none below 0."""
    return bool(
        x.ndim == 2
        and x.shape[1] > 1
        and x.dtype.kind in "iu"
        and x.dtype.itemsize > 1
        and x.min(initial=0) >= 0
    )


def as_targets(y: np.ndarray, rows: int, targets: str | None = None) -> np.ndarray:
    """What is to be predicted: classes, or real numbers.

    Args:
        y: integers and texts are classes; real numbers are so if all of them are whole.
        targets: `classes` or `numbers`, if that is not so.

    Returns:
        (rows,) int64, the classes coded from 0 in the order of their sorted values; or float64,
        finite, (rows,) or (rows, outputs), the numbers.

    Raises:
        DataError: it is not one target for each row, a number is not finite, or texts are to be
            numbers.
    """
    is_number = y.dtype.kind in "fiub"
    if targets == "numbers" and not is_number:
        raise DataError(
            f"targets are to be numbers, but y[0] is `{shown(y.flat[0])}`" if y.size else "no `y`",
            mend="Leave `targets` out: texts are classes",
        )
    if len(y) == rows and y.ndim == 2 and is_number and targets != "classes":
        one_hot = ((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all() and y.shape[1] > 1
        if targets == "numbers" or (y.dtype.kind == "f" and y.shape[1] > 1 and not one_hot):
            return _finite(y)
    if y.shape != (rows,):
        raise DataError(
            f"array `y` has shape {y.shape}, but `x` has {rows:,} rows",
            mend=f"Give one label for each row, of shape ({rows},): y.ravel() for a column, "
            "y.argmax(axis=1) for one-hot labels",
        )
    if targets == "numbers":
        return _finite(y)
    if y.dtype.kind == "f":
        whole = y == np.trunc(_finite(y))
        if targets == "classes" and not whole.all():
            row = int(whole.argmin())
            raise DataError(
                f"classes must be integers or texts, but y[{row}] = {y[row]}",
                mend="Save the classes as integers, or say `targets` numbers",
            )
        if not whole.all():
            return _finite(y)
    return np.unique(y, return_inverse=True)[1].astype(np.int64)


def _finite(y: np.ndarray) -> np.ndarray:
    y = np.array(y, dtype=np.float64)
    index = first_not_finite(y)
    if index is not None:
        raise DataError(
            f"y[{', '.join(map(str, index))}] = {y[index]} is not a finite number (row {index[0]}, "
            "counted from 0)",
            mend="Drop the rows without a label",
        )
    return y
