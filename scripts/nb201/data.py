"""The accuracies of the cells and the images, from files that the repository does not hold."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from scripts.common.data import by_channel, made
from sed2.data.load import Dataset

Cells = dict[int, dict[str, str]]
"""By the benchmark's index: the columns of a table of accuracies."""


def cells(path: Path) -> Cells:
    """A CSV, perhaps zipped, with the columns `index` and `arch`, and accuracies in percent.

    Lines that begin with # are left out."""
    opened = gzip.open(path, "rt") if path.suffix == ".gz" else path.open(encoding="utf-8")
    with opened as file:
        rows: Iterable[str] = [line for line in file if not line.startswith("#")]
    return {int(row["index"]): row for row in csv.DictReader(rows)}


def images(path: Path, side: int) -> Dataset:
    """CIFAR-10 (`x`: (rows, 32, 32, 3), `y`), averaged to side x side pixels and standardised."""
    with np.load(path) as arrays:
        x, y = arrays["x"].astype(float), arrays["y"].astype(int)
    factor = x.shape[1] // side
    x = x.reshape(len(x), side, factor, side, factor, 3).mean(axis=(2, 4))
    return made(f"CIFAR-10, {side} x {side}", by_channel(x), y, standardized=True)
