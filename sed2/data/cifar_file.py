"""CIFAR-10 and CIFAR-100 as they are downloaded: archives and folders, for Python and binary.

An archive is unpacked in memory, and to no more than CIFAR's size: a few bytes can unpack to
terabytes. The files for Python are pickles: `cifar_pickle` reads them without running anything.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from sed2.common.files import open_input, read_input
from sed2.common.memory import check_array
from sed2.data.checks import Labelled, as_inputs, as_targets, at, damaged
from sed2.data.cifar_pickle import PIXELS, parse_pickle
from sed2.errors import DataError, shown

_Images = tuple[np.ndarray, np.ndarray]
"""Pixels and labels (rows,), both uint8."""
_LARGEST = 200_000_000  # bytes of all files together; those of CIFAR have 1.9e8
_MOST = 100  # members of an archive; CIFAR's have about ten
_MEND = "Get it again from https://www.cs.toronto.edu/~kriz/cifar.html"


class _RecordLayout(NamedTuple):
    """What is in one of CIFAR's folders."""

    files: tuple[str, ...]
    """Those that hold images, the training batches first."""
    parse: Callable[[memoryview], _Images]
    """Makes pixels (rows, 3 * 32 * 32) and labels of one of them."""


def is_archive(path: Path) -> bool:
    """Whether the name is that of a tar archive."""
    return path.name.lower().endswith((".tar.gz", ".tgz", ".tar"))


def read_archive(path: Path) -> Labelled:
    """Images of an archive, the training batches first.

    Returns:
        x (rows, 32, 32, 3) float64 from 0 to 255, y (rows,) int64 (CIFAR-100: the fine labels).

    Raises:
        DataError: it is not an archive of CIFAR, or it is damaged.
        ResourceError: it would not fit in memory.
        OSError: it cannot be opened.
    """
    with open_input(path) as file, at(path):
        return _labelled(*parse_archive(file))


def has_cifar(folder: Path) -> bool:
    """Whether a folder holds files of CIFAR."""
    return _layout_of(folder) is not None


def read_folder(folder: Path) -> Labelled:
    """Images of a folder that was unpacked from an archive, whatever it is called.

    Returns, Raises: as `read_archive`.
    """
    layout = _layout_of(folder)
    with at(folder):
        if layout is None:
            raise DataError("this folder holds no file of CIFAR", mend=_MEND)
        paths = [folder / name for name in layout.files if (folder / name).is_file()]
        if sum(path.stat().st_size for path in paths) > _LARGEST:
            raise DataError("its files are larger than those of CIFAR", mend=_MEND)
        files = {path.name: memoryview(read_input(path)) for path in paths}
        return _labelled(*_join(layout, files))


def parse_archive(file: BinaryIO) -> _Images:
    """Pixels (rows, 32, 32, 3) and labels (rows,), both uint8, of an archive.

    Raises:
        DataError: as for `read_archive`.
    """
    with damaged("this is not a tar archive, or it is damaged ({})", _MEND):
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        content = (gzip.GzipFile(fileobj=file) if packed else file).read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise DataError("this archive is larger than those of CIFAR", mend=_MEND)
        folders = _members(content)
    folder = next((name for name in _LAYOUTS if name in folders), None)
    if folder is None:
        held = ", ".join(f"`{shown(name)}`" for name in list(folders)[:10])
        raise DataError(
            f"this archive is not one of CIFAR: its folders are {held or 'none'}", mend=_MEND
        )
    return _join(_LAYOUTS[folder], folders[folder])


def _members(content: bytes) -> dict[str, dict[str, memoryview]]:
    """The files of a tar archive by folder and name: pieces of it, whatever its headers say."""
    folders: dict[str, dict[str, memoryview]] = {}
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
        for number, member in enumerate(archive):
            if number >= _MOST:  # a damaged header can lead back to itself
                raise DataError("this archive holds more files than those of CIFAR", mend=_MEND)
            folder, _, name = member.name.removeprefix("./").rpartition("/")
            if member.isfile():
                data = memoryview(content)[member.offset_data :][: member.size]
                if len(data) != member.size:
                    raise tarfile.ReadError(f"it ends within {name}")
                folders.setdefault(folder, {})[name] = data
    return folders


def _layout_of(folder: Path) -> _RecordLayout | None:
    """By the files: the folder itself may have been renamed."""
    for layout in _LAYOUTS.values():
        if any((folder / name).is_file() for name in layout.files):
            return layout
    return None


def _join(layout: _RecordLayout, files: Mapping[str, memoryview]) -> _Images:
    """All images (rows, 32, 32, 3) uint8 and labels (rows,) uint8."""
    batches = []
    for name in layout.files:
        if name not in files:
            raise DataError(f"the file `{name}` is missing", mend=_MEND)
        try:
            batches.append(layout.parse(files[name]))
        except DataError as fault:
            raise DataError(f"the file `{name}` {fault.cause}", mend=_MEND) from fault
    pixels = np.concatenate([pixels for pixels, _ in batches])
    labels = np.concatenate([labels for _, labels in batches])
    return pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), labels


def _labelled(x: np.ndarray, y: np.ndarray) -> Labelled:
    check_array("the array", x.shape, x.itemsize)
    return as_inputs(x), as_targets(y, len(x))


def _parse_binary(content: memoryview, labels: int) -> _Images:
    """Records of so many labels, of which the last is the finest, and an image."""
    size = labels + PIXELS
    if not content or len(content) % size:
        raise DataError(f"has {len(content):,} bytes, not a multiple of {size:,}")
    records = np.frombuffer(content, np.uint8).reshape(-1, size)
    return records[:, labels:], records[:, labels - 1]


_TEN = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")
_LAYOUTS = {
    "cifar-10-batches-py": _RecordLayout(_TEN, parse_pickle),
    "cifar-100-python": _RecordLayout(("train", "test"), parse_pickle),
    "cifar-10-batches-bin": _RecordLayout(
        tuple(f"{name}.bin" for name in _TEN), partial(_parse_binary, labels=1)
    ),
    "cifar-100-binary": _RecordLayout(("train.bin", "test.bin"), partial(_parse_binary, labels=2)),
}
"""By the name of the folder."""
