"""The named data sets: what they are, where they come from, and how to get them.

A new one is one entry of `DATASETS` and, if its format is new, one parser of the file's bytes.

Files that do not ship with sed2 are kept in `$SED2_DATA_DIR`, by default the user's cache folder.
Every file is held against its sha256 whenever it is read.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sed2.data import covertype, images
from sed2.data.download import DownloadError, download
from sed2.errors import DataError, did_you_mean

DATA_DIR_VARIABLE = "SED2_DATA_DIR"

Parsed = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""x, y, mean and std, as in `RawData`."""


class RawData(NamedTuple):
    """A named data set before standardising."""

    x: np.ndarray
    """(rows, *input_shape) float64."""
    y: np.ndarray
    """(rows,) int64, from 0."""
    mean: np.ndarray
    """Mean over the rows of the full set; broadcasts to input_shape."""
    std: np.ndarray
    """Population standard deviation, likewise."""
    source: str
    """Where the numbers were read from."""


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
    bundled: bool
    """Whether it ships with sed2; otherwise it is downloaded once."""
    url: str
    """Of the file, or of the home of the data if it is bundled."""
    file: str
    """Name of the file in the package or in the cache folder."""
    sha256: str
    """Of the file."""
    parse: Callable[[bytes], Parsed] = field(repr=False)
    instead: str = ""
    """A data set to use where this one cannot be had."""


def fetch(name: str, progress: bool = False, *, cache_dir: str | Path | None = None) -> Path:
    """The file of a data set, downloaded if it is not there yet.

    Args:
        name: a key of `DATASETS`.
        progress: whether to show a bar on stderr (where that is a terminal).
        cache_dir: folder to keep it in, instead of `$SED2_DATA_DIR` or the user's cache folder.

    Raises:
        DataError: there is no such data set, or it cannot be had.
    """
    info = dataset_info(name)
    path = _path(info, cache_dir)
    if info.bundled or _matches(info, path):
        return path
    try:
        download(info.url, path, info.sha256, progress=progress)
    except DownloadError as fault:
        here = f"{path} is not the right file, and " if path.is_file() else ""
        instead = f", or use the data set `{info.instead}`" if info.instead else ""
        raise DataError(
            f"data set `{name}` cannot be had: {here}{fault}",
            mend=f"Run `sed2 datasets fetch {name}` where there is a network; or get {info.url} by "
            f"other means and put it in {path.parent} as {info.file} (${DATA_DIR_VARIABLE} names "
            f"another folder){instead}",
        ) from fault
    return path


def is_available(name: str, *, cache_dir: str | Path | None = None) -> bool:
    """Whether a data set is here, whole: it can be loaded without a network.

    Raises:
        DataError: there is no such data set.
    """
    info = dataset_info(name)
    return _matches(info, _path(info, cache_dir))


def load_named(name: str, *, cache_dir: str | Path | None = None) -> RawData:
    """Raw numbers of a data set, and the statistics that standardise it.

    Args:
        name: a key of `DATASETS`.
        cache_dir: as for `fetch`.

    Raises:
        DataError: there is no such data set, or it cannot be had.
    """
    info = dataset_info(name)
    path = fetch(name, cache_dir=cache_dir)
    try:
        content = path.read_bytes()
    except OSError as fault:
        raise DataError(
            f"the file of data set `{name}` cannot be read ({fault.strerror})",
            mend="Reinstall sed2" if info.bundled else "Check its permissions, or remove it",
            where=str(path),
        ) from fault
    if hashlib.sha256(content).hexdigest() != info.sha256:
        raise DataError(
            f"the file of data set `{name}` is damaged: its sha256 is not {info.sha256}",
            mend="Reinstall sed2" if info.bundled else f"Run `sed2 datasets fetch {name}`",
            where=str(path),
        )
    return RawData(*info.parse(content), source="bundled with sed2" if info.bundled else info.url)


def dataset_info(name: str) -> DatasetInfo:
    """The entry of a data set.

    Raises:
        DataError: there is no such data set.
    """
    if name not in DATASETS:
        raise DataError(f"there is no data set `{name}`", mend=did_you_mean(name, DATASETS))
    return DATASETS[name]


def _path(info: DatasetInfo, cache_dir: str | Path | None) -> Path:
    if info.bundled:
        return Path(str(resources.files("sed2.data.bundled") / info.file))
    folder = cache_dir or os.environ.get(DATA_DIR_VARIABLE)
    if not folder:
        import pooch

        folder = pooch.os_cache("sed2")
    return Path(folder).expanduser().absolute() / info.file


def _matches(info: DatasetInfo, path: Path) -> bool:
    """Whether the file is there, readable, and the right one."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == info.sha256
    except OSError:
        return False


def _parse_covertype_full(content: bytes) -> Parsed:
    """With the stored statistics, so that both Covertypes are standardised alike to the bit."""
    stored = load_named("covertype")
    return *covertype.parse_full(content), stored.mean, stored.std


_COVERTYPE_CITATION = (
    "Blackard, J. (1998). Covertype. UCI Machine Learning Repository. "
    "https://doi.org/10.24432/C50K5N"
)

_MNIST_CITATION = (
    "LeCun, Y., Cortes, C., Burges, C. The MNIST database of handwritten digits. "
    "https://yann.lecun.org/exdb/mnist/"
)

DATASETS: dict[str, DatasetInfo] = {
    info.name: info
    for info in (
        DatasetInfo(
            name="covertype",
            description="Forest cover types from maps: a random 100,000 rows of Covertype",
            input_shape=(54,),
            classes=covertype.CLASSES,
            rows=100_000,
            licence="CC BY 4.0",
            citation=_COVERTYPE_CITATION,
            bundled=True,
            url="https://archive.ics.uci.edu/dataset/31/covertype",
            file="covertype.npz",
            sha256="db599e8e6d900a0e7e411a14f680a83365b50f52f194baf7e441761cb7dc7b95",
            parse=covertype.parse_sample,
        ),
        DatasetInfo(
            name="covertype-full",
            description="Forest cover types from maps: all rows of Covertype",
            input_shape=(54,),
            classes=covertype.CLASSES,
            rows=581_012,
            licence="CC BY 4.0",
            citation=_COVERTYPE_CITATION,
            bundled=False,
            url="https://archive.ics.uci.edu/ml/machine-learning-databases/covtype/covtype.data.gz",
            file="covtype.data.gz",
            sha256="614360d0257557dd1792834a85a1cdebfadc3c4f30b011d56afee7ffb5b15771",
            parse=_parse_covertype_full,
            instead="covertype",
        ),
        DatasetInfo(
            name="mnist",
            description="Handwritten digits, 28 x 28 in grey: a random 2,000 images of MNIST",
            input_shape=(28, 28, 1),
            classes=10,
            rows=2_000,
            licence="CC BY-SA 3.0",
            citation=_MNIST_CITATION,
            bundled=True,
            url="https://yann.lecun.org/exdb/mnist/",
            file="mnist.npz",
            sha256="de5450411f38a888949c1122a1d288bcf3b0f9f1679fbd11f5ed7dfbaad9b218",
            parse=images.parse_sample,
        ),
        DatasetInfo(
            name="mnist-full",
            description="Handwritten digits, 28 x 28 in grey: all images of MNIST",
            input_shape=(28, 28, 1),
            classes=10,
            rows=70_000,
            licence="CC BY-SA 3.0",
            citation=_MNIST_CITATION,
            bundled=False,
            url="https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
            file="mnist-full.npz",
            sha256="731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
            parse=images.parse_mnist,
            instead="mnist",
        ),
        DatasetInfo(
            name="cifar10",
            description="Photographs of ten things, 32 x 32 in colour: all images of CIFAR-10",
            input_shape=(32, 32, 3),
            classes=10,
            rows=60_000,
            licence="none stated by its authors",
            citation="Krizhevsky, A. (2009). Learning Multiple Layers of Features from Tiny "
            "Images. https://www.cs.toronto.edu/~kriz/cifar.html",
            bundled=False,
            url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
            file="cifar-10-binary.tar.gz",
            sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            parse=images.parse_cifar10,
        ),
    )
}
"""By name."""
