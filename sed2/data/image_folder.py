"""A folder of images by class: one folder for each class, its name, by Pillow (the extra `images`).

Only formats that hold nothing but pixels are opened, and no image before its size is known.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np

from sed2.common.extras import need
from sed2.common.files import open_input
from sed2.common.memory import check_array
from sed2.data.checks import Labelled, at, damaged
from sed2.errors import DataError, shown

_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
_GREY, _COLOURS = ("1", "L", "LA"), ("P", "RGB", "RGBA", "CMYK", "YCbCr")


def has_images(folder: Path) -> bool:
    """Whether a folder holds folders of images."""
    return any(_has_image(folder / name) for name in filter(_is_class, os.listdir(folder)))


def read_images(folder: Path) -> Labelled:
    """The images of a folder, class by class, and by name in each.

    Returns:
        x (rows, height, width, channels) uint8, one channel if all are grey, else three;
        y (rows,) the names of the classes.

    Raises:
        UsageError: Pillow is not here.
        DataError: an image is damaged, or is not of the size of the first.
        ResourceError: they would not fit in memory.
        OSError: one cannot be opened.
    """
    need("PIL.Image", "images", "a folder of images")
    paths = list(_images(folder))
    first, grey = (0, 0), True
    for path in paths:
        with _opened(path) as image:
            grey = grey and image.mode in _GREY
            if image.mode not in (*_GREY, *_COLOURS):
                raise DataError(
                    f"its pixels are of the mode `{shown(image.mode)}`, not of 8 bits",
                    mend="Save it with 8 bits for each channel, or all of them as a .npz file",
                )
            first = first if any(first) else image.size
            if image.size != first:
                raise DataError(
                    f"it has {image.width} x {image.height} pixels, but {paths[0]} has "
                    f"{first[0]} x {first[1]}",
                    mend="Bring all images to one size",
                )
    width, height = first
    shape = (len(paths), height, width, 1 if grey else 3)
    check_array("the array of all images", shape, 1)
    x = np.empty(shape, np.uint8)
    for row, path in enumerate(paths):
        with _opened(path) as image:
            x[row] = np.asarray(image.convert("L" if grey else "RGB")).reshape(shape[1:])
    return x, np.array([path.parent.name for path in paths])


def _images(folder: Path) -> Iterator[Path]:
    for name in sorted(filter(_is_class, os.listdir(folder))):
        if (folder / name).is_dir():
            files = sorted(filter(_is_image, os.listdir(folder / name)))
            yield from (folder / name / file for file in files)


def _has_image(folder: Path) -> bool:
    """Found without a list of all its files, of which there may be a million."""
    if not folder.is_dir():
        return False
    with os.scandir(folder) as files:
        return any(_is_image(file.name) for file in files)


def _is_class(name: str) -> bool:
    return not name.startswith(".")


def _is_image(name: str) -> bool:
    return name.lower().endswith(_SUFFIXES) and not name.startswith(".")


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """An image, of which only the header is read as yet."""
    from PIL import Image

    cause = "this is not an image that can be read, or it is damaged ({})"
    mend = f"Give one of {', '.join(_FORMATS)}, or take the file away"
    with open_input(path) as file, at(path), damaged(cause, mend), catch_warnings():
        simplefilter("ignore")  # Pillow's about large images; the memory is looked at instead
        with Image.open(file, formats=_FORMATS) as image:
            yield image
