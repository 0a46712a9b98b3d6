"""What all tables have in common: they are whole at any width."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sed2.errors import one_line

_GAP = 2  # characters between two columns
_NAME_WIDTH = 8  # to which the names of models may be folded


def print_table(
    console: Console,
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    text: Sequence[int] = (0,),
    foldable: int | None = None,
) -> Sequence[str]:
    """A plain table, most important columns first: text to the left, numbers to the right.

    Where the console is too narrow, the column `foldable` is folded, and then the last columns
    are left out: what is shown is whole.

    Returns:
        The headers shown.
    """
    headers = [one_line(header) for header in headers]
    rows = [[one_line(cell) for cell in row] for row in rows]
    widths = _widths(headers, rows, foldable)
    kept = len(headers)
    while kept > 2 and _total(widths[:kept]) > console.width:
        kept -= 1
    table = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, _GAP - 1, 0, 0),
        pad_edge=False,
        show_edge=False,
        header_style="bold",
    )
    for i, header in enumerate(headers[:kept]):
        table.add_column(
            Text(header),
            justify="left" if i in text else "right",
            no_wrap=i != foldable,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*map(Text, row[:kept]))
    console.print(table)
    if kept < len(headers):
        left_out = ", ".join(filter(None, headers[kept:]))
        note(console, f"Left out at this width: {left_out}.")
    return headers[:kept]


def fits(
    console: Console,
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    foldable: int | None = None,
) -> bool:
    """Whether a table would be printed with all its columns."""
    return _total(_widths(headers, rows, foldable)) <= console.width


def print_in_parts(console: Console, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table whose columns go on below where the console is too narrow, the first one repeated;
    the first one may be folded."""
    widths = _widths(headers, rows, foldable=0)
    parts: list[list[int]] = [[]]
    for column in range(1, len(headers)):
        if parts[-1] and _total(widths[c] for c in (0, *parts[-1], column)) > console.width:
            parts.append([])
        parts[-1].append(column)
    for number, part in enumerate(parts):
        if number:
            console.print()
        shown = [0, *part]
        cells = [[row[c] for c in shown] for row in rows]
        print_table(console, [headers[c] for c in shown], cells, foldable=0)


def _widths(
    headers: Sequence[str], rows: Sequence[Sequence[str]], foldable: int | None
) -> list[int]:
    """Of all columns, in characters; the least of the one that may be folded."""
    widths = [max(map(cell_len, column)) for column in zip(headers, *rows, strict=True)]
    if foldable is not None:
        widths[foldable] = min(widths[foldable], _NAME_WIDTH)
    return widths


def _total(widths: Iterable[int]) -> int:
    """Of columns side by side."""
    widths = list(widths)
    return sum(widths) + _GAP * (len(widths) - 1)


def note(console: Console, message: str) -> None:
    """One line of explanation below a table."""
    sentence(console, message, "dim")


def sentence(console: Console, message: str, style: str = "", *, wrap: bool = True) -> None:
    """One paragraph, by itself or above a table."""
    console.print(Text(one_line(message), style=style), soft_wrap=not wrap)


def number(value: float, digits: int = 1, comma: str = "") -> str:
    """A number, or a dash where it is undefined."""
    return "–" if math.isnan(value) else f"{value:{comma}.{digits}f}"


def in_words(value: Any) -> str:
    """A value of a setting as one reads it."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        if len(value) > 5:
            return f"{in_words(value[0])} to {in_words(value[-1])}, {len(value):,} points"
        return ", ".join(map(in_words, value))
    return f"{value:,}" if isinstance(value, int) else str(value)
