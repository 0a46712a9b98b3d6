"""Windows of images, as matrices: what a convolution multiplies and a pooling reduces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, Strict

from sed2.blocks.base import Shape
from sed2.errors import SpecError

Size = Annotated[int, Field(ge=1)]
Sides = Size | Annotated[tuple[Size, Size], Strict(False)]
"""One number for height and width, or both."""
Padding = Literal["SAME", "VALID"] | Annotated[int, Field(ge=0)]
"""To size / strides pixels, none, or as many on each side."""


def pair(size: int | Sequence[int]) -> tuple[int, int]:
    """(height, width)."""
    return (size, size) if isinstance(size, int) else (size[0], size[1])


def output_size(size: int, window: int, stride: int, padding: Padding) -> int:
    """Positions of a window along an axis; as in XLA."""
    low, high = pads(size, window, stride, padding)
    return (size + low + high - window) // stride + 1


def pads(size: int, window: int, stride: int, padding: Padding) -> tuple[int, int]:
    """Zeros before and after an axis."""
    if padding == "VALID":
        return 0, 0
    if padding == "SAME":
        total = max((-(-size // stride) - 1) * stride + window - size, 0)
        return total // 2, total - total // 2
    return int(padding), int(padding)


def image_size(
    input_shape: Shape,
    window: tuple[int, int],
    strides: tuple[int, int],
    padding: Padding,
    what: str,
) -> tuple[int, int]:
    """(height, width) of the output.

    Raises:
        SpecError: the input is no image, or the window does not fit in it.
    """
    if len(input_shape) != 3:
        raise SpecError(
            f"{what} takes images (height, width, channels), but its input has shape {input_shape}",
            mend="Take image data, or put it before the blocks that flatten",
        )
    height, width = (
        output_size(size, one, stride, padding)
        for size, one, stride in zip(input_shape[:2], window, strides, strict=True)
    )
    if height < 1 or width < 1:
        raise SpecError(
            f"{what} of {window[0]} x {window[1]} does not fit in an image of "
            f"{input_shape[0]} x {input_shape[1]}",
            mend="Make it smaller, pad more (`padding: SAME`), or pool less before it",
        )
    return height, width
