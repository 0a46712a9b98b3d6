"""Getting the named data sets of `sed2.data.catalogue`."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from sed2.data.catalogue import DATASETS, DatasetInfo
from sed2.data.download import DownloadError, download
from sed2.data.files import DATA_DIR_VARIABLE, DataFile
from sed2.errors import DataError, did_you_mean, shown


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


def fetch(
    name: str, progress: bool = False, *, cache_dir: str | Path | None = None
) -> tuple[Path, ...]:
    """The files of a data set, of which those that are not there yet are downloaded.

    Args:
        name: a key of `DATASETS`.
        progress: whether to show a bar on stderr (where that is a terminal).
        cache_dir: folder to keep them in, instead of `$SED2_DATA_DIR` or the user's cache folder.

    Raises:
        DataError: there is no such data set, or it cannot be fetched.
    """
    info = dataset_info(name)
    if not info.bundled:
        missing = [file for file in info.files if not file.is_here(cache_dir)]
        for done, file in enumerate(missing):
            try:
                download(file.url, file.path(cache_dir), file.sha256, progress=progress)
            except DownloadError as fault:
                raise _cannot_be_had(info, missing[done:], fault, cache_dir) from fault
    return tuple(file.path(cache_dir) for file in info.files)


def is_available(name: str, *, cache_dir: str | Path | None = None) -> bool:
    """Whether a data set is here, whole: it can be loaded without a network.

    Raises:
        DataError: there is no such data set.
    """
    return all(file.is_here(cache_dir) for file in dataset_info(name).files)


def load_named(name: str, *, cache_dir: str | Path | None = None) -> RawData:
    """Raw numbers of a data set, and the statistics that standardise it.

    Args:
        name: a key of `DATASETS`.
        cache_dir: as for `fetch`.

    Raises:
        DataError: there is no such data set, or it cannot be fetched.
    """
    info = dataset_info(name)
    fetch(name, cache_dir=cache_dir)
    parsed = info.parse(*(file.read(cache_dir) for file in info.files))
    urls = ", ".join(file.url for file in info.files)
    return RawData(*parsed, source="bundled with sed2" if info.bundled else urls)


def dataset_info(name: str) -> DatasetInfo:
    """The entry of a data set.

    Raises:
        DataError: there is no such data set.
    """
    if name not in DATASETS:
        raise DataError(f"there is no data set `{shown(name)}`", mend=did_you_mean(name, DATASETS))
    return DATASETS[name]


def _cannot_be_had(
    info: DatasetInfo,
    missing: list[DataFile],
    fault: DownloadError,
    cache_dir: str | Path | None,
) -> DataError:
    """The first of the missing files could not be downloaded; the mend names them all."""
    first, *others = missing
    path = first.path(cache_dir)
    here = f"{path} is not the right file, and " if path.is_file() else ""
    also = "".join(f", {file.url} as {file.path(cache_dir).name}" for file in others)
    instead = f", or use the data set `{info.instead}`" if info.instead else ""
    return DataError(
        f"data set `{info.name}` cannot be fetched: {here}{fault}",
        mend=f"Run `sed2 datasets fetch {info.name}` where there is a network; or get {first.url} "
        f"by other means and put it in {path.parent} as {path.name}{also} (${DATA_DIR_VARIABLE} "
        f"names another folder){instead}",
    )
