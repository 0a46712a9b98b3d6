"""Data sets that no file holds."""

from __future__ import annotations

import numpy as np

from sed2.data.load import Dataset, hash_arrays, load_dataset


def made(
    name: str, x: np.ndarray, y: np.ndarray | None = None, *, standardized: bool = False
) -> Dataset:
    """A data set of these arrays."""
    arrays = [x] if y is None else [x, y]
    return Dataset(name, x, y, standardized, name, hash_arrays(*arrays))


def covertype_columns(
    name: str, columns: int, rows: int = 20_000, *, standardized: bool = False
) -> Dataset:
    """The first columns (elevation, aspect, slope, distances, ...) of Covertype, without labels."""
    x = load_dataset("covertype").x[:rows, :columns]
    return made(name, x, standardized=standardized)


def by_channel(x: np.ndarray) -> np.ndarray:
    """Raw numbers standardised as the named data sets are: images by the channel, since pixels of a
    border never change; all else by the column."""
    axes = tuple(range(x.ndim - 1))
    mean, std = x.mean(axis=axes), x.std(axis=axes)
    return (x - mean) / np.where(std == 0, 1, std)
