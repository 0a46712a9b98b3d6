"""Convolution as matrix products, for CPUs.

XLA differentiates its own convolution by the kernel into one whose kernel is as large as the
image. In float64 and inside a loop, as Lanczos quadrature has it, that takes 60 times as long.
"""

from __future__ import annotations

from typing import Any

import jax
from flax import nnx

from sed2.blocks.modules.patches import shifts, windows

_MANY_CHANNELS = 16
"""From here on a matrix product per entry of the kernel is as fast as one for all of them, and
needs no room for the patches."""


def use_matrix_products(module: nnx.Module) -> None:
    """Make every convolution of a module one that is fast on this device. Changes it in place."""
    if jax.default_backend() != "cpu":
        return
    for _, inner in nnx.iter_modules(module):
        if isinstance(inner, nnx.Conv) and inner.conv_general_dilated is _OWN:
            inner.conv_general_dilated = convolve


_OWN: Any = jax.lax.conv_general_dilated


def convolve(
    x: jax.Array, kernel: jax.Array, strides: Any, padding: Any, **options: Any
) -> jax.Array:
    """As `jax.lax.conv_general_dilated` in the layout of Flax, which it is where it is not a plain
    convolution of images (dilated, of groups, along one or three axes).

    Args:
        x: (N, height, width, channels).
        kernel: (kernel height, kernel width, channels, features).
    """
    dilations = (*options["lhs_dilation"], *options["rhs_dilation"])
    if x.ndim != 4 or options["feature_group_count"] != 1 or any(d != 1 for d in dilations):
        return _OWN(x, kernel, strides, padding, **options)
    window = (kernel.shape[0], kernel.shape[1])
    if isinstance(padding, str):
        padding = jax.lax.padtype_to_pads(x.shape[1:3], window, strides, padding)
    if x.shape[3] < _MANY_CHANNELS:
        patches = windows(x, window, strides, padding, 0.0)
        return patches.reshape(*patches.shape[:3], -1) @ kernel.reshape(-1, kernel.shape[3])
    parts = shifts(x, window, strides, padding, 0.0)
    entries = kernel.reshape(-1, *kernel.shape[2:])
    return sum(part @ entry for part, entry in zip(parts, entries, strict=True))
