"""Write the architectures of the validity benchmark, configs/validity-mlps.yaml and -cnns.yaml.

    python -m scripts.validity.specs [--folder configs]

Networks of 900 to 1,100 parameters: their number hardly differs, so that a measure has to tell them
apart by something else. The depth is drawn first, uniformly; then the widths, until the number of
parameters fits. No network comes twice. The same seed writes the same bytes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from scripts.common.paths import CONFIGS

SEED = 0
LEAST, MOST = 900, 1_100
MLPS, CNNS = 104, 44

PAPER = ((54, 16, 7), (54, 13, 11, 9, 7), (54, 10, 2, 10, 25, 7))
"""The networks of the paper's Figure 3a."""
WIDTHS = (2, 30)
"""Of hidden dense layers, both ends in."""

KERNELS = (3, 5, 7)
CHANNELS = (3, 12)
IMAGE = 28
MAX_PRODUCTS = 300_000
"""Multiplications of all convolutions for one image: training on one core is to take minutes."""

Draw = Callable[[np.random.Generator], str | None]
"""One architecture, or None if its size does not fit."""


def distinct(count: int, draws: Sequence[Draw], given: Sequence[str], seed: int) -> list[str]:
    """Architectures without repetition; each time one of `draws` is chosen, and tried until it
    fits.

    A kind that holds few (of a single hidden layer, four widths fit) gives what it has."""
    rng = np.random.default_rng(seed)
    found = dict.fromkeys(given)  # a set that keeps its order
    while len(found) < count:
        draw = draws[rng.integers(len(draws))]
        name = None
        while name is None:
            name = draw(rng)
        found[name] = None
    return list(found)


def draw_mlp(rng: np.random.Generator, depth: int) -> str | None:
    """An MLP of the paper's kind with `depth` dense layers."""
    widths = (54, *_between(rng, WIDTHS, depth - 1), 7)
    return mlp(widths) if LEAST <= dense_parameters(widths) <= MOST else None


def draw_cnn(rng: np.random.Generator, depth: int) -> str | None:
    """A CNN of the paper's kind with `depth` convolutions and up to two hidden dense layers."""
    kernels = [int(size) for size in rng.choice(KERNELS, size=depth)]
    (channels,) = _between(rng, CHANNELS, 1)
    widths = (channels, *_between(rng, WIDTHS, int(rng.integers(3))), 10)
    fits = LEAST <= cnn_parameters(kernels, widths) <= MOST
    return cnn(kernels, widths) if fits and products(kernels, channels) <= MAX_PRODUCTS else None


def mlp(widths: Sequence[int]) -> str:
    return f"MLP {'-'.join(map(str, widths))}"


def cnn(kernels: Sequence[int], widths: Sequence[int]) -> str:
    return f"CNN {'-'.join(map(str, kernels))}|{'-'.join(map(str, widths))}"


def dense_parameters(widths: Sequence[int]) -> int:
    """Of bias-free dense layers."""
    return sum(a * b for a, b in pairwise(widths))


def cnn_parameters(kernels: Sequence[int], widths: Sequence[int]) -> int:
    """Convolutions with their batch norms, the shared kernel that flattens, the dense part."""
    channels = widths[0]
    convolutions = sum(
        size**2 * before * channels + 2 * channels
        for size, before in zip(kernels, [1, *[channels] * (len(kernels) - 1)], strict=True)
    )
    return convolutions + (IMAGE // 2 ** len(kernels)) ** 2 + dense_parameters(widths)


def products(kernels: Sequence[int], channels: int) -> int:
    """Multiplications of the convolutions for one image; every one is followed by a pool of 2."""
    return sum(
        (IMAGE // 2**i) ** 2 * size**2 * channels * (channels if i else 1)
        for i, size in enumerate(kernels)
    )


def _between(rng: np.random.Generator, ends: tuple[int, int], count: int) -> list[int]:
    return [int(number) for number in rng.integers(ends[0], ends[1] + 1, size=count)]


def document(dataset: str, names: Sequence[str], comment: str, script: str = "specs") -> str:
    """The YAML file."""
    lines = [
        "# yaml-language-server: $schema=sed2.schema.json",
        f"# {comment}",
        f"# Written by scripts.validity.{script}, for scripts.validity.",
        f"dataset: {dataset}",
        "models:",
        *(f"  - {name}" for name in names),
    ]
    return "\n".join(lines) + "\n"


def documents() -> dict[str, str]:
    """Both files by name."""
    mlps = [lambda rng, depth=depth: draw_mlp(rng, depth) for depth in range(2, 6)]
    cnns = [lambda rng, depth=depth: draw_cnn(rng, depth) for depth in range(1, 4)]
    size = f"networks of {LEAST} to {MOST:,} parameters"
    return {
        "validity-mlps.yaml": document(
            "covertype",
            distinct(MLPS, mlps, [mlp(widths) for widths in PAPER], SEED),
            f"{MLPS} {size}: the paper's three, then random ones of 2 to 5 dense layers.",
        ),
        "validity-cnns.yaml": document(
            "mnist",
            distinct(CNNS, cnns, [], SEED),
            f"{CNNS} random {size}: 1 to 3 convolutions, 1 to 3 dense layers.",
        ),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Write the specs of the validity benchmark.")
    parser.add_argument("--folder", type=Path, default=CONFIGS, help="[%(default)s]")
    given = parser.parse_args(arguments)
    for name, text in documents().items():
        (given.folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
