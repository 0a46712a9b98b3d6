"""What scripts that make a page of docs/ have in common."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
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


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a table in Markdown."""
    return [row(head), f"|{' --- |' * len(head)}", *map(row, rows)]


def row(cells: Sequence[str]) -> str:
    """A line of a table. The notation of CNNs has a bar of its own, which is escaped."""
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
