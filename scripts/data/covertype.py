"""Make the bundled Covertype sample from the whole raw data set.

    python -m scripts.data.covertype SOURCE.npz [--out FILE]

SOURCE.npz holds `x` (rows, 54), the raw integers of Covertype, and `y` (rows,), labels 0-6. The
same source gives the same bytes. A new file needs its new sha256 in `sed2/data/catalogue.py`; this
script prints it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from scripts.common.paths import BUNDLED
from scripts.data.written import write
from sed2.data.covertype import CLASSES, NUMERIC, ONE_HOT

ROWS = 100_000
SEED = 0
OUT = BUNDLED / "covertype.npz"
_TYPES = (np.uint8, np.int16, np.int32)  # smallest first
_COLUMNS = len(NUMERIC) + sum(ONE_HOT.values())


def choose_rows(total: int, rows: int = ROWS, seed: int = SEED) -> np.ndarray:
    """(rows,) indices of a random choice without replacement, ascending."""
    return np.sort(np.random.default_rng(seed).choice(total, size=rows, replace=False))


def encode(x: np.ndarray, y: np.ndarray, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Arrays of the bundled file.

    Args:
        x: (total, 54) raw integers.
        y: (total,) labels 0-6.
        rows: indices of the rows to keep.

    Returns:
        One integer array per numeric column; `wilderness` and `soil`, each the index of the
        column that is 1; `label`; and `mean`, `std` (54,) of all the rows, float64.

    Raises:
        ValueError: these are not the raw numbers of Covertype.
    """
    if x.ndim != 2 or x.shape[1] != _COLUMNS or not np.issubdtype(x.dtype, np.integer):
        raise ValueError(f"x must be (rows, {_COLUMNS}) integers, not {x.shape} {x.dtype}")
    if y.shape != x.shape[:1] or not np.issubdtype(y.dtype, np.integer):
        raise ValueError(f"y must be ({len(x)},) integers, not {y.shape} {y.dtype}")
    if y.min() < 0 or y.max() >= CLASSES:
        raise ValueError(f"labels must be 0-{CLASSES - 1}, not {y.min()}-{y.max()}")
    arrays = {name: _compact(x[rows, column]) for column, name in enumerate(NUMERIC)}
    start = len(NUMERIC)
    for name, width in ONE_HOT.items():
        one_hot = x[:, start : start + width]
        if not (np.isin(one_hot, (0, 1)).all() and (one_hot.sum(axis=1) == 1).all()):
            raise ValueError(f"the {width} {name} columns must hold exactly one 1 in every row")
        arrays[name] = one_hot[rows].argmax(axis=1).astype(np.uint8)
        start += width
    arrays["label"] = y[rows].astype(np.uint8)
    arrays["mean"] = x.mean(axis=0, dtype=float)
    arrays["std"] = x.std(axis=0, dtype=float)
    return arrays


def _compact(column: np.ndarray) -> np.ndarray:
    """The same integers in the smallest type that holds them all."""
    low, high = column.min(), column.max()
    fitting = (t for t in _TYPES if np.iinfo(t).min <= low and high <= np.iinfo(t).max)
    return column.astype(next(fitting))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Make the bundled Covertype sample.")
    parser.add_argument("source", type=Path, help=".npz with all raw rows: x (rows, 54), y (rows,)")
    parser.add_argument("--out", type=Path, default=OUT, help="file to write [%(default)s]")
    parser.add_argument("--rows", type=int, default=ROWS, help="rows to keep [%(default)s]")
    given = parser.parse_args(arguments)
    with np.load(given.source, allow_pickle=False) as source:
        x, y = source["x"], source["y"]
    if not 1 <= given.rows <= len(x):
        parser.error(f"--rows must be from 1 to {len(x)}, the rows of {given.source}")
    try:
        arrays = encode(x, y, choose_rows(len(x), given.rows))
    except ValueError as error:
        parser.error(f"{given.source}: {error}")
    write(given.out, arrays)


if __name__ == "__main__":
    main()
