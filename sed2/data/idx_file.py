"""idx files, in which MNIST and its like are kept: plain or gzipped, one array each.

Two zero bytes, the type of the numbers, the number of dimensions, each dimension as a big-endian
32-bit integer, the numbers. Nothing is allocated before the dimensions are found to fit in memory,
and no more is unpacked than they announce.
"""

from __future__ import annotations

import gzip
import io
import math
import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from sed2.common.files import open_input
from sed2.common.memory import check_array
from sed2.data.checks import Labelled, as_inputs, as_targets, at
from sed2.errors import DataError

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_DIMENSIONS = 8  # at most; images have 3 or 4, and NumPy has a limit of its own
_NAME = re.compile(r"(.*[-._])?idx\d?([-.]ubyte)?(\.gz)?", re.IGNORECASE)
_PARTS = ("train", "t10k")
_MEND = "Get it again, or give a .npz file (numpy.savez(file, x=inputs, y=labels))"


def is_idx(path: Path) -> bool:
    """Whether the name is that of an idx file, such as `train-images-idx3-ubyte.gz`."""
    return _NAME.fullmatch(path.name) is not None


def read_idx(path: Path, layout: str | None = None) -> Labelled:
    """Inputs of an idx file, and the labels of the file beside it, if there is one.

    Images without a channel axis get one. The labels of `train-images-idx3-ubyte` are those of
    `train-labels-idx1-ubyte`, each of them gzipped or not.

    Raises:
        DataError: it is no such file, or it is damaged.
        ResourceError: it would not fit in memory.
        OSError: it cannot be opened.
    """
    return _read(path, [path], layout)


def has_idx(folder: Path) -> bool:
    """Whether a folder holds images that are named as those of MNIST are."""
    return any(_images(folder, part) for part in _PARTS)


def read_folder(folder: Path, layout: str | None = None) -> Labelled:
    """The training images of a folder, then its test images, as far as they are there.

    Raises:
        DataError: one has labels and the other has none, or other sizes; and as `read_idx`.
    """
    return _read(folder, [path for part in _PARTS if (path := _images(folder, part))], layout)


def parse_gzipped(content: bytes) -> np.ndarray:
    """The array of the content of a gzipped idx file."""
    with gzip.open(io.BytesIO(content)) as file:
        return _parse(file)


def _read(place: Path, paths: Sequence[Path], layout: str | None) -> Labelled:
    """The inputs of all these files, one after the other, and their labels."""
    xs = [_read_inputs(path) for path in paths]
    ys = [_read_labels(path, len(x)) for path, x in zip(paths, xs, strict=True)]
    labels = [y for y in ys if y is not None]
    with at(place):
        if len({x.shape[1:] for x in xs}) > 1 or len(labels) not in (0, len(xs)):
            raise DataError(
                "the training and the test images do not go together: they differ in size, or only "
                "one of them has labels",
                mend="Give one of the files by itself",
            )
        shape = (sum(map(len, xs)), *xs[0].shape[1:])
        check_array("the array", shape, max(x.itemsize for x in xs))
        x = as_inputs(np.concatenate(xs), layout)
        # Coded together: a class that one part lacks must not shift its codes.
        return x, as_targets(np.concatenate(labels), len(x)) if labels else None


def _read_inputs(path: Path) -> np.ndarray:
    x = _read_array(path)
    if x.ndim < 2:
        raise DataError(
            "these are labels, not inputs", mend="Give the file of the images", where=str(path)
        )
    return x[..., None] if x.ndim == 3 else x


def _read_labels(images: Path, rows: int) -> np.ndarray | None:
    path = _labels_beside(images)
    if path is None:
        return None
    y = _read_array(path)
    if y.shape != (rows,):
        raise DataError(
            f"there are labels of shape {y.shape} for {rows:,} images",
            mend=f"Get both files again, or take this one away to use {images.name} without labels",
            where=str(path),
        )
    return y


def _read_array(path: Path) -> np.ndarray:
    with open_input(path) as file, at(path):
        packed = file.read(2) == b"\x1f\x8b"  # whatever its name says
        file.seek(0)
        if not packed:
            return _parse(file)
        try:
            with gzip.open(file) as unpacked:
                return _parse(unpacked)
        except (EOFError, gzip.BadGzipFile, zlib.error) as fault:
            raise DataError(f"this gzip file is damaged ({fault})", mend=_MEND) from fault


def _parse(file: BinaryIO | gzip.GzipFile) -> np.ndarray:
    start = file.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in _TYPES:
        raise DataError("this is not an idx file: it does not begin as one", mend=_MEND)
    dtype, dimensions = np.dtype(_TYPES[start[2]]), start[3]
    if not 1 <= dimensions <= _DIMENSIONS:
        raise DataError(f"this idx file announces {dimensions} dimensions", mend=_MEND)
    sizes = file.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise DataError("this idx file ends within its header", mend=_MEND)
    shape = tuple(np.frombuffer(sizes, ">u4").tolist())
    if 0 in shape:
        raise DataError(f"this idx file of shape {shape} is empty", mend=_MEND)
    check_array("the array", shape, dtype.itemsize)
    wanted = math.prod(shape) * dtype.itemsize
    content = file.read(wanted + 1)  # one more: the checksum of a gzip file comes at its end
    if len(content) != wanted:
        found = "more" if len(content) > wanted else f"{len(content):,}"
        raise DataError(
            f"this idx file announces {wanted:,} bytes of numbers, but has {found}", mend=_MEND
        )
    return np.frombuffer(content, dtype).reshape(shape)


def _images(folder: Path, part: str) -> Path | None:
    return _there(folder, f"{part}-images-idx3-ubyte", f"{part}-images.idx3-ubyte")


def _labels_beside(images: Path) -> Path | None:
    name = images.name.removesuffix(".gz")
    if "images" not in name:
        return None
    return _there(images.parent, re.sub(r"idx\d", "idx1", name.replace("images", "labels")))


def _there(folder: Path, *names: str) -> Path | None:
    """The first of these files that there is, gzipped or not."""
    paths = (folder / file for name in names for file in (name, f"{name}.gz"))
    return next((path for path in paths if path.is_file()), None)
