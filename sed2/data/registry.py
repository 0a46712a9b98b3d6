"""The named data sets: what they are, where they come from, and how to get them.

A new one is one entry of `DATASETS` and, if its format is new, one parser: from the bytes of the
file to `(x, y, mean, std)`.

Files that do not ship with sed2 are kept in `$SED2_DATA_DIR`, by default the user's cache folder.
Every file is held against its sha256 whenever it is read.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sed2.errors import DataError, did_you_mean

DATA_DIR_VARIABLE = "SED2_DATA_DIR"
_RETRIES = 2  # after a first download that failed or came damaged
_TIMEOUT = 30  # seconds without an answer

COVERTYPE_NUMERIC = (
    "elevation",
    "aspect",
    "slope",
    "horizontal_distance_to_hydrology",
    "vertical_distance_to_hydrology",
    "horizontal_distance_to_roadways",
    "hillshade_9am",
    "hillshade_noon",
    "hillshade_3pm",
    "horizontal_distance_to_fire_points",
)
"""The first columns of Covertype, in its order."""
COVERTYPE_ONE_HOT = {"wilderness": 4, "soil": 40}
"""The columns after them: groups of which exactly one is 1 in every row."""
COVERTYPE_CLASSES = 7

Parsed = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""x (rows, *input_shape) raw float64, y (rows,) int64, mean and std of the full set, each of a
shape that broadcasts to input_shape."""


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
        _download(info, path, progress)
    except (OSError, ValueError) as fault:  # those of requests are OSErrors
        raise _cannot_be_had(info, path, fault) from fault
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


def _download(info: DatasetInfo, path: Path, progress: bool) -> None:
    """Raises OSError (of the network or of the folder) or ValueError (the wrong checksum)."""
    import pooch

    from sed2 import terminal

    pooch.get_logger().setLevel("WARNING")  # the terminal is not pooch's to write to
    storage = pooch.create(
        path=path.parent,
        base_url="",
        registry={info.file: f"sha256:{info.sha256}"},
        urls={info.file: info.url},
        retry_if_failed=_RETRIES,
    )
    if not progress:
        storage.fetch(info.file, downloader=pooch.HTTPDownloader(timeout=_TIMEOUT))
        return
    with terminal.progress(f"downloading {info.name}") as report:
        bar = _Bar(lambda done, total: report(f"downloading {info.name}", done, total))
        storage.fetch(info.file, downloader=pooch.HTTPDownloader(bar, timeout=_TIMEOUT))


class _Bar:
    """What pooch takes for a progress bar."""

    def __init__(self, report: Callable[[int, int], None]) -> None:
        self.total: Any = 0  # bytes; set by pooch, 0 where the server does not say
        self._done = 0
        self._report = report

    def update(self, amount: int) -> None:
        self._done += amount
        self._report(self._done, max(int(self.total), self._done))

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        pass


def _cannot_be_had(info: DatasetInfo, path: Path, fault: Exception) -> DataError:
    if isinstance(fault, ValueError):
        reason = f"what came from {info.url} has not the sha256 {info.sha256}"
    elif isinstance(fault, PermissionError | FileExistsError | NotADirectoryError):
        reason = f"the folder {path.parent} cannot be written ({fault.strerror or fault})"
    else:
        reason = f"the download failed ({fault})"
    if path.is_file():
        reason = f"{path} is not the right file (its sha256 differs), and {reason}"
    instead = f", or use the data set `{info.instead}`" if info.instead else ""
    return DataError(
        f"data set `{info.name}` cannot be had: {reason}",
        mend=f"Run `sed2 datasets fetch {info.name}` where there is a network; or get {info.url} "
        f"by other means and put it in {path.parent} as {info.file} (${DATA_DIR_VARIABLE} names "
        f"another folder){instead}",
    )


def _parse_covertype_sample(content: bytes) -> Parsed:
    """What `scripts/make_covertype_sample.py` wrote."""
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        y = arrays["label"].astype(np.int64)
        start = len(COVERTYPE_NUMERIC)
        x = np.zeros((len(y), start + sum(COVERTYPE_ONE_HOT.values())))
        for column, name in enumerate(COVERTYPE_NUMERIC):
            x[:, column] = arrays[name]
        for name, width in COVERTYPE_ONE_HOT.items():
            x[np.arange(len(y)), start + arrays[name]] = 1
            start += width
        return x, y, arrays["mean"], arrays["std"]


def _parse_covertype_full(content: bytes) -> Parsed:
    """The original: 54 integers and the label 1-7 in each line.

    The statistics are the stored ones, so that both Covertypes are standardised alike to the bit.
    """
    with gzip.open(io.BytesIO(content)) as lines:
        table = np.loadtxt(lines, dtype=np.int16, delimiter=",", ndmin=2)
    bundled = load_named("covertype")
    x, y = table[:, :-1].astype(float), table[:, -1].astype(np.int64) - 1
    return x, y, bundled.mean, bundled.std


_COVERTYPE_CITATION = (
    "Blackard, J. (1998). Covertype. UCI Machine Learning Repository. "
    "https://doi.org/10.24432/C50K5N"
)

DATASETS: dict[str, DatasetInfo] = {
    info.name: info
    for info in (
        DatasetInfo(
            name="covertype",
            description="Forest cover types from maps: a random 100,000 rows of Covertype",
            input_shape=(54,),
            classes=COVERTYPE_CLASSES,
            rows=100_000,
            licence="CC BY 4.0",
            citation=_COVERTYPE_CITATION,
            bundled=True,
            url="https://archive.ics.uci.edu/dataset/31/covertype",
            file="covertype.npz",
            sha256="db599e8e6d900a0e7e411a14f680a83365b50f52f194baf7e441761cb7dc7b95",
            parse=_parse_covertype_sample,
        ),
        DatasetInfo(
            name="covertype-full",
            description="Forest cover types from maps: all rows of Covertype",
            input_shape=(54,),
            classes=COVERTYPE_CLASSES,
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
    )
}
"""By name."""
