"""The CSV of the validity benchmark: appended cell by cell, resumed, merged, read.

One row is one number. A *cell* is what is computed in one go for one model; its last row holds the
seconds it took, and so says that the cell is whole. What stands after the last such row was being
written when a run stopped.
"""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

END = "seconds"
"""Measure of the last row of each cell."""


@dataclass(frozen=True)
class Row:
    """One number, and all that says what it is. Empty text where a column does not apply."""

    model: str
    parameters: int
    cell: str
    kind: str
    """score, baseline or loss."""
    measure: str
    prior: str
    fisher: str
    samples: int
    """N inputs; of a loss, training points."""
    draws: int
    """K draws of the parameters; of a loss, seeds."""
    eps: str
    value: float
    """NaN if it is undefined."""


HEADER = ",".join(field.name for field in fields(Row))


def encode(rows: Iterable[Row]) -> str:
    """Lines of the file, numbers with six significant digits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in rows:
        *labels, value = astuple(row)
        writer.writerow([*labels, "" if math.isnan(value) else f"{value:.6g}"])
    return text.getvalue()


def read(paths: Sequence[Path]) -> list[Row]:
    """The whole cells of one or several files.

    Raises:
        ValueError: a file is not such a table, or two hold the same cell of the same model.
    """
    rows: list[Row] = []
    for path in paths:
        content, length = _whole(path)
        lines = content[:length].decode().splitlines()
        rows += [_decode(line) for line in csv.reader(lines[1:])]
    seen: set[tuple[str, ...]] = set()
    for row in rows:
        key = (row.model, row.cell, row.measure, row.eps)
        if key in seen:
            raise ValueError(f"{', '.join(map(str, paths))}: {' '.join(key)} is there twice")
        seen.add(key)
    return rows


def resume(path: Path) -> list[Row]:
    """The rows of a run that may have stopped anywhere, after making the file ready to be appended.

    Raises:
        ValueError: it is not such a table.
    """
    if path.exists():
        _, length = _whole(path)
        os.truncate(path, length)
    if not path.exists() or not path.stat().st_size:
        append(path, f"{HEADER}\n")
    return read([path])


def append(path: Path, text: str) -> None:
    """At the end of the file, and on the disk before it returns."""
    with path.open("a", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def merge(paths: Sequence[Path]) -> str:
    """Slices as the one file that a run over all models would have written, cell after cell."""
    rows = read(paths)
    cells = list(dict.fromkeys(row.cell for row in rows))
    rows.sort(key=lambda row: cells.index(row.cell))  # stable: models stay in their order
    return f"{HEADER}\n{encode(rows)}"


def _whole(path: Path) -> tuple[bytes, int]:
    """The file, and the bytes of it that hold whole cells."""
    content = path.read_bytes()
    lines = content.splitlines(keepends=True)
    if not content.startswith(f"{HEADER}\n".encode()):
        if HEADER.encode().startswith(content):  # stopped within the header
            return content, 0
        raise ValueError(f"{path} does not begin with {HEADER}")
    length = whole = len(lines[0])
    for line in lines[1:]:
        length += len(line)
        if line.endswith(b"\n") and next(csv.reader([line.decode()]))[4] == END:
            whole = length
    return content, whole


def _decode(row: Sequence[str]) -> Row:
    model, parameters, cell, kind, measure, prior, fisher, samples, draws, eps, value = row
    return Row(
        model,
        int(parameters),
        cell,
        kind,
        measure,
        prior,
        fisher,
        int(samples),
        int(draws),
        eps,
        float(value) if value else math.nan,
    )
