"""Images: the bundled sample is of the whole MNIST, archives are read as they are laid out."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np

from scripts.data import mnist as make_mnist_sample
from sed2.data import images
from sed2.data.load import load_dataset
from sed2.data.registry import fetch


def test_the_bundled_sample_is_what_the_script_makes(real_data: Path) -> None:
    with np.load(real_data / "mnist.npz") as source:
        made = make_mnist_sample.encode(source["x"], source["y"], make_mnist_sample.ROWS)
    with np.load(fetch("mnist")[0]) as bundled:
        assert set(bundled) == set(made)
        for name, array in made.items():
            np.testing.assert_array_equal(bundled[name], array)


def test_mnist_is_standardised_per_channel() -> None:
    """The sample's own mean is off by less than 5 standard errors of 2,000 images."""
    dataset = load_dataset("mnist")
    assert dataset.x.shape == (2000, 28, 28, 1)
    assert set(np.unique(dataset.y)) == set(range(10))
    of_images = dataset.x.mean(axis=(1, 2, 3))
    assert abs(of_images.mean()) < 5 * of_images.std() / np.sqrt(2000)
    assert abs(dataset.x.std() - 1) < 0.05


def test_statistics_are_those_of_all_pixels() -> None:
    x = np.random.default_rng(0).integers(0, 256, size=(5, 3, 4, 2)).astype(np.uint8)
    mean, std = images.statistics(x)
    np.testing.assert_allclose(mean.ravel(), x.mean(axis=(0, 1, 2)), rtol=1e-13)
    np.testing.assert_allclose(std.ravel(), x.std(axis=(0, 1, 2)), rtol=1e-13)


def test_keras_mnist_is_read_training_set_first() -> None:
    rng = np.random.default_rng(0)
    parts = {"x_train": rng.integers(0, 256, (3, 28, 28)).astype(np.uint8), "y_train": [1, 2, 3]}
    parts |= {"x_test": rng.integers(0, 256, (2, 28, 28)).astype(np.uint8), "y_test": [4, 5]}
    content = io.BytesIO()
    np.savez(content, **parts)
    x, y, mean, _ = images.parse_mnist(content.getvalue())
    assert x.shape == (5, 28, 28, 1)
    assert y.tolist() == [1, 2, 3, 4, 5]
    np.testing.assert_array_equal(x[3, :, :, 0], parts["x_test"][0])
    assert mean.shape == (1, 1, 1)


def test_cifar10_is_read_plane_by_plane() -> None:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for i, name in enumerate([*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]):
            record = bytes([i]) + bytes([10]) * 1024 + bytes([20]) * 1024 + bytes([30]) * 1024
            entry = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            entry.size = len(record)
            archive.addfile(entry, io.BytesIO(record))
    x, y, mean, std = images.parse_cifar10(content.getvalue())
    assert x.shape == (6, 32, 32, 3)
    assert y.tolist() == [0, 1, 2, 3, 4, 5]
    assert x[4, 7, 9].tolist() == [10, 20, 30]
    assert mean.ravel().tolist() == [10, 20, 30]
    assert std.ravel().tolist() == [0, 0, 0]
