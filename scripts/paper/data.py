"""The data sets of the experiments: bundled, downloaded before, or raw files of the user's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from scripts.common.data import by_channel, made
from sed2.data.load import Dataset, load_dataset
from sed2.data.registry import is_available


class NotAtHandError(Exception):
    """A data set is not here; the message says how to get it."""


@dataclass(frozen=True)
class Sources:
    """Raw .npz files (arrays x and y) instead of the named data sets."""

    covertype: Path | None = None
    mnist: Path | None = None
    cifar: Path | None = None

    def load_covertype(self) -> Dataset:
        """Every feature standardised by the whole set."""
        if self.covertype is None:
            return load_dataset("covertype")
        return _named(load_dataset(self.covertype, standardize=True), self.covertype)

    def load_mnist(self) -> Dataset:
        """All of MNIST if it is at hand, else the bundled 2,000 images."""
        return _images(self.mnist, ["mnist-full", "mnist"], "")

    def load_cifar(self) -> Dataset:
        """CIFAR-10.

        Raises:
            NotAtHandError: no file is given, and the named data set was not downloaded.
        """
        return _images(
            self.cifar,
            ["cifar10"],
            "CIFAR-10 is not at hand (give --cifar FILE, or run `sed2 datasets fetch cifar10`)",
        )


def with_mirrored(dataset: Dataset) -> Dataset:
    """Twice the images: each also mirrored from left to right."""
    assert dataset.y is not None
    return made(
        f"{dataset.name}, mirrored as well",
        np.concatenate([dataset.x, dataset.x[:, :, ::-1]]),
        np.concatenate([dataset.y, dataset.y]),
        standardized=True,
    )


def _images(path: Path | None, names: Sequence[str], reason: str) -> Dataset:
    """Standardised as the named sets are."""
    if path is not None:
        raw = load_dataset(path)
        return made(path.name, by_channel(raw.x), raw.y, standardized=True)
    for name in names:
        if is_available(name):
            return load_dataset(name)
    raise NotAtHandError(reason)


def _named(dataset: Dataset, path: Path) -> Dataset:
    """By the file's name alone: a result should not hold the folders of somebody's machine."""
    return replace(dataset, name=path.name, source=path.name)
