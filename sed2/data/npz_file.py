"""Files of the user's own: `.npz` with arrays `x` and optionally `y`, and `.npy` with the inputs.

Nothing in such a file is run: arrays of Python objects, which are pickles, are refused. Nothing
larger than the memory is allocated for it: a few bytes can announce or unpack to terabytes.
"""

from __future__ import annotations

import math
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO
from warnings import catch_warnings, simplefilter

import numpy as np

from sed2.common.files import open_input
from sed2.common.memory import check_array
from sed2.data.checks import Labelled, Reading, at, damaged, pick
from sed2.errors import DataError, shown

_KINDS = {"x": "biuf", "y": "biufUS"}  # real numbers; for labels, texts too
_LONGEST_HEADER = 10_000  # bytes, as of NumPy
_SAVE = "Save it as numpy.savez(file, x=inputs, y=labels)"


def read_npz(path: Path, reading: Reading = Reading()) -> Labelled:  # noqa: B008
    """Inputs and, if there are any, labels of a `.npz` file, as they are.

    Args:
        reading: which of its arrays they are, by default `x` and, if there is one, `y`.

    Raises:
        DataError: this is not such a file, or it is damaged.
        ResourceError: an array would not fit in memory.
        OSError: it cannot be opened.
    """
    with _opened(path, ".npz") as file, zipfile.ZipFile(file) as archive:
        members = {name.removesuffix(".npy"): name for name in archive.namelist()}
        x, y = pick(members, reading, "the file", _SAVE)
        inputs = _member(archive, members[x], x, "x")
        return inputs, None if y is None else _member(archive, members[y], y, "y")


def read_npy(path: Path) -> Labelled:
    """Inputs of a `.npy` file, as they are; there are no labels. Raises as `read_npz`."""
    with _opened(path, ".npy") as file:
        return _read_array(file, "x", "x", os.fstat(file.fileno()).st_size), None


@contextmanager
def _opened(path: Path, kind: str) -> Iterator[BinaryIO]:
    cause = f"this is not a {kind} file, or it is damaged ({{}})"
    with open_input(path) as file, at(path), damaged(cause, _SAVE):
        yield file


def _member(archive: zipfile.ZipFile, member: str, name: str, role: str) -> np.ndarray:
    size = archive.getinfo(member).file_size
    with archive.open(member) as file:
        return _read_array(file, name, role, size)


def _read_array(file: IO[bytes], name: str, role: str, size: int) -> np.ndarray:
    """One array, after its header was found to be harmless and to fit in memory.

    Args:
        file: its own, at the beginning.
        name: of the array.
        role: `x` or `y`.
        size: bytes of that file.
    """
    name = shown(name)
    with catch_warnings():
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
            f"{'float' if role == 'x' else 'int'})",
        )
    if dtype.kind not in _KINDS[role]:
        raise DataError(
            f"array `{name}` holds `{shown(str(dtype))}`, not "
            f"{'real numbers' if role == 'x' else 'integers or texts'}",
            mend="Save it as numbers, one feature for each",
        )
    check_array(f"array `{name}`", shape, dtype.itemsize)
    needed = math.prod(shape) * dtype.itemsize
    if needed > size:
        raise ValueError(f"array `{name}` announces {needed:,} bytes, but has {size:,}")
    file.seek(0)
    with catch_warnings():
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
