"""Blocks under their draws as plain numpy, in memory and in a file. Nothing of sed2 is imported."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

import numpy as np

Kind = Literal["dense", "conv", "shared kernel"]


@dataclass(frozen=True)
class Layer:
    """One block under one draw: dense without bias; conv, batch norm, ReLU and max-pool; or the
    paper's flattening."""

    kind: Kind
    kernel: np.ndarray
    """(n_in, n_out); (height, width, channels, features); or (height, width)."""
    noise: np.ndarray
    """(N, *output_shape) standard normal: the input of the next block is mean + sigma * noise."""
    relu: bool = False
    scale: np.ndarray | None = None
    """(features,) of the batch norm of a convolution."""
    shift: np.ndarray | None = None
    pool: int = 1
    """Size of the windows."""

    @property
    def parameters(self) -> int:
        """d_j."""
        return sum(part.size for part in (self.kernel, self.scale, self.shift) if part is not None)

    @property
    def outputs(self) -> int:
        """Numbers in the output for one input."""
        return math.prod(self.noise.shape[1:])


def save_layers(path: Path, drawn: Sequence[Sequence[Layer]]) -> None:
    """All draws in one .npz file."""
    arrays = {
        f"{draw} {block} {field.name}": value
        for draw, layers in enumerate(drawn)
        for block, layer in enumerate(layers)
        for field in fields(Layer)
        if (value := getattr(layer, field.name)) is not None
    }
    np.savez(path, **arrays)


def load_layers(path: Path) -> list[list[Layer]]:
    """What `save_layers` wrote."""
    found: dict[tuple[int, int], dict[str, np.ndarray]] = {}
    with np.load(path) as file:
        for key in file.files:
            draw, block, name = key.split(" ")
            value = file[key]
            of_layer = found.setdefault((int(draw), int(block)), {})
            of_layer[name] = value if value.ndim else value.item()
    draws, blocks = (1 + max(place) for place in zip(*found, strict=True))
    return [[Layer(**found[draw, block]) for block in range(blocks)] for draw in range(draws)]
