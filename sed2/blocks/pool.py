"""Pooling by itself: of images by windows, of images or tokens over all positions."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import ConfigDict, Field

from sed2.blocks.base import BlockOptions, Shape, register
from sed2.blocks.patches import Padding, Sides
from sed2.blocks.pooling import Pool
from sed2.errors import SpecError

if TYPE_CHECKING:
    import jax
    from flax import nnx


@register
class PoolBlock(BlockOptions):
    """Pooling. It has no parameters and joins the next block."""

    kind: ClassVar[str] = "pool"

    model_config = ConfigDict(serialize_by_alias=True)

    how: Literal["max", "avg", "global", "first"] = Field(default="max", alias="kind")
    """Largest value or mean of each window of an image; mean over all positions of an image or of
    tokens (global); the first token alone, as a class token is read out (first)."""
    size: Sides = 2
    """Height and width of the window: one number, or `[height, width]`."""
    strides: Sides | None = None
    """Steps of the window; by default its size."""
    padding: Padding = "VALID"
    """VALID, SAME, or pixels on each side: they never win a maximum and are 0 in a mean."""

    def output_shape(self, input_shape: Shape) -> Shape:
        if self._pool is not None:
            return self._pool.output_shape(input_shape)
        if len(input_shape) < 2:
            raise SpecError(
                f"pooling takes images or tokens, but its input has shape {input_shape}",
                mend="Put it before the blocks that flatten",
            )
        return input_shape[-1:]

    def parameter_count(self, input_shape: Shape) -> int:
        return 0

    def build(self, input_shape: Shape, rngs: nnx.Rngs) -> nnx.Module:
        from sed2.blocks.modules.pool import PoolModule

        return PoolModule(self)

    @property
    def _pool(self) -> Pool | None:
        """By windows; None if over all positions."""
        if self.how == "global" or self.how == "first":
            return None
        return Pool(kind=self.how, size=self.size, strides=self.strides, padding=self.padding)

    def __call__(self, x: jax.Array) -> jax.Array:
        """(N, ..., channels) to (N, *output_shape)."""
        if self._pool is not None:
            return self._pool(x)
        positions = x.reshape(len(x), -1, x.shape[-1])
        return positions[:, 0] if self.how == "first" else positions.mean(axis=1)
