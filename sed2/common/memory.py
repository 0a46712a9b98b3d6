"""How much memory there is, before it is used."""

from __future__ import annotations

import math
from pathlib import Path, PurePosixPath

from sed2.errors import ResourceError

GB = 1e9
_FLOAT = 8  # bytes of a float64
_CGROUPS = {
    "": ("sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
    "memory": (
        "sys/fs/cgroup/memory",
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
        "total_inactive_file",
    ),
}
"""Of the controllers of cgroup v2 and v1: folder, limit, usage, and cached files in memory.stat."""


def free_memory() -> float:
    """Bytes that are free without swapping, on this machine and within its container."""
    import psutil  # `--help` does not need it

    return min(psutil.virtual_memory().available, free_in_cgroup())


def free_in_cgroup(root: Path = Path("/")) -> float:
    """Bytes left within the limits of the cgroups, v1 or v2, that hold this process; infinite
    where none has a limit.

    Cached files that nobody uses give way, so they are counted as free.

    Args:
        root: of the file system.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return math.inf
    left = math.inf
    for line in lines:
        _, controllers, path = line.split(":", 2)
        for controller in _CGROUPS.keys() & controllers.split(","):
            folder, *names = _CGROUPS[controller]
            # A container may see its own group as the top, and not the path that leads to it.
            for group in (own := PurePosixPath(path), *own.parents):
                left = min(left, _left(root / folder / str(group).strip("/"), *names))
    return max(left, 0.0)


def _left(group: Path, limit: str, usage: str, cached: str) -> float:
    """Bytes below the limit of one cgroup; infinite where it has none."""
    try:
        bound = float((group / limit).read_text().replace("max", "inf"))
        used = float((group / usage).read_text())
        rows = dict(row.split() for row in (group / "memory.stat").read_text().splitlines())
        return bound - used + float(rows.get(cached, 0))
    except (OSError, ValueError):
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
