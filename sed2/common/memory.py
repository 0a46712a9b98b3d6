"""How much memory there is, before it is used."""

from __future__ import annotations

import math
import os

from sed2.errors import ResourceError

GB = 1e9
_FLOAT = 8  # bytes of a float64


def free_memory() -> float:
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


def check_array(what: str, shape: tuple[int, ...], itemsize: int) -> None:
    """Look ahead, before an array is read.

    Raises:
        ResourceError: as it is, as float64, and a copy to work with, it would not fit.
    """
    needed, free = math.prod(shape) * (itemsize + 2 * _FLOAT), free_memory()
    if needed > free:
        raise ResourceError(
            f"{what} of shape {shape} needs {needed / GB:,.1f} GB, but {free / GB:,.1f} GB are "
            "free",
            mend="Take fewer rows",
        )
