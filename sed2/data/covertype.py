"""Covertype: its columns, and the two files that it is read from."""

from __future__ import annotations

import gzip
import io

import numpy as np

NUMERIC = (
    "elevation",
    "aspect",
    "slope",
    "horizontal_distance_to_hydrology",
    "vertical_distance_to_hydrology",
    "horizontal_distance_to_roadways",
    "hillshade_9am",
    "hillshade_noon",
    "hillshade_3pm",
    "horizontal_distance_to_fire_points",
)
"""The first columns, in their order."""
ONE_HOT = {"wilderness": 4, "soil": 40}
"""The columns after them: groups of which exactly one is 1 in every row."""
CLASSES = 7


def parse_sample(content: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """What `scripts.data.covertype` wrote.

    Returns:
        x (rows, 54) raw float64, y (rows,) int64 from 0, mean (54,) and std (54,) of the full set.
    """
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        y = arrays["label"].astype(np.int64)
        start = len(NUMERIC)
        x = np.zeros((len(y), start + sum(ONE_HOT.values())))
        for column, name in enumerate(NUMERIC):
            x[:, column] = arrays[name]
        for name, width in ONE_HOT.items():
            x[np.arange(len(y)), start + arrays[name]] = 1
            start += width
        return x, y, arrays["mean"], arrays["std"]


def parse_full(content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """The original `covtype.data.gz`: 54 integers and the label 1-7 in each line.

    Returns:
        x (rows, 54) raw float64, y (rows,) int64 from 0.
    """
    with gzip.open(io.BytesIO(content)) as lines:
        table = np.loadtxt(lines, dtype=np.int16, delimiter=",", ndmin=2)
    return table[:, :-1].astype(float), table[:, -1].astype(np.int64) - 1
