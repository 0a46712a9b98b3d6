"""The random numbers of `sed2.common.randomness` without JAX, equal to the last bit.

Threefry-2x32 with 20 rounds (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"),
and upon it `jax.random.key`, `fold_in` and `uniform` as JAX defines them by default: number i of a
stream is the cipher of the counter i, so no length is rounded up.
"""

from __future__ import annotations

import os
import sys
from itertools import product

import numpy as np

from sed2.common.threads import in_threads

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = np.uint32(0x1BD11BDA)
_DEFAULTS = {"jax_default_prng_impl": "threefry2x32", "jax_threefry_partitionable": True}
_PIECE = 2**16
"""Numbers at a time: within the caches."""
_Pair = tuple[np.ndarray, np.ndarray]


def is_jax_own() -> bool:
    """Whether JAX, imported or not, is left to make its numbers in this way."""
    if jax := sys.modules.get("jax"):
        return all(getattr(jax.config, name) == usual for name, usual in _DEFAULTS.items())
    return not any(name.upper() in os.environ for name in _DEFAULTS)


def block_keys(seed: int, stream: int, draws: np.ndarray) -> np.ndarray:
    """(B, 2) keys of one block's draws, as `sed2.common.randomness.block_keys`."""
    key = np.array([seed >> 32 & 0xFFFFFFFF, seed & 0xFFFFFFFF], np.uint32)
    return _fold_in(_fold_in(key[None], np.array([stream])), draws)


def uniforms(keys: np.ndarray, count: int) -> np.ndarray:
    """(B, count) independent numbers, uniform on the open interval (-1, 1)."""
    numbers = np.empty((len(keys), count))

    def fill(at: tuple[slice, slice]) -> None:
        some, columns = at
        counter = np.arange(columns.start, columns.stop, dtype=np.uint64)
        high, low = (counter >> 32).astype(np.uint32), counter.astype(np.uint32)
        first, second = _cipher((keys[some, :1], keys[some, 1:]), (high, low))
        bits = first.astype(np.uint64) << 32 | second
        # The mantissa of a number from 1 to 2.
        floats = (bits >> 12 | np.array(1.0).view(np.uint64)).view(float) - 1.0
        smallest = np.nextafter(-1.0, 0.0)
        numbers[at] = np.maximum(smallest, floats * (1.0 - smallest) + smallest)

    several = max(1, _PIECE // max(count, 1))  # streams at a time, if they are short
    rows = [slice(i, min(i + several, len(keys))) for i in range(0, len(keys), several)]
    columns = [slice(i, min(i + _PIECE, count)) for i in range(0, count, _PIECE)]
    in_threads(fill, list(product(rows, columns)))
    return numbers


def to_normal(uniform: np.ndarray) -> np.ndarray:
    """Standard normal numbers from numbers that are uniform on (-1, 1)."""
    from scipy import special  # a tenth of a second, and `--help` does not need it

    normal: np.ndarray = np.sqrt(2.0) * special.erfinv(uniform)
    return normal


def _fold_in(keys: np.ndarray, data: np.ndarray) -> np.ndarray:
    """(B, 2) the keys that come of a key, or of each, and of a number."""
    low = (data & 0xFFFFFFFF).astype(np.uint32)
    return np.stack(_cipher((keys[:, 0], keys[:, 1]), (np.zeros_like(low), low)), axis=1)


def _cipher(key: _Pair, counter: _Pair) -> _Pair:
    """Threefry-2x32 of counters under keys, which broadcast."""
    schedule = (*key, key[0] ^ key[1] ^ _PARITY)
    x, y = counter[0] + schedule[0], counter[1] + schedule[1]
    for group in range(5):
        for rotation in _ROTATIONS[group % 2]:
            x += y
            y = (y << rotation | y >> (32 - rotation)) ^ x
        x += schedule[(group + 1) % 3]
        y += schedule[(group + 2) % 3] + np.uint32(group + 1)
    return x, y
