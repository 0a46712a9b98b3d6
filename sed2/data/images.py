"""Images: the files that they are read from. Pixels are 0 to 255, channels last.

They are standardised per channel: single pixels of a border never change, and would be divided
by nothing.
"""

from __future__ import annotations

import io

import numpy as np

from sed2.data.cifar_file import parse_archive
from sed2.data.idx_file import parse_gzipped

Statistics = tuple[np.ndarray, np.ndarray]
"""Mean and population standard deviation, (1, 1, channels)."""


def statistics(x: np.ndarray) -> Statistics:
    """Per channel, over all images and pixels. x is (rows, height, width, channels) uint8."""
    count = np.prod(x.shape[:3], dtype=float)
    levels = np.stack(
        [np.bincount(x[..., channel].ravel(), minlength=256) for channel in range(x.shape[3])],
        axis=1,
    )
    values = np.arange(256.0)[:, None]
    mean = (levels * values).sum(axis=0) / count
    std = np.sqrt((levels * (values - mean) ** 2).sum(axis=0) / count)
    return mean.reshape(1, 1, -1), std.reshape(1, 1, -1)


def parse_sample(content: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """What `scripts.data.mnist` wrote.

    Returns:
        x (rows, 28, 28, 1) float64, y (rows,) int64, and the statistics of the full set.
    """
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        x, y = arrays["x"].astype(float), arrays["y"].astype(np.int64)
        return x, y, arrays["mean"], arrays["std"]


def parse_mnist(content: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The `mnist.npz` of Keras: training images, then test images."""
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        x = np.concatenate([arrays["x_train"], arrays["x_test"]])[..., None]
        return _parsed(x, np.concatenate([arrays["y_train"], arrays["y_test"]]))


def parse_idx(
    train_images: bytes, train_labels: bytes, test_images: bytes, test_labels: bytes
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The four gzipped idx files of Fashion-MNIST: training images, then test images."""
    x = np.concatenate([parse_gzipped(train_images), parse_gzipped(test_images)])[..., None]
    return _parsed(x, np.concatenate([parse_gzipped(train_labels), parse_gzipped(test_labels)]))


def parse_cifar10(content: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """`cifar-10-binary.tar.gz`: the training batches, then the test batch."""
    return _parsed(*parse_archive(io.BytesIO(content)))


def _parsed(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    return x.astype(float, order="C"), y.astype(np.int64), *statistics(x)
