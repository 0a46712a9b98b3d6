"""Images: the files that they are read from. Pixels are 0 to 255, channels last.

They are standardised per channel: single pixels of a border never change, and would be divided
by nothing.
"""

from __future__ import annotations

import io
import tarfile

import numpy as np

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
    """What `scripts/make_mnist_sample.py` wrote.

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
        y = np.concatenate([arrays["y_train"], arrays["y_test"]])
    return x.astype(float), y.astype(np.int64), *statistics(x)


def parse_cifar10(content: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """`cifar-10-binary.tar.gz`: records of a label and 3 planes of 32 x 32, five training batches
    and one test batch. (The archive for Python holds pickles, which can run code.)"""
    names = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        batches = []
        for name in names:
            member = archive.extractfile(f"cifar-10-batches-bin/{name}")
            assert member is not None  # the sha256 was right
            batches.append(np.frombuffer(member.read(), np.uint8).reshape(-1, 3073))
    records = np.concatenate(batches)
    x = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return x.astype(float), records[:, 0].astype(np.int64), *statistics(x)
