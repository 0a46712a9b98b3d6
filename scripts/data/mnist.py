"""Make the bundled MNIST sample from the whole set.

    python -m scripts.data.mnist SOURCE.npz [--out FILE]

SOURCE.npz holds `x` (70000, 28, 28, 1) uint8 and `y` (70000,). The same source gives the same
arrays. A new file needs its new sha256 in `sed2/data/catalogue.py`; this script prints it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from scripts.common.paths import BUNDLED
from scripts.data.written import write
from sed2.data.images import statistics

ROWS = 2_000
SEED = 0
OUT = BUNDLED / "mnist.npz"


def encode(x: np.ndarray, y: np.ndarray, rows: int) -> dict[str, np.ndarray]:
    """Arrays of the bundled file: a random choice of the rows, and statistics of all of them."""
    chosen = np.sort(np.random.default_rng(SEED).choice(len(x), size=rows, replace=False))
    mean, std = statistics(x)
    return {"x": x[chosen], "y": y[chosen].astype(np.uint8), "mean": mean, "std": std}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Make the bundled MNIST sample.")
    parser.add_argument("source", type=Path, help=".npz with x (rows, 28, 28, 1), y (rows,)")
    parser.add_argument("--out", type=Path, default=OUT, help="file to write [%(default)s]")
    given = parser.parse_args(arguments)
    with np.load(given.source, allow_pickle=False) as source:
        arrays = encode(source["x"], source["y"], ROWS)
    write(given.out, arrays)


if __name__ == "__main__":
    main()
