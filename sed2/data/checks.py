"""What both kinds of file are checked with."""

from __future__ import annotations

import numpy as np

_LONGEST = 60  # characters of a text that an error shows


def shown(text: str) -> str:
    """Text out of a file for an error message: short, on one line, harmless to a terminal."""
    text = "".join(c if c.isprintable() else "�" for c in text[: _LONGEST + 1])
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def first_not_finite(x: np.ndarray) -> tuple[int, ...] | None:
    """Index of the first number of x that is inf or nan, if there is one."""
    finite = np.isfinite(x)
    if finite.all():
        return None
    return tuple(int(i) for i in np.unravel_index(finite.argmin(), x.shape))
