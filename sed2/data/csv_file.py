"""Files of the user's own: `.csv` and `.tsv` with a header, one column of which is the label; plain
or gzipped.

A few bytes can unpack to terabytes: no more is unpacked than `MAX_UNPACKED`, and no more rows are
taken than the memory holds.
"""

from __future__ import annotations

import csv
import gzip
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, cast

import numpy as np

from sed2.common.files import open_input
from sed2.common.memory import GB, free_memory
from sed2.data.checks import Labelled, at, first_not_finite
from sed2.data.columns import label_of
from sed2.errors import DataError, ResourceError, shown
from sed2.settings import NO_LABEL

MAX_LINE = 2**24  # bytes
MAX_UNPACKED = 2**33  # bytes
_CELL, _ROW = 16, 64  # bytes of a table and a copy of it, and of what is kept for each row
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars", ",": "commas"}


def read_csv(path: Path, label: str | None = None, targets: str | None = None) -> Labelled:
    """Inputs and, unless `label` is `none`, labels of a `.csv` or `.tsv` file, or of one gzipped.

    Blank lines are skipped, and a row is one line: a cell cannot go over several. Labels are
    numbers, in whatever spelling, or texts.

    Args:
        path: UTF-8 text, columns separated by commas (tabs if it is called `.tsv`), names of the
            columns in the first line.
        label: name of the label column, by default the last one; `none` if there is none.
        targets: as for `sed2.data.checks.as_targets`.

    Returns:
        x (rows, columns - 1) float64, finite, and y (rows,) int64, the labels coded from 0 in the
        order of their sorted values, or float64 where not all are whole; x (rows, columns) and None
        without labels.

    Raises:
        DataError: this is not such a file.
        ResourceError: it does not fit in memory.
        OSError: it cannot be read.
    """
    with _opened(path) as lines:
        texts = iter(lines)
        names, label = _names(lines, next(texts, ""), label)
        positions = [names.index(label)] if label != NO_LABEL else []
        first = next(texts, None)
        if first is None:
            raise DataError(
                "there is a header but no row", mend="Give at least one row", where=str(path)
            )
        _check_number_of_cells(lines.place, names, lines.cells(first))
        lines.most_rows = int(free_memory() / (_CELL * len(names) + _ROW))
        codes: dict[str, int] = {}  # of the labels, in the order of their first row

        def code(text: str) -> int:
            if not text.strip():
                raise ValueError
            return codes.setdefault(text.strip(), len(codes))

        try:
            table = np.loadtxt(
                chain([first], texts),
                delimiter=lines.separator,
                quotechar='"',
                comments=None,
                converters=dict.fromkeys(positions, code),
                ndmin=2,
            )
        except ValueError as fault:  # it stopped at the last line that it took
            _check_row(lines, names, label)
            raise DataError(f"this row cannot be read ({fault})", where=lines.place) from fault
    x = np.delete(table, positions, axis=1)
    rows = lines.numbers[1:]
    _check_finite(path, rows, [name for name in names if name != label], x)
    if not positions:
        return x, None
    first_codes = table[:, positions[0]].astype(np.int64)
    return x, _label_values(path, rows, label, list(codes), first_codes, targets)[first_codes]


def csv_columns(path: Path) -> list[str]:
    """Names of the columns of such a file, the default label last.

    Raises:
        DataError, OSError: as `read_csv`.
    """
    with _opened(path) as lines:
        return _names(lines, next(iter(lines), ""), None)[0]


@contextmanager
def _opened(path: Path) -> Iterator[_Lines]:
    """The lines of a file; what it unpacks to, if it is gzipped."""
    name = path.name.lower()
    with ExitStack() as stack:
        file: IO[bytes] = stack.enter_context(open_input(path))
        if packed := name.endswith(".gz"):
            file = cast(IO[bytes], stack.enter_context(gzip.GzipFile(fileobj=file)))
        separator = "\t" if name.removesuffix(".gz").endswith(".tsv") else ","
        lines = _Lines(path, file, separator, MAX_UNPACKED if packed else None)
        try:
            yield lines
        except (EOFError, gzip.BadGzipFile, zlib.error) as fault:
            raise DataError(
                f"this gzip file is damaged ({fault})", mend="Get it again", where=str(path)
            ) from fault


class _Lines:
    """The lines of a file that are not blank, one after the other, as text."""

    def __init__(self, path: Path, file: IO[bytes], separator: str, most: int | None) -> None:
        self.numbers: list[int] = []
        """Of the lines so far, from 1."""
        self.last = ""
        self.separator = separator
        self.most_rows: int | None = None
        """That fit in memory, if it is known."""
        self._path = path
        self._file = file
        self._left = most
        """Bytes that it may still unpack to; None for a file that is not packed."""

    @property
    def place(self) -> str:
        """Of the last line."""
        return f"{self._path}:{self.numbers[-1] if self.numbers else 1}"

    def cells(self, line: str) -> list[str]:
        """What is between the separators of a line."""
        try:
            return next(csv.reader([line], delimiter=self.separator, strict=True), [])
        except csv.Error as fault:
            raise DataError(
                f"this is not CSV ({fault})",
                mend=f"Save it with {_SEPARATORS[self.separator]} between the columns, one row on "
                "each line",
                where=self.place,
            ) from fault

    def __iter__(self) -> Iterator[str]:
        lines = iter(lambda: self._file.readline(MAX_LINE + 1), b"")
        for number, line in enumerate(lines, start=1):
            self._check_size(len(line))
            if len(line) <= MAX_LINE and not line.strip():
                continue
            self.numbers.append(number)
            if len(line) > MAX_LINE:
                raise DataError(
                    f"this line has more than {MAX_LINE:,} bytes",
                    mend="Put each row on a line of its own",
                    where=self.place,
                )
            try:
                self.last = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as fault:
                raise DataError(
                    f"this is not UTF-8 text ({fault.reason})",
                    mend="Save it as a CSV file in UTF-8",
                    where=self.place,
                ) from fault
            if self.last.count('"') % 2:  # or this cell would swallow the lines that follow
                raise DataError(
                    "a quote is not closed in this line",
                    mend="Close it, keep every row on one line, and write a quote within quotes "
                    'as ""',
                    where=self.place,
                )
            yield self.last

    def _check_size(self, line: int) -> None:
        """Of what was read so far, and of a line of so many bytes."""
        if self._left is not None:
            self._left -= line
            if self._left < 0:
                raise DataError(
                    f"it unpacks to more than {MAX_UNPACKED:,} bytes",
                    mend="Take fewer rows, or unpack it",
                    where=str(self._path),
                )
        if self.most_rows is not None and len(self.numbers) > self.most_rows:
            raise ResourceError(
                f"more than {self.most_rows:,} rows do not fit in the {free_memory() / GB:,.1f} GB "
                "that are free",
                mend="Take fewer rows",
                where=str(self._path),
            )


def _names(lines: _Lines, header: str, label: str | None) -> tuple[list[str], str]:
    """Names of the columns, after a look at everything that a header can be instead; and which of
    them is the label."""
    names = [cell.strip() for cell in lines.cells(header)]
    ours = _SEPARATORS[lines.separator]
    found = next((c for c in _SEPARATORS if len(names) == 1 and c in names[0]), None)
    if not names:
        cause, mend = "the file is empty", "Give a header with the names of the columns, then rows"
    elif found:
        cause = f"the columns are separated by {_SEPARATORS[found]}, not by {ours}"
        mend = f"Save it with {ours} between the columns, and points in the numbers"
    elif len(names) == 1 and label != NO_LABEL:
        cause = f"the only column, `{shown(names[0])}`, is the label, so there are no inputs"
        mend = "Give at least one more column, separated by a "
        mend += f"{ours.removesuffix('s')}, or `label` as `none`"
    # Names 0, 1, 2, ... are what pandas writes for columns that have none.
    elif all(map(_is_number, names)) and names != [str(i) for i in range(len(names))]:
        cause = "there is no header: the first line holds numbers"
        mend = "Add a first line with the names of the columns"
    elif not "".join(names).isprintable():
        cause = "the name of a column holds characters that cannot be shown"
        mend = "Rename it, and save the file as a CSV file in UTF-8"
    elif "" in names:
        cause = f"column {names.index('') + 1} has no name"
        mend = "Name it, or leave it out if it only counts the rows (pandas: index=False)"
    else:
        with at(lines.place):
            return names, label_of(names, label)
    raise DataError(cause, mend=mend, where=lines.place)


def _check_row(lines: _Lines, names: list[str], label: str) -> None:
    """Raises DataError: of the last line there is too much, too little, or a cell that is no
    number."""
    place, cells = lines.place, lines.cells(lines.last)
    _check_number_of_cells(place, names, cells)
    for name, cell in zip(names, cells, strict=True):
        where = f"{place}:{shown(name)}"
        if not cell.strip():
            raise DataError("this cell is empty", mend="Fill it, or drop the row", where=where)
        if name != label and not _is_number(cell):
            raise DataError(
                f"`{shown(cell)}` is not a number",
                mend="Write numbers with a point for decimals, and nothing between thousands"
                if _is_number(cell.replace(",", ""))
                else "Inputs must be numbers: code categories as numbers; if this column is the "
                "label, name it with `label`",
                where=where,
            )


def _check_number_of_cells(place: str, names: list[str], cells: list[str]) -> None:
    if len(cells) != len(names):
        raise DataError(
            f"this row has {len(cells)} cells, but the header has {len(names)}",
            mend="Give every row one cell for each column; quote cells that hold commas",
            where=place,
        )


def _check_finite(path: Path, numbers: list[int], names: list[str], x: np.ndarray) -> None:
    """Raises DataError: x, of which row i is in line numbers[i], holds inf or nan."""
    index = first_not_finite(x)
    if index is not None:
        row, column = index
        raise DataError(
            f"{x[row, column]} is not a finite number",
            mend="Drop or fill the rows that hold such numbers",
            where=f"{path}:{numbers[row]}:{shown(names[column])}",
        )


def _number(text: str) -> int | float | None:
    """The number that a text is; underscores and digits beyond ASCII make none."""
    if "_" in text or not text.isascii():
        return None
    for kind in (int, float):  # as an integer of any size, if it is one
        try:
            return kind(text)
        except ValueError:
            pass
    return None


def _is_number(text: str) -> bool:
    return _number(text) is not None


def _label_values(
    path: Path,
    numbers: list[int],
    column: str,
    labels: list[str],
    codes: np.ndarray,
    targets: str | None,
) -> np.ndarray:
    """(labels,) what each label stands for: int64, its rank, numbers by value, texts by alphabet;
    or float64, the number itself, where not all are whole or `targets` says so.

    Raises:
        DataError: this column is no label: it is to be numbers or classes, and is not, or one is
            not finite.
    """
    values = [_number(label) for label in labels]
    numeric = [value for value in values if value is not None]
    finite = [value is not None and abs(value) <= sys.float_info.max for value in values]
    whole = [
        value is not None and (isinstance(value, int) or value.is_integer()) for value in values
    ]
    fine, needed = finite, "finite numbers"
    if targets == "classes" or (targets is None and all(whole)):
        fine, needed = whole, "integers or texts"
    if len(numeric) < len(values) and targets != "numbers":
        keys = np.array(labels, dtype=object)
    elif not all(fine):
        code = fine.index(False)
        raise DataError(
            f"labels must be {needed}, but `{shown(labels[code])}` is not",
            mend="Name the label column with `label`, or `none` (by default the last one); "
            "`targets` says whether it holds classes or numbers",
            where=f"{path}:{numbers[int((codes == code).argmax())]}:{shown(column)}",
        )
    elif fine is finite:
        return np.array(numeric, dtype=float)
    else:
        keys = np.array(numeric, dtype=object)  # integers of any size
    return np.unique(keys, return_inverse=True)[1].astype(np.int64)
