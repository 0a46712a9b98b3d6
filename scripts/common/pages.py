"""What scripts that make a page of docs/ have in common."""

from __future__ import annotations

import sys
from pathlib import Path


def show(page: str, path: Path | None) -> None:
    """Print a page, and write it to a file as well if one is named."""
    print(page)
    if path:
        path.parent.mkdir(exist_ok=True)
        path.write_text(page, encoding="utf-8")


def tell(told: str) -> None:
    """How far the work is: one line that is overwritten; nothing where stderr is no terminal."""
    if sys.stderr.isatty():
        print(f"\r{told:<40}\r", end="", file=sys.stderr, flush=True)
