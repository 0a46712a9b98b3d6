"""Files of the user's own: `.npz` with arrays `x` and optionally `y`.

Nothing in such a file is run: arrays of Python objects, which are pickles, are refused. Nothing
larger than the memory is allocated for it: a few bytes can announce or unpack to terabytes.
"""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from warnings import catch_warnings, simplefilter

import numpy as np

from sed2.common.files import open_input
from sed2.common.memory import check_array
from sed2.data.checks import Labelled, as_inputs, as_labels
from sed2.errors import DataError, Sed2Error, shown

_KINDS = {"x": "biuf", "y": "biufUS"}  # real numbers; for labels, texts too
_LONGEST_HEADER = 10_000  # bytes, as of NumPy
_SAVE = "Save it as numpy.savez(file, x=inputs, y=labels)"


def read_npz(path: Path) -> Labelled:
    """Inputs and, if there are any, labels of a `.npz` file.

    Returns:
        x (rows, ...) float64, finite; y (rows,) int64 or None: the labels, integers or texts,
        coded from 0 in the order of their sorted values.

    Raises:
        DataError: this is not such a file, or it is damaged.
        ResourceError: an array would not fit in memory.
        OSError: it cannot be opened.
    """
    with open_input(path) as file:
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


def _read_arrays(archive: zipfile.ZipFile) -> Labelled:
    members = {name.removesuffix(".npy"): name for name in archive.namelist()}
    if "x" not in members:
        held = ", ".join(f"`{shown(name)}`" for name in list(members)[:10])
        raise DataError(f"there is no array `x`; the file holds {held or 'none'}", mend=_SAVE)
    x = as_inputs(_read_array(archive, members, "x"))
    y = as_labels(_read_array(archive, members, "y"), len(x)) if "y" in members else None
    return x, y


def _read_array(archive: zipfile.ZipFile, members: dict[str, str], name: str) -> np.ndarray:
    """One array, after its header was found to be harmless and to fit in memory."""
    with archive.open(members[name]) as file, catch_warnings():
        simplefilter("ignore")  # numpy's about headers that Python 2 wrote
        _check_length(file.read(12))
        file.seek(0)
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
    check_array(f"array `{name}`", shape, dtype.itemsize)
    needed, there = math.prod(shape) * dtype.itemsize, archive.getinfo(members[name]).file_size
    if needed > there:
        raise ValueError(f"array `{name}` announces {needed:,} bytes, but has {there:,}")
    with archive.open(members[name]) as file, catch_warnings():
        simplefilter("ignore")
        return np.lib.format.read_array(file, allow_pickle=False)


def _check_length(start: bytes) -> None:
    """Of the header of an array, which NumPy reads before it looks at its length.

    Args:
        start: the first bytes of the array's file.
    """
    old = start[6:7] == b"\1"
    length = int.from_bytes(start[8 : 10 if old else 12], "little")
    if length > _LONGEST_HEADER:
        raise ValueError(f"an array has a header of {length:,} bytes")
