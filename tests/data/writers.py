"""Files of images as others write them."""

from __future__ import annotations

import io
import struct
import tarfile
from collections.abc import Mapping

import numpy as np

TEN = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")
"""Files of CIFAR-10."""
_TYPES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx(array: np.ndarray) -> bytes:
    """An idx file."""
    kind = _TYPES[f"{array.dtype.kind}{array.dtype.itemsize}"]
    header = bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def python_2(pixels: np.ndarray, **labels: list[int]) -> bytes:
    """A batch of CIFAR as cPickle of Python 2 wrote it: strings, and NumPy's names of the time."""

    def text(value: bytes) -> bytes:
        if len(value) < 256:
            return b"U" + bytes([len(value)]) + value
        return b"T" + struct.pack("<i", len(value)) + value

    shape = b"".join(b"M" + struct.pack("<H", size) for size in pixels.shape)
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\nq\x06cnumpy\nndarray\nq\x07K\x00\x85U\x01b\x87Rq\x08"
        b"(K\x01" + shape + b"\x86cnumpy\ndtype\nq\x09U\x02u1K\x00K\x01\x87Rq\x0a"
        b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
        + text(pixels.tobytes())
        + b"tb"
    )
    lists = b"".join(
        text(name.encode()) + b"](" + b"".join(b"K" + bytes([n]) for n in numbers) + b"e"
        for name, numbers in labels.items()
    )
    names = text(b"filenames") + b"]q\x0b(" + text(b"a_s_000004.png") * len(pixels) + b"e"
    label = text(b"batch_label") + text(b"training batch 1 of 5")
    return b"\x80\x02}q\x01(" + label + lists + text(b"data") + array + names + b"u."


def tar(files: Mapping[str, bytes], mode: str = "w:gz") -> bytes:
    """A tar archive."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return content.getvalue()
