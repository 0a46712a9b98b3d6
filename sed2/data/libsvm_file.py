"""LIBSVM files: on each line a label, and the features that are not 0, as `index:value`."""

from __future__ import annotations

from array import array
from itertools import pairwise
from pathlib import Path

import numpy as np

from sed2.common.files import open_input
from sed2.common.memory import check_array
from sed2.data.checks import Labelled
from sed2.data.csv_file import MAX_LINE
from sed2.errors import DataError, shown

_MEND = "A line is `label index:value index:value ...`, the indices ascending"


def read_libsvm(path: Path) -> Labelled:
    """Inputs and labels of a LIBSVM (svmlight) file. What follows `#` is a comment.

    Indices count from 1, or from 0 if there is an index 0.

    Returns:
        x (rows, largest index) float64; y (rows,) float64.

    Raises:
        DataError: it is no such file.
        ResourceError: it would not fit in memory, zeros filled in.
        OSError: it cannot be opened.
    """
    labels, values, columns, ends = array("d"), array("d"), array("q"), array("q", [0])
    with open_input(path) as file:
        for number, raw in enumerate(iter(lambda: file.readline(MAX_LINE + 1), b""), start=1):
            where = f"{path}:{number}"
            if len(raw) > MAX_LINE:
                raise DataError(
                    f"this line has more than {MAX_LINE:,} bytes", mend=_MEND, where=where
                )
            cells = raw.split(b"#", 1)[0].split()
            if not cells:
                continue
            try:
                labels.append(float(cells[0]))
                for cell in cells[1:]:
                    index, _, value = cell.partition(b":")
                    columns.append(int(index))
                    values.append(float(value))
            except (ValueError, OverflowError):
                text = raw.decode("utf-8", "replace").strip()
                raise DataError(
                    f"this line cannot be read: `{shown(text)}`", mend=_MEND, where=where
                ) from None
            own = columns[ends[-1] :]
            if any(later <= sooner for sooner, later in pairwise(own)) or (own and own[0] < 0):
                raise DataError("the indices do not ascend from 0 on", mend=_MEND, where=where)
            ends.append(len(columns))
    if not columns:
        raise DataError("it holds no feature of any row", mend=_MEND, where=str(path))
    places = np.frombuffer(columns, np.int64)
    places = places - (places.min() > 0)
    shape = (len(labels), int(places.max()) + 1)
    check_array("the table", shape, 8)
    x = np.zeros(shape)
    x[np.repeat(np.arange(len(labels)), np.diff(ends)), places] = values
    return x, np.array(labels)
