"""One `Dataset` from a name or from a file, and the choice of its N inputs."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sed2.data.catalogue import DATASETS
from sed2.data.checks import Labelled, Reading, are_tokens, as_inputs, as_targets, at
from sed2.data.formats import FORMATS, SHORT, format_of
from sed2.data.objects import name_of, read_object
from sed2.data.registry import load_named
from sed2.errors import DataError, ResourceError, UsageError, did_you_mean, shown
from sed2.settings import NO_LABEL

_INPUT_STREAM = int.from_bytes(b"inputs", "big")  # names the random stream of `choose_inputs`


@dataclass(frozen=True, eq=False)
class Dataset:
    """Inputs and, if there are any, labels. The arrays are read-only."""

    name: str
    """As it was asked for."""
    x: np.ndarray
    """(rows, *input_shape) float64, finite."""
    y: np.ndarray | None
    """(rows,) int64, classes; or float64, (rows,) or (rows, outputs), numbers to predict."""
    standardized: bool
    """Whether every feature was shifted by a mean and divided by a standard deviation."""
    source: str
    """Where the numbers come from."""
    sha256: str
    """Of the types, the shapes and the bytes of x and y: of the numbers as they are used."""
    tokens: bool = False
    """Whether the inputs look like the numbers of tokens."""

    @property
    def rows(self) -> int:
        return len(self.x)

    @property
    def input_shape(self) -> tuple[int, ...]:
        return self.x.shape[1:]


def load_dataset(
    data: Any,
    *,
    standardize: bool = False,
    cache_dir: str | Path | None = None,
    label: str | None = None,
    x_key: str | None = None,
    y_key: str | None = None,
    layout: str | None = None,
    targets: str | None = None,
) -> Dataset:
    """Read a named data set, a file of the user's own, or what the caller holds.

    Args:
        data: a key of `sed2.data.catalogue.DATASETS`; the path of a file or a folder of one of
            `sed2.data.formats.FORMATS`; or what `sed2.data.objects.read_object` takes.
        standardize: shift and scale each feature by its own mean and population standard deviation,
            and one that is constant by the mean alone. Pixels of files of images are standardised
            by the channel, as those of the named sets: pixels of a border never change. Named data
            sets always are standardised, by the statistics of the full set.
        cache_dir: where downloads are kept; see `sed2.data.registry.fetch`.
        label: the column of a table that is the label, by default its last; `none` if there are no
            labels, or none are wanted.
        x_key, y_key: names of the inputs and the labels among arrays; by default x and y.
        layout: `nchw` if the channels of images come before their pixels; they are put last.
        targets: `classes` or `numbers`; by default integers and texts are classes, as are real
            numbers that are all whole.

    Classes are coded from 0 in the order of their sorted values.

    Raises:
        UsageError: a package that the kind of file needs is not here.
        DataError: it is missing, unreadable, damaged, or does not hold what it should.
        ResourceError: it does not fit in memory.
    """
    reading = Reading(label, x_key, y_key, layout, targets)
    if not isinstance(data, str | Path):
        name = name_of(data)
        labelled = read_object(data, reading)
        return _finished(name, Path(f"the {name}"), labelled, reading, standardize)
    name = str(data)
    if name in DATASETS:
        raw = load_named(name, cache_dir=cache_dir)
        return _dataset(name, _standardized(raw.x, raw.mean, raw.std), raw.y, True, raw.source)
    path = Path(os.path.expanduser(name))
    try:
        labelled, pixels = _read_file(name, path, reading)
        return _finished(name, path, labelled, reading, standardize, pixels)
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


def _finished(
    name: str,
    path: Path,
    labelled: Labelled,
    reading: Reading,
    standardize: bool,
    pixels: bool = False,
) -> Dataset:
    """Inputs and labels as they were read, checked and brought to the forms of a `Dataset`."""
    raw, labels = labelled
    with at(path):
        x = as_inputs(raw, None if pixels else reading.layout)  # pixels have their channels last
        y = labels
        if reading.label == NO_LABEL:
            y = None
        elif labels is not None:
            y = as_targets(labels, len(x), reading.targets)
        if standardize:
            axes = (0, 1, 2) if pixels and x.ndim == 4 else (0,)
            x = _standardized(x, *_statistics(x, path, axes))
    return _dataset(name, x, y, standardize, str(path), are_tokens(raw) and not standardize)


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
    return dataset.x[choose_rows(dataset.rows, samples, seed)]


def choose_rows(rows: int, samples: int, seed: int) -> np.ndarray:
    """(min(N, rows),) the numbers of the rows that `choose_inputs` takes, in its order."""
    if samples >= rows:
        return np.arange(rows)
    keys = np.random.Philox([seed, _INPUT_STREAM]).random_raw(rows)
    smallest = np.sort(np.argpartition(keys, samples)[:samples])
    return smallest[np.argsort(keys[smallest], kind="stable")]


def _read_file(name: str, path: Path, reading: Reading) -> tuple[Labelled, bool]:
    """What a file or a folder holds, and whether that is pixels."""
    kind = format_of(path) if name else None  # the empty path is the folder one is in
    if kind:
        return kind.read(path, reading), kind.pixels
    if name and path.exists():
        raise DataError(
            f"this is not a {'folder' if path.is_dir() else 'file'} of a kind that sed2 reads",
            mend=f"Give {', '.join(kind.what for kind in FORMATS)}",
            where=str(path),
        )
    raise DataError(
        f"there is no data set `{shown(name)}`",
        mend=f"{did_you_mean(name, DATASETS)}, or the path of a {SHORT}",
    )


def _standardized(x: np.ndarray, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """x itself, changed in place; a feature whose standard deviation is 0 is only shifted."""
    x -= mean
    x /= np.where(std == 0, 1, std)
    return x


def _statistics(
    x: np.ndarray, path: Path, axes: tuple[int, ...] = (0,)
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and population standard deviation of each feature, exact for constant ones.

    The rounded mean of a constant differs from it, and the tiny deviation would be blown up to 1.

    Raises:
        DataError: the square of a deviation is beyond what a float64 holds.
    """
    least = x.min(axis=axes)
    constant = least == x.max(axis=axes)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        mean = np.where(constant, least, x.mean(axis=axes))
        std = np.where(constant, 0, x.std(axis=axes))
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
    name: str,
    x: np.ndarray,
    y: np.ndarray | None,
    standardized: bool,
    source: str,
    tokens: bool = False,
) -> Dataset:
    arrays = [numbers for numbers in (x, y) if numbers is not None]
    for numbers in arrays:
        numbers.setflags(write=False)
    return Dataset(name, x, y, standardized, source, hash_arrays(*arrays), tokens)


def hash_arrays(*arrays: np.ndarray) -> str:
    """sha256 of arrays: their types, shapes and numbers."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
