"""The accuracies of the cells and the images, from files that the repository does not hold."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np

from scripts.common.data import by_channel, made
from sed2.data.load import Dataset

RANDOM_CELLS = 1000
"""Of the second table."""
SEED = 201
"""Of their order."""

Cells = dict[int, dict[str, str]]
"""By the benchmark's index: the columns of a table of accuracies."""


def cells(path: Path) -> Cells:
    """A CSV, perhaps zipped, with the columns `index` and `arch`, and accuracies in percent.

    Lines that begin with # are left out."""
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    rows = [line for line in text.splitlines() if not line.startswith("#")]
    return {int(row["index"]): row for row in csv.DictReader(rows)}


def order(first: Cells, second: Cells, count: int = RANDOM_CELLS) -> list[tuple[int, str]]:
    """Indices and cells, in the order in which they are worked on."""
    chosen = np.random.default_rng(SEED).permutation(sorted(second))[:count]
    found = {index: row["arch"] for index, row in first.items()}
    return list({**found, **{int(i): second[int(i)]["arch"] for i in chosen}}.items())


def images(path: Path, side: int) -> Dataset:
    """CIFAR-10 (`x`: (rows, 32, 32, 3), `y`), averaged to side x side pixels and standardised."""
    with np.load(path) as arrays:
        x, y = arrays["x"].astype(float), arrays["y"].astype(int)
    factor = x.shape[1] // side
    x = x.reshape(len(x), side, factor, side, factor, 3).mean(axis=(2, 4))
    return made(f"CIFAR-10, {side} x {side}", by_channel(x), y, standardized=True)
