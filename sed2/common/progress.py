"""How work tells how far it is."""

from __future__ import annotations

from collections.abc import Callable

Report = Callable[[int, int], None]
"""Called with the work done so far and its total."""
Progress = Callable[[str, int, int], None]
"""The same, with the name of what is worked on first."""
