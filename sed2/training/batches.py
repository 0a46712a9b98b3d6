"""Which rows are trained on, and in which order: the same for all candidates.

Orders are those of 64-bit keys from NumPy's Philox generator, whose stream is fixed from version to
version; see `sed2.data.load.choose_inputs`.
"""

from __future__ import annotations

import math

import numpy as np

_ROWS = int.from_bytes(b"training rows", "big")  # name the random streams
_BATCHES = int.from_bytes(b"batches", "big")


def training_rows(rows: int, samples: int, seed: int) -> np.ndarray:
    """(min(samples, rows),) a random choice without replacement, in random order.

    The first n of a larger choice are the choice of n, all rows included."""
    return _shuffled(rows, seed, _ROWS)[:samples]


def epoch_batches(samples: int, batch: int, seed: int, seeds: int, epoch: int) -> np.ndarray:
    """(S, steps, batch) places in the training set, in an order of its own for each train seed and
    epoch. The last samples % batch of it are left out: others in each epoch.

    Args:
        samples: n.
        batch: at most n.
        seed: of the ranking.
        seeds: S.
        epoch: from 0.
    """
    steps = samples // batch
    orders = [_shuffled(samples, seed, _BATCHES, s, epoch) for s in range(seeds)]
    return np.stack([order[: steps * batch].reshape(steps, batch) for order in orders])


def row_chunks(samples: int, size: int) -> np.ndarray:
    """(chunks, size) all places of the training set; the last is repeated to fill the last up."""
    chunks = math.ceil(samples / size)
    return np.minimum(np.arange(chunks * size), samples - 1).reshape(chunks, -1)


def _shuffled(count: int, *stream: int) -> np.ndarray:
    """(count,) int32 in a random order."""
    keys = np.random.Philox(list(stream)).random_raw(count)
    return np.argsort(keys, kind="stable").astype(np.int32)
