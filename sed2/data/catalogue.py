"""The named data sets, one entry each: what they are, and which files they are made of.

A new one is one entry of `DATASETS` and, if its format is new, one parser of its files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from sed2.data import covertype, images
from sed2.data.files import DataFile

Parsed = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""x, y, mean and std, as in `sed2.data.registry.RawData`."""


@dataclass(frozen=True)
class DatasetInfo:
    """One named data set."""

    name: str
    description: str
    input_shape: tuple[int, ...]
    classes: int
    rows: int
    licence: str
    citation: str
    home: str
    """Address of its authors' page."""
    files: tuple[DataFile, ...]
    """Either all ship with sed2, or all are downloaded once."""
    parse: Callable[..., Parsed] = field(repr=False)
    """Takes the content of each file."""
    instead: str = ""
    """A data set to use where this one cannot be fetched."""

    @property
    def bundled(self) -> bool:
        """Whether it ships with sed2."""
        return all(file.bundled for file in self.files)


_FASHION_MNIST_URL = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
_FASHION_MNIST_FILES = {
    "train-images-idx3-ubyte": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "train-labels-idx1-ubyte": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "t10k-images-idx3-ubyte": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "t10k-labels-idx1-ubyte": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}
_COVERTYPE_FILE = DataFile(
    "covertype.npz", "db599e8e6d900a0e7e411a14f680a83365b50f52f194baf7e441761cb7dc7b95"
)


def _parse_covertype_full(content: bytes) -> Parsed:
    """With the stored statistics, so that both Covertypes are standardised alike to the bit."""
    return *covertype.parse_full(content), *covertype.parse_sample(_COVERTYPE_FILE.read())[2:]


_COVERTYPE = DatasetInfo(
    name="covertype",
    description="Forest cover types from maps: a random 100,000 rows of Covertype",
    input_shape=(54,),
    classes=covertype.CLASSES,
    rows=100_000,
    licence="CC BY 4.0",
    citation="Blackard, J. (1998). Covertype. UCI Machine Learning Repository. "
    "https://doi.org/10.24432/C50K5N",
    home="https://archive.ics.uci.edu/dataset/31/covertype",
    files=(_COVERTYPE_FILE,),
    parse=covertype.parse_sample,
)
_COVERTYPE_FULL = replace(
    _COVERTYPE,
    name="covertype-full",
    description="Forest cover types from maps: all rows of Covertype",
    rows=581_012,
    files=(
        DataFile(
            "covtype.data.gz",
            "614360d0257557dd1792834a85a1cdebfadc3c4f30b011d56afee7ffb5b15771",
            "https://archive.ics.uci.edu/ml/machine-learning-databases/covtype/covtype.data.gz",
        ),
    ),
    parse=_parse_covertype_full,
    instead="covertype",
)
_MNIST = DatasetInfo(
    name="mnist",
    description="Handwritten digits, 28 x 28 in grey: a random 2,000 images of MNIST",
    input_shape=(28, 28, 1),
    classes=10,
    rows=2_000,
    licence="CC BY-SA 3.0",
    citation="LeCun, Y., Cortes, C., Burges, C. The MNIST database of handwritten digits. "
    "https://yann.lecun.org/exdb/mnist/",
    home="https://yann.lecun.org/exdb/mnist/",
    files=(
        DataFile("mnist.npz", "de5450411f38a888949c1122a1d288bcf3b0f9f1679fbd11f5ed7dfbaad9b218"),
    ),
    parse=images.parse_sample,
)
_MNIST_FULL = replace(
    _MNIST,
    name="mnist-full",
    description="Handwritten digits, 28 x 28 in grey: all images of MNIST",
    rows=70_000,
    files=(
        DataFile(
            "mnist-full.npz",
            "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
        ),
    ),
    parse=images.parse_mnist,
    instead="mnist",
)
_FASHION_MNIST = DatasetInfo(
    name="fashion-mnist",
    description="Pieces of clothing, 28 x 28 in grey: all images of Fashion-MNIST",
    input_shape=(28, 28, 1),
    classes=10,
    rows=70_000,
    licence="MIT",
    citation="Xiao, H., Rasul, K., Vollgraf, R. (2017). Fashion-MNIST: a Novel Image "
    "Dataset for Benchmarking Machine Learning Algorithms. "
    "https://arxiv.org/abs/1708.07747",
    home="https://github.com/zalandoresearch/fashion-mnist",
    files=tuple(
        DataFile(f"fashion-mnist/{name}.gz", sha256, f"{_FASHION_MNIST_URL}{name}.gz")
        for name, sha256 in _FASHION_MNIST_FILES.items()
    ),
    parse=images.parse_idx,
    instead="mnist",
)
_CIFAR10 = DatasetInfo(
    name="cifar10",
    description="Photographs of ten things, 32 x 32 in colour: all images of CIFAR-10",
    input_shape=(32, 32, 3),
    classes=10,
    rows=60_000,
    licence="none stated by its authors",
    citation="Krizhevsky, A. (2009). Learning Multiple Layers of Features from Tiny "
    "Images. https://www.cs.toronto.edu/~kriz/cifar.html",
    home="https://www.cs.toronto.edu/~kriz/cifar.html",
    files=(
        DataFile(
            "cifar-10-binary.tar.gz",
            "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        ),
    ),
    parse=images.parse_cifar10,
)
DATASETS = {
    info.name: info
    for info in (_COVERTYPE, _COVERTYPE_FULL, _MNIST, _MNIST_FULL, _FASHION_MNIST, _CIFAR10)
}
"""By name."""
