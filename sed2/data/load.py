"""One `Dataset` from a name or from a file, and the choice of its N inputs."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sed2.data.csv_file import read_csv
from sed2.data.npz_file import read_npz
from sed2.data.registry import DATASETS, load_named
from sed2.errors import DataError, ResourceError, UsageError, did_you_mean

_INPUT_STREAM = int.from_bytes(b"inputs", "big")  # names the random stream of `choose_inputs`


@dataclass(frozen=True, eq=False)
class Dataset:
    """Inputs and, if there are any, labels. The arrays are read-only."""

    name: str
    """As it was asked for."""
    x: np.ndarray
    """(rows, *input_shape) float64, finite."""
    y: np.ndarray | None
    """(rows,) int64."""
    standardized: bool
    """Whether every feature was shifted by a mean and divided by a standard deviation."""
    source: str
    """Where the numbers come from."""
    sha256: str
    """Of the types, the shapes and the bytes of x and y: of the numbers as they are used."""

    @property
    def rows(self) -> int:
        return len(self.x)

    @property
    def input_shape(self) -> tuple[int, ...]:
        return self.x.shape[1:]


def load_dataset(
    name_or_path: str | Path,
    *,
    label: str | None = None,
    standardize: bool = False,
    cache_dir: str | Path | None = None,
) -> Dataset:
    """Read a named data set, or a file of the user's own.

    Args:
        name_or_path: a key of `sed2.data.registry.DATASETS`, or the path of a `.npz` file with
            arrays `x` (rows, ...) and optionally `y` (rows,), or of a `.csv` file with a header.
        label: the label column of a `.csv` file, by default its last; elsewhere without meaning.
        standardize: shift and scale each feature of a file by the file's own mean and population
            standard deviation. Named data sets always are, by the statistics of the full set. A
            constant feature is only shifted.
        cache_dir: where downloads are kept; see `sed2.data.registry.fetch`.

    Labels of a file, integers or texts, are coded from 0 in the order of their sorted values.

    Raises:
        DataError: it is missing, unreadable, damaged, or does not hold what it should.
        ResourceError: it does not fit in memory.
    """
    name = str(name_or_path)
    if name in DATASETS:
        raw = load_named(name, cache_dir=cache_dir)
        return _dataset(name, _standardized(raw.x, raw.mean, raw.std), raw.y, True, raw.source)
    path = Path(os.path.expanduser(name))
    try:
        x, y = _read_file(name, path, label)
        if standardize:
            x = _standardized(x, *_statistics(x, path))
    except FileNotFoundError as fault:
        place = "" if path.is_absolute() else f"; it is looked for in {Path.cwd()}"
        raise DataError(
            "there is no such file", mend=f"Check the path{place}", where=str(path)
        ) from fault
    except OSError as fault:
        raise DataError(
            f"cannot be read ({fault.strerror or fault})",
            mend="Check that it is a file and that you may read it",
            where=str(path),
        ) from fault
    except MemoryError as fault:
        raise ResourceError(
            "the data does not fit in memory", mend="Take fewer rows", where=str(path)
        ) from fault
    return _dataset(name, x, y, standardize, str(path))


def choose_inputs(dataset: Dataset, samples: int, seed: int) -> np.ndarray:
    """The N inputs: a seeded random choice of the rows without replacement, in random order.

    Every row gets a 64-bit key, the row-th raw output of the bit generator
    `Philox([seed, int.from_bytes(b"inputs", "big")])`, whose stream NumPy keeps fixed from version
    to version; the N rows with the smallest keys are taken, the smallest first. So the choice
    depends on the seed and the number of rows only, and the first n of N > n are the choice of n
    (unless N takes all rows).

    Args:
        dataset: rows to choose from.
        samples: N; from the number of rows on, all rows are taken, in order.
        seed: a non-negative integer.

    Returns:
        (min(N, rows), *input_shape) float64.

    Raises:
        UsageError: N is not positive.
    """
    if samples < 1:
        raise UsageError(f"the number of samples must be at least 1, not {samples}")
    if samples >= dataset.rows:
        return dataset.x
    keys = np.random.Philox([seed, _INPUT_STREAM]).random_raw(dataset.rows)
    return dataset.x[np.argsort(keys, kind="stable")[:samples]]


def _read_file(name: str, path: Path, label: str | None) -> tuple[np.ndarray, np.ndarray | None]:
    """x (rows, ...) float64, finite; y (rows,) int64 or None."""
    match path.suffix.lower():
        case ".npz":
            return read_npz(path)
        case ".csv":
            return read_csv(path, label)
    if name and path.exists():
        raise DataError(
            "this is not a file of a kind that sed2 reads",
            mend="Give a .npz file (numpy.savez(file, x=inputs, y=labels)) or a .csv file with a "
            "header",
            where=str(path),
        )
    raise DataError(
        f"there is no data set `{name}`",
        mend=f"{did_you_mean(name, DATASETS)}, or a path that ends in .npz or .csv",
    )


def _standardized(x: np.ndarray, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """x itself, changed in place; a feature whose standard deviation is 0 is only shifted."""
    x -= mean
    x /= np.where(std == 0, 1, std)
    return x


def _statistics(x: np.ndarray, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Mean and population standard deviation of each feature, exact for constant ones.

    The rounded mean of a constant differs from it, and the tiny deviation would be blown up to 1.

    Raises:
        DataError: the square of a deviation is beyond what a float64 holds.
    """
    constant = x.min(axis=0) == x.max(axis=0)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        mean = np.where(constant, x[0], x.mean(axis=0))
        std = np.where(constant, 0, x.std(axis=0))
    fine = np.isfinite(std) & ((std > 0) | constant)
    if not fine.all():
        feature = ", ".join(str(i) for i in np.unravel_index(fine.argmin(), fine.shape))
        raise DataError(
            f"the numbers of feature {feature} (from 0) are too large or too close together to be "
            "standardised",
            mend="Scale them first",
            where=str(path),
        )
    return mean, std


def _dataset(
    name: str, x: np.ndarray, y: np.ndarray | None, standardized: bool, source: str
) -> Dataset:
    digest = hashlib.sha256()
    for numbers in (x, y):
        if numbers is not None:
            digest.update(f"{numbers.dtype.str}{numbers.shape}".encode())
            digest.update(np.ascontiguousarray(numbers).data)
            numbers.setflags(write=False)
    return Dataset(name, x, y, standardized, source, digest.hexdigest())
