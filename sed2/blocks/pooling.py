"""Pooling of images: how it reduces positions, in a forward pass and in a channel's Jacobian."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from sed2.blocks.base import Shape
from sed2.blocks.patches import Padding, Sides, image_size, pads, pair
from sed2.common.validation import StrictModel
from sed2.errors import SpecError

if TYPE_CHECKING:
    import jax


class Pool(StrictModel):
    """Pooling by windows, or over the whole image."""

    kind: Literal["max", "avg", "global"] = "max"
    """Largest value, mean, or mean over the whole image (which leaves the channels alone)."""
    size: Sides = 2
    """Height and width of the window: one number, or `[height, width]`."""
    strides: Sides | None = None
    """Steps of the window; by default its size."""
    padding: Padding = "VALID"
    """VALID, SAME, or pixels on each side: they never win a maximum and are 0 in a mean."""

    def output_shape(self, input_shape: Shape) -> Shape:
        if self.kind == "global":
            image_size(input_shape, (1, 1), (1, 1), "VALID", "global pooling")
            return input_shape[2:]
        size = image_size(input_shape, *self._window, self.padding, "pooling")
        padding, (window, strides) = self.padding, self._window
        for length, each, stride in zip(input_shape, window, strides, strict=False):
            if max(pads(length, each, stride, padding)) > each // 2:
                raise SpecError(
                    f"{padding} pixels around an image are more than half a pooling window of "
                    f"{window[0]} x {window[1]}, so some windows would be empty",
                    mend="Pad by half the window at most",
                )
        return (*size, input_shape[2])

    def __call__(self, x: jax.Array) -> jax.Array:
        """(N, H, W, C) to (N, *output_shape)."""
        import jax.numpy as jnp

        from sed2.blocks.modules.patches import extract

        if self.kind == "global":
            return x.mean(axis=(1, 2))
        if self.kind == "avg":
            return extract(x, *self._window, self.padding, 0.0).mean(axis=3)
        windows = extract(x, *self._window, self.padding, -jnp.inf)
        winners = windows.argmax(axis=3, keepdims=True)
        return jnp.take_along_axis(windows, winners, axis=3)[:, :, :, 0]

    def winners(self, x: jax.Array) -> jax.Array:
        """(N, P', C) for max-pooling: the flat position (of H W) that each output takes; the first
        of equal ones, in the derivative as well."""
        import jax.numpy as jnp

        from sed2.blocks.modules.patches import extract

        height, width = x.shape[1:3]
        positions = jnp.arange(height * width).reshape(1, height, width, 1)
        windows = extract(x, *self._window, self.padding, -jnp.inf)
        of_windows = extract(positions, *self._window, self.padding, 0)
        chosen = windows.argmax(axis=3, keepdims=True)
        of_windows = jnp.broadcast_to(of_windows, windows.shape)
        taken = jnp.take_along_axis(of_windows, chosen, axis=3)
        return taken.reshape(len(x), -1, x.shape[3])

    @property
    def _window(self) -> tuple[tuple[int, int], tuple[int, int]]:
        return pair(self.size), pair(self.strides or self.size)
