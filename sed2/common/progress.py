"""How work tells how far it is."""

from __future__ import annotations

from collections.abc import Callable

Report = Callable[[int, int], None]
"""Called with the work done so far and its total."""
Progress = Callable[[str, int, int], None]
"""The same, with the name of what is worked on first."""


def part(progress: Progress, what: str, number: int, count: int) -> Report:
    """The progress of one of `count` parts, as if all were of the same size."""
    return lambda done, total: progress(what, number * total + done, count * total)
