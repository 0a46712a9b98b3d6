"""`.parquet` and `.feather` files, by pyarrow (the extra `arrow`); pandas is not needed.

Nothing larger than the memory is made of what a file announces.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sed2.common.extras import need
from sed2.common.files import open_input
from sed2.common.memory import check_array
from sed2.data.checks import Labelled, Reading, at, damaged
from sed2.data.columns import from_columns
from sed2.errors import DataError, shown


def read_arrow(path: Path, reading: Reading) -> Labelled:
    """Inputs and labels of a `.parquet` or `.feather` file; see `from_columns`.

    Raises:
        UsageError: pyarrow is not here.
        DataError: it is no such file, it is damaged, or a column cannot be used.
        ResourceError: it would not fit in memory.
        OSError: it cannot be opened.
    """
    with _opened(path) as file:
        table = _parquet(file) if path.suffix.lower() == ".parquet" else _feather(file, path)
        names = [str(name) for name in table.schema.names]
        return from_columns(names, table.num_rows, lambda place: _values(table, place), reading)


def arrow_columns(path: Path) -> list[str]:
    """Names of the columns, the default label last; raises as `read_arrow`."""
    with _opened(path) as file:
        if path.suffix.lower() == ".parquet":
            return list(map(str, _pyarrow("parquet").read_schema(file).names))
        return list(map(str, _pyarrow("ipc").open_file(file).schema.names))


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    _pyarrow("ipc")
    cause = f"this is not a {path.suffix.lower()} file, or it is damaged ({{}})"
    mend = "Write it anew, for example with pandas: frame.to_parquet(file)"
    with open_input(path) as file, at(path), damaged(cause, mend):
        yield file


def _pyarrow(part: str) -> Any:
    return need(f"pyarrow.{part}", "arrow", "a .parquet or .feather file")


def _parquet(file: Any) -> Any:
    source = _pyarrow("parquet").ParquetFile(file)
    announced = source.metadata
    check_array("the table", (announced.num_rows, announced.num_columns), 8)
    groups = (announced.row_group(number) for number in range(announced.num_row_groups))
    check_array("the bytes", (sum(max(0, group.total_byte_size) for group in groups),), 1)
    return source.read()


def _feather(file: Any, path: Path) -> Any:
    source = _pyarrow("ipc").open_file(file)
    # Compressed, a few kilobytes hold gigabytes; their rows are told without unpacking them.
    here = _pyarrow("fs").LocalFileSystem()
    paths = [str(path.absolute())]
    announced = _pyarrow("dataset").dataset(paths, format="feather", filesystem=here)
    check_array("the table", (announced.count_rows(), len(source.schema.names)), 8)
    return source.read_all()


def _values(table: Any, place: int) -> Any:
    """A column as an array; categories as what they stand for."""
    column = table.column(place)
    if column.null_count:
        row = column.is_null().index(True).as_py()
        raise DataError(
            f"column `{shown(table.schema.names[place])}` has no value in row {row} (from 0)",
            mend="Fill it, or drop the row",
        )
    if hasattr(column.type, "value_type") and hasattr(column.type, "index_type"):
        column = column.cast(column.type.value_type)
    return column.to_numpy()
