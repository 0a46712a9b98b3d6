"""Pooling of images: how it reduces positions, in a forward pass and in a channel's Jacobian."""

from __future__ import annotations

from typing import Literal

import jax
import jax.numpy as jnp
from pydantic import BaseModel, ConfigDict, Field

from sed2.blocks.base import Shape
from sed2.blocks.patches import extract, image_size


class Pool(BaseModel):
    """Pooling by windows without padding, or over the whole image."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    kind: Literal["max", "avg", "global"] = "max"
    """Largest value, mean, or mean over the whole image (which leaves the channels alone)."""
    size: int = Field(default=2, ge=1)
    """Height and width of the window."""
    strides: int | None = Field(default=None, ge=1)
    """Steps of the window; by default its size."""

    def output_shape(self, input_shape: Shape) -> Shape:
        if self.kind == "global":
            image_size(input_shape, (1, 1), (1, 1), "VALID", "global pooling")
            return input_shape[2:]
        return (*image_size(input_shape, *self._window, "VALID", "pooling"), input_shape[2])

    def __call__(self, x: jax.Array) -> jax.Array:
        """(N, H, W, C) to (N, *output_shape)."""
        if self.kind == "global":
            return x.mean(axis=(1, 2))
        windows = extract(x, *self._window, "VALID", 0.0)
        if self.kind == "avg":
            return windows.mean(axis=3)
        winners = windows.argmax(axis=3, keepdims=True)
        return jnp.take_along_axis(windows, winners, axis=3)[:, :, :, 0]

    def winners(self, x: jax.Array) -> jax.Array:
        """(N, P', C) for max-pooling: the flat position (of H W) that each output takes; the first
        of equal ones, in the derivative as well."""
        height, width = x.shape[1:3]
        positions = jnp.arange(height * width).reshape(1, height, width, 1)
        windows = extract(x, *self._window, "VALID", 0.0)
        of_windows = extract(positions, *self._window, "VALID", 0)
        chosen = windows.argmax(axis=3, keepdims=True)
        of_windows = jnp.broadcast_to(of_windows, windows.shape)
        taken = jnp.take_along_axis(of_windows, chosen, axis=3)
        return taken.reshape(len(x), -1, x.shape[3])

    @property
    def _window(self) -> tuple[tuple[int, int], tuple[int, int]]:
        strides = self.strides or self.size
        return (self.size, self.size), (strides, strides)
