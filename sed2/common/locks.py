"""Locks on open files, which the system lets go of when their process dies."""

from __future__ import annotations

from typing import Any

fcntl: Any
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None


def lock(handle: int) -> bool:
    """Lock an open file until it is closed; False if another holds it, or nothing can be locked."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
