"""Files of the user's own: `.npz` with arrays `x` and optionally `y`.

Nothing in such a file is run: arrays of Python objects, which are pickles, are refused. Nothing
larger than the memory is allocated for it: a few bytes can announce or unpack to terabytes.
"""

from __future__ import annotations

import math
import os
import zipfile
from pathlib import Path
from warnings import catch_warnings, simplefilter

import numpy as np

from sed2.data.checks import first_not_finite, shown
from sed2.errors import DataError, ResourceError, Sed2Error

_GB = 1e9
_FLOAT = 8  # bytes of a float64, which the numbers become
_KINDS = {"x": "biuf", "y": "biufUS"}  # real numbers; for labels, texts too
_SAVE = "Save it as numpy.savez(file, x=inputs, y=labels)"


def read_npz(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Inputs and, if there are any, labels of a `.npz` file.

    Returns:
        x (rows, ...) float64, finite; y (rows,) int64 or None: the labels, integers or texts,
        coded from 0 in the order of their sorted values.

    Raises:
        DataError: this is not such a file, or it is damaged.
        ResourceError: an array would not fit in memory.
        OSError: it cannot be opened.
    """
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                return _read_arrays(archive)
        except Sed2Error as fault:
            fault.where = str(path)
            raise
        except MemoryError:
            raise
        # Damaged bytes raise a dozen kinds of exceptions in zipfile, zlib, struct and numpy.
        except Exception as fault:
            reason = shown(str(fault)) or type(fault).__name__
            raise DataError(
                f"this is not a .npz file, or it is damaged ({reason})", mend=_SAVE, where=str(path)
            ) from fault


def _read_arrays(archive: zipfile.ZipFile) -> tuple[np.ndarray, np.ndarray | None]:
    members = {name.removesuffix(".npy"): name for name in archive.namelist()}
    if "x" not in members:
        held = ", ".join(f"`{shown(name)}`" for name in list(members)[:10])
        raise DataError(f"there is no array `x`; the file holds {held or 'none'}", mend=_SAVE)
    x = _inputs(_read_array(archive, members, "x"))
    y = _labels(_read_array(archive, members, "y"), len(x)) if "y" in members else None
    return x, y


def _read_array(archive: zipfile.ZipFile, members: dict[str, str], name: str) -> np.ndarray:
    """One array, after its header was found to be harmless and to fit in memory."""
    with archive.open(members[name]) as file, catch_warnings():
        simplefilter("ignore")  # numpy's about headers that Python 2 wrote
        # Version 3.0 differs from 2.0 in the names of fields only, and fields are refused.
        old = np.lib.format.read_magic(file) == (1, 0)
        header = np.lib.format.read_array_header_1_0 if old else np.lib.format.read_array_header_2_0
        shape, _, dtype = header(file)
    if dtype.hasobject:
        raise DataError(
            f"array `{name}` holds Python objects, and loading them could run code",
            mend=f"Save numbers: {name} = numpy.asarray({name}, dtype="
            f"{'float' if name == 'x' else 'int'})",
        )
    if dtype.kind not in _KINDS[name]:
        raise DataError(
            f"array `{name}` holds `{shown(str(dtype))}`, not "
            f"{'real numbers' if name == 'x' else 'integers or texts'}",
            mend="Save it as numbers, one feature for each",
        )
    each = dtype.itemsize + 2 * _FLOAT  # as it is, as float64, and a copy to work with
    needed, free = math.prod(shape) * each, _free_memory()
    if needed > free:
        raise ResourceError(
            f"array `{name}` of shape {shape} needs {needed / _GB:,.1f} GB, but {free / _GB:,.1f} "
            "GB are free",
            mend="Take fewer rows",
        )
    with archive.open(members[name]) as file, catch_warnings():
        simplefilter("ignore")
        return np.lib.format.read_array(file, allow_pickle=False)


def _free_memory() -> float:
    """Bytes that can be had without swapping; infinite where the system does not say."""
    try:
        with open("/proc/meminfo") as lines:
            return next(int(line.split()[1]) * 1024 for line in lines if "MemAvailable" in line)
    except (OSError, StopIteration):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return math.inf


def _inputs(x: np.ndarray) -> np.ndarray:
    """Check x, and make it float64."""
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


def _labels(y: np.ndarray, rows: int) -> np.ndarray:
    """Check y, and code it as (rows,) int64."""
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
