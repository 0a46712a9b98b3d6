"""Windows of images as arrays."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from sed2.blocks.patches import Padding, pads


def windows(
    x: jax.Array,
    window: tuple[int, int],
    strides: tuple[int, int],
    pads: Sequence[tuple[int, int]],
    fill: float,
) -> jax.Array:
    """(N, H', W', kh kw, C): what every position sees, in the order of `shifts`.

    Rows first and then columns: kh + kw slices, where the kh kw of `shifts` take XLA four times as
    long to compile and up to twice as long to copy.
    """
    (kh, kw), (sh, sw) = window, strides
    x, height, width = _padded(x, window, strides, pads, fill)
    rows = jnp.stack([x[:, i : i + height : sh] for i in range(kh)], axis=3)
    seen = jnp.stack([rows[:, :, j : j + width : sw] for j in range(kw)], axis=4)
    return seen.reshape(*seen.shape[:3], kh * kw, x.shape[3])


def shifts(
    x: jax.Array,
    window: tuple[int, int],
    strides: tuple[int, int],
    pads: Sequence[tuple[int, int]],
    fill: float,
) -> list[jax.Array]:
    """kh kw arrays (N, H', W', C): what every position sees at each place of the window.

    Args:
        x: (N, H, W, C).
        pads: pixels before and after each axis, which are `fill`.
    """
    (kh, kw), (sh, sw) = window, strides
    x, height, width = _padded(x, window, strides, pads, fill)
    return [x[:, i : i + height : sh, j : j + width : sw] for i in range(kh) for j in range(kw)]


def _padded(
    x: jax.Array,
    window: tuple[int, int],
    strides: tuple[int, int],
    pads: Sequence[tuple[int, int]],
    fill: float,
) -> tuple[jax.Array, int, int]:
    """The images with their padding; and how far the places reach that one entry of the window
    takes, down and across."""
    x = jnp.pad(x, ((0, 0), *pads, (0, 0)), constant_values=fill)
    height, width = (
        (length - size) // stride * stride + 1
        for length, size, stride in zip(x.shape[1:3], window, strides, strict=True)
    )
    return x, height, width


def extract(
    x: jax.Array, window: tuple[int, int], strides: tuple[int, int], padding: Padding, fill: float
) -> jax.Array:
    """(N, H', W', kh kw, C): the same as one array, with the padding as YAML has it."""
    around = [
        pads(size, one, stride, padding)
        for size, one, stride in zip(x.shape[1:3], window, strides, strict=True)
    ]
    return windows(x, window, strides, around, fill)
