"""`.arff` files, as of Weka and OpenML, by SciPy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from sed2.common.files import open_input
from sed2.common.memory import check_array
from sed2.data.checks import Labelled, Reading, at, damaged
from sed2.data.columns import from_columns
from sed2.data.csv_file import MAX_LINE
from sed2.errors import DataError

_DAMAGED = "this is not an .arff file that can be read ({})"
_MEND = "Attributes are numeric or {categories}, and no value is missing; or save it as a .csv file"


def read_arff(path: Path, reading: Reading) -> Labelled:
    """Inputs and labels of an `.arff` file of numbers and categories; see `from_columns`.

    Raises:
        DataError: it is no such file, it is damaged, or an attribute cannot be used.
        ResourceError: it would not fit in memory.
        OSError: it cannot be opened.
    """
    with at(path):
        table, names = _loaded(path)
        return from_columns(names, len(table), lambda place: _values(table[names[place]]), reading)


def arff_columns(path: Path) -> list[str]:
    """Names of the attributes, the default label last; raises as `read_arff`."""
    with at(path):
        return _loaded(path, header_only=True)[1]


def _loaded(path: Path, *, header_only: bool = False) -> tuple[np.ndarray, list[str]]:
    """The table, and the names of its attributes."""
    from scipy.io.arff import loadarff  # which other files do not wait for

    with open_input(path) as file, damaged(_DAMAGED, _MEND):
        table, about = loadarff(_ArffLines(file, header_only))
    return table, about.names()


class _ArffLines(Iterator[str]):
    """The lines of a file, whose categories may be long texts that SciPy keeps at full length for
    every row."""

    def __init__(self, file: BinaryIO, header_only: bool) -> None:
        self._lines = self._read(file, header_only)

    def read(self) -> str:
        """By which SciPy knows a file; it takes the lines alone."""
        raise NotImplementedError

    def __next__(self) -> str:
        return next(self._lines)

    def _read(self, file: BinaryIO, header_only: bool) -> Iterator[str]:
        rows, widest, in_data = 0, 0, False
        for number, line in enumerate(iter(lambda: file.readline(MAX_LINE + 1), b""), start=1):
            if len(line) > MAX_LINE:
                raise DataError(
                    f"line {number} has more than {MAX_LINE:,} bytes",
                    mend="Put each row on a line of its own",
                )
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as fault:
                raise DataError(
                    f"line {number} is not UTF-8 text ({fault.reason})", mend="Save it in UTF-8"
                ) from fault
            word = text.lstrip()[:10].lower()
            if not in_data and word.startswith("@attribute"):
                widest += len(line) + 8
            elif in_data:
                rows += 1
                if rows % 1000 == 0 or widest > MAX_LINE:
                    check_array("the table", (rows, widest), 1)
            yield text
            if word.startswith("@data"):
                in_data = True
                if header_only:
                    return


def _values(column: np.ndarray) -> np.ndarray:
    """Of an attribute; a category that is missing is a text of its own to SciPy."""
    if column.dtype.kind == "S":
        texts = np.char.decode(column, "utf-8")
        if (texts == "?").any():
            row = int((texts == "?").argmax())
            raise DataError(
                f"a category is missing in row {row} (from 0)", mend="Fill it, or drop the row"
            )
        return texts
    return column
