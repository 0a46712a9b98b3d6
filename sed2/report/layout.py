"""What all tables have in common: they are whole at any width."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from sed2.errors import one_line

Item = TypeVar("Item")

_GAP = 2  # characters between two columns
_NAME_WIDTH = 8  # to which the names of models may be folded
_PIECE_WIDTH = 24  # of what is folded between its characters, if it has to be
_PIECE = re.compile(r"\d[\d.,]*\W?|[^\W\d]+\W?|.", re.DOTALL)
"""What is not folded: a number or a word, with the mark after it."""


@dataclass(frozen=True)
class Column(Generic[Item]):
    """Of a table with one item a row."""

    header: str
    cell: Callable[[Item], str]
    key: Callable[[Item], float | str | None] = lambda item: None
    """What its column is sorted by; missing ones, also NaN, come last."""
    kind: Callable[[Item], str] = lambda item: ""
    """A class of the style sheet."""
    always: bool = True
    """Whether it is shown even where it says the same in every row."""

    @classmethod
    def of(
        cls,
        header: str,
        value: Callable[[Item], Any],
        cell: Callable[[Any], str] = str,
        *,
        always: bool = True,
    ) -> Column[Item]:
        """Sorted by the value that it shows."""
        return cls(header, lambda item: cell(value(item)), value, always=always)


@dataclass(frozen=True)
class Table:
    """What the terminal, the page, the notebook and Markdown show, each in its own way. The most
    important columns come first."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    text: Sequence[int] = (0,)
    """Columns of text, to the left; all others are numbers."""
    named: int | None = None
    """The column that names the row, and may be folded."""
    keys: Sequence[Sequence[float | str | None]] = ()
    """Of each cell, where a reader may sort the rows."""
    kinds: Sequence[Sequence[str]] = ()

    @classmethod
    def of(
        cls,
        columns: Sequence[Column[Item]],
        items: Iterable[Item],
        text: Sequence[int] = (0,),
        named: int | None = None,
    ) -> Table:
        """A row for each item."""
        items = list(items)
        return cls(
            [column.header for column in columns],
            [[column.cell(item) for column in columns] for item in items],
            text,
            named,
            [[column.key(item) for column in columns] for item in items],
            [[column.kind(item) for column in columns] for item in items],
        )

    def only(self, columns: Sequence[int]) -> Table:
        """These columns in this order."""

        def of(rows: Sequence[Sequence[Item]]) -> list[list[Item]]:
            return [[row[column] for column in columns] for row in rows]

        return Table(
            [self.headers[column] for column in columns],
            of(self.rows),
            [at for at, column in enumerate(columns) if column in self.text],
            columns.index(self.named) if self.named in columns else None,
            of(self.keys),
            of(self.kinds),
        )


def print_table(console: Console, table: Table) -> Sequence[str]:
    """A plain table: text to the left, numbers to the right.

    Where the console is too narrow, the column of the names is folded, and then the last columns
    are left out: what is shown is whole.

    Returns:
        The headers shown.
    """
    headers = [one_line(header) for header in table.headers]
    widths = _widths(table)
    kept = len(headers)
    while kept > 2 and _total(widths[:kept]) > console.width:
        kept -= 1
    printed = RichTable(
        box=box.SIMPLE_HEAD,
        padding=(0, _GAP - 1, 0, 0),
        pad_edge=False,
        show_edge=False,
        header_style="bold",
    )
    for i, header in enumerate(headers[:kept]):
        printed.add_column(
            Text(header),
            justify="left" if i in table.text else "right",
            no_wrap=i != table.named,
            overflow="fold",
        )
    named = table.named
    room = console.width - _total(widths[:kept]) + (widths[named] if named is not None else 0)
    for row in table.rows:
        cells = [one_line(cell) for cell in row[:kept]]
        if named is not None:
            cells[named] = "\n".join(folded(cells[named], room))
        printed.add_row(*map(Text, cells))
    console.print(printed)
    if kept < len(headers):
        left_out = ", ".join(filter(None, headers[kept:]))
        note(console, f"Left out at this width: {left_out}.")
    return headers[:kept]


def fits(console: Console, table: Table) -> bool:
    """Whether a table would be printed with all its columns."""
    return _total(_widths(table)) <= console.width


def print_in_parts(console: Console, table: Table) -> None:
    """A table whose columns go on below where the console is too narrow, the names repeated."""
    widths = _widths(table)
    parts: list[list[int]] = [[]]
    for column in range(1, len(table.headers)):
        if parts[-1] and _total(widths[c] for c in (0, *parts[-1], column)) > console.width:
            parts.append([])
        parts[-1].append(column)
    for number, part in enumerate(parts):
        if number:
            console.print()
        print_table(console, table.only([0, *part]))


def _widths(table: Table) -> list[int]:
    """Of all columns, in characters; the least of the one that may be folded."""
    columns = zip(table.headers, *table.rows, strict=True)
    widths = [max(cell_len(one_line(cell)) for cell in column) for column in columns]
    if table.named is not None:
        names = [one_line(row[table.named]) for row in table.rows]
        longest = max(
            (cell_len(piece) for name in names for piece in _PIECE.findall(name)), default=0
        )
        least = max(_NAME_WIDTH, min(longest, _PIECE_WIDTH))
        widths[table.named] = min(widths[table.named], least)
    return widths


def folded(text: str, width: int) -> list[str]:
    """Lines of at most this many characters, none of which ends within a number or a word that has
    room in a line."""
    lines = [""]
    for piece in _PIECE.findall(text):
        whole = cell_len(piece.rstrip()) <= width
        for part in [piece] if whole else piece:
            if lines[-1] and cell_len((lines[-1] + part).rstrip()) > width:
                lines.append("")
            lines[-1] += part
    return [line.rstrip() for line in lines]


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
