"""Blocks and their Jacobians in plain numpy, independent of sed2's own.

A block falls into units that share no parameter: the units of a dense layer, the channels of a
convolution. The flattening by one shared kernel is a single unit with an output per channel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from scripts.bench.draws import Layer

EPSILON = 1e-5  # in the denominator of batch norm, as in Flax and PyTorch


@dataclass(frozen=True)
class Linearised:
    """A block at its inputs."""

    mean: np.ndarray
    """(N, *output_shape)."""
    units: int
    """U."""
    unit: Callable[[int], np.ndarray]
    """From the number of a unit to its Jacobian (N, P, p) at its own P outputs."""

    def jacobians(self) -> np.ndarray:
        """(N, outputs, d_j): all units together, dense."""
        first = self.unit(0)
        inputs, positions, width = first.shape
        whole = np.zeros((inputs, positions, self.units, self.units, width))
        for u in range(self.units):
            whole[:, :, u, u] = self.unit(u)
        return whole.reshape(inputs, positions * self.units, self.units * width)


def linearise(layer: Layer, x: np.ndarray) -> Linearised:
    """The block at x (N, *input_shape)."""
    match layer.kind:
        case "dense":
            return _dense(layer, x)
        case "conv":
            return _conv(layer, x)
    rows = x.reshape(len(x), -1, x.shape[-1]).swapaxes(1, 2)  # (N, channels, height * width)
    return Linearised(rows @ layer.kernel.ravel(), 1, lambda unit: rows)


def _dense(layer: Layer, x: np.ndarray) -> Linearised:
    z = x @ layer.kernel
    gains = (z > 0).astype(float) if layer.relu else np.ones_like(z)
    return Linearised(gains * z, z.shape[1], lambda unit: (gains[:, unit, None] * x)[:, None, :])


def _conv(layer: Layer, x: np.ndarray) -> Linearised:
    patches = patches_of(x, layer.kernel.shape[:2])
    inputs, height, width, entries = patches.shape
    z = patches @ layer.kernel.reshape(entries, -1)
    deviation = np.sqrt(z.var(axis=(0, 1, 2)) + EPSILON)
    standardised = (z - z.mean(axis=(0, 1, 2))) / deviation
    active = np.maximum(layer.scale * standardised + layer.shift, 0)
    windows = windows_of(active, layer.pool)
    winners = windows.argmax(axis=3)  # the first of equal ones
    mean = windows.max(axis=3)
    places = windows_of(np.arange(height * width).reshape(1, height, width, 1), layer.pool)
    rows = patches.reshape(inputs, height * width, entries)
    flat = standardised.reshape(inputs, height * width, -1)

    def unit(channel: int) -> np.ndarray:
        chosen = np.take_along_axis(places[..., 0], winners[..., channel, None], axis=3)
        chosen = chosen.reshape(inputs, -1, 1)
        slope = layer.scale[channel] / deviation[channel]
        own = np.take_along_axis(flat[..., channel, None], chosen, axis=1)
        kernel = slope * np.take_along_axis(rows, chosen, axis=1)
        gain = mean[..., channel].reshape(inputs, -1, 1) > 0
        return gain * np.concatenate([kernel, own, np.ones_like(own)], axis=2)

    return Linearised(mean, z.shape[3], unit)


def patches_of(x: np.ndarray, window: tuple[int, ...]) -> np.ndarray:
    """(N, H, W, entries) what the kernel is multiplied with at every pixel of x (N, H, W, C); zeros
    around the image."""
    pads = [((size - 1) // 2, size // 2) for size in window]
    padded = np.pad(x, [(0, 0), *pads, (0, 0)])
    views = np.lib.stride_tricks.sliding_window_view(padded, window, axis=(1, 2))
    return np.moveaxis(views, 3, 5).reshape(*x.shape[:3], -1)


def windows_of(x: np.ndarray, size: int) -> np.ndarray:
    """(N, H', W', size * size, C) of x (N, H, W, C); rows and columns that are left over go."""
    inputs, height, width, channels = x.shape
    height, width = height // size, width // size
    cut = x[:, : height * size, : width * size]
    split = cut.reshape(inputs, height, size, width, size, channels).swapaxes(2, 3)
    return split.reshape(inputs, height, width, size * size, channels)
