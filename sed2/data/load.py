"""One `Dataset` from a name or from a file, and the choice of its N inputs.

A file that is damaged, or that does not hold what it should, is refused with the place and the
mend; nothing that it holds is run, and nothing larger than the memory is allocated for it.
"""

from __future__ import annotations

import csv
import hashlib
import math
import os
import re
import zipfile
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from warnings import catch_warnings, simplefilter

import numpy as np

from sed2.data.registry import DATASETS, load_named
from sed2.errors import DataError, ResourceError, UsageError, did_you_mean

_INPUT_STREAM = int.from_bytes(b"inputs", "big")  # names the random stream of `choose_inputs`
_GB = 1e9
_SHOWN = 10  # names of a list that an error shows
_SHOWN_LENGTH = 60  # characters of a cell or a name that an error shows
_INTEGER = re.compile(r"[-+]?[0-9]{1,100}")


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

    Labels are coded from 0 in the order of their sorted values; but integers of a `.npz` file of
    which none is negative are class numbers already, and are kept.

    Raises:
        DataError: it is missing, unreadable, damaged, or does not hold what it should.
        ResourceError: it does not fit in memory.
    """
    name = str(name_or_path)
    if name in DATASETS:
        raw = load_named(name, cache_dir=cache_dir)
        _standardize(raw.x, raw.mean, raw.std)
        return _dataset(name, raw.x, raw.y, True, raw.source)
    path = Path(os.path.expanduser(name))
    _check_file(name, path)
    with _explained(path):
        x, y = _read_npz(path) if path.suffix.lower() == ".npz" else _read_csv(path, label)
        if standardize:
            _standardize(x, *_statistics(x))
            if not np.isfinite(x).all():
                raise DataError(
                    "the numbers are too large to be standardised",
                    mend="Scale them down",
                    where=str(path),
                )
    return _dataset(name, x, y, standardize, str(path))


def choose_inputs(dataset: Dataset, samples: int, seed: int) -> np.ndarray:
    """The N inputs: a seeded random choice of the rows without replacement, in random order.

    Every row gets a 64-bit key, the row-th raw output of the bit generator
    `Philox([seed, int.from_bytes(b"inputs", "big")])`, whose stream NumPy keeps fixed from version
    to version; the N rows with the smallest keys are taken, the smallest first. So the choice
    depends on the seed and the number of rows only, and the first n of N > n are the choice of n.

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


def _standardize(x: np.ndarray, mean: np.ndarray, std: np.ndarray) -> None:
    """In place; a feature whose standard deviation is 0 is only shifted."""
    with np.errstate(all="ignore"):  # what overflows is refused by the caller
        x -= mean
        x /= np.where(std == 0, 1, std)


def _statistics(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and population standard deviation of each feature, exact for constant ones.

    The rounded mean of a constant differs from it, and the tiny deviation would be blown up to 1.
    """
    with np.errstate(all="ignore"):
        constant = x.min(axis=0) == x.max(axis=0)
        mean = np.where(constant, x[0], x.mean(axis=0))
        return mean, np.where(constant, 0, x.std(axis=0))


def _check_file(name: str, path: Path) -> None:
    """Raises DataError: this is neither a data set nor a file of a kind that is read."""
    try:
        exists, is_folder = path.exists(), path.is_dir()
    except OSError as fault:  # such as a name that is too long
        raise DataError(f"cannot be read ({fault.strerror})", where=_shown(name)) from fault
    if path.suffix.lower() in (".npz", ".csv") and exists and not is_folder:
        return
    if is_folder:
        raise DataError(
            "this is a folder, not a file", mend="Give a .npz or .csv file", where=_shown(name)
        )
    if exists:
        raise DataError(
            f"`{path.suffix or path.name}` is not a kind of file that sed2 reads",
            mend="Give a .npz file (numpy.savez(file, x=inputs, y=labels)) or a .csv file with a "
            "header",
            where=_shown(name),
        )
    if path.suffix.lower() in (".npz", ".csv"):
        raise DataError(
            "there is no such file",
            mend=f"Check the path; it is looked for in {Path.cwd()}"
            if not path.is_absolute()
            else "Check the path",
            where=_shown(name),
        )
    raise DataError(
        f"there is no data set `{_shown(name)}`",
        mend=f"{did_you_mean(name, DATASETS)}, or a path that ends in .npz or .csv",
    )


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """What the system says about a file, as our errors."""
    try:
        yield
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


def _shown(text: str) -> str:
    """Text from outside, short and on one line."""
    text = "".join(c if c.isprintable() else "�" for c in text[: _SHOWN_LENGTH + 1])
    return text if len(text) <= _SHOWN_LENGTH else f"{text[: _SHOWN_LENGTH - 1]}…"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(f"`{_shown(name)}`" for name in names[:_SHOWN]) + more


# --- .npz -----------------------------------------------------------------------------------------


def _read_npz(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """x (rows, ...) float64 and y (rows,) int64."""
    with _undamaged(path):
        archive = zipfile.ZipFile(path)
    with archive:
        names = [member.removesuffix(".npy") for member in archive.namelist()]
        if "x" not in names:
            raise DataError(
                f"there is no array `x`; the file holds {_listed(names) or 'no arrays'}",
                mend="Save it as numpy.savez(file, x=inputs, y=labels)",
                where=str(path),
            )
        x = _inputs(path, _read_array(path, archive, "x"))
        y = _labels(path, _read_array(path, archive, "y"), len(x)) if "y" in names else None
    return x, y


@contextmanager
def _undamaged(path: Path) -> Iterator[None]:
    """Anything that goes wrong within is the file's fault."""
    try:
        yield
    except (DataError, ResourceError, MemoryError):
        raise
    # Damaged bytes raise a dozen kinds of exceptions in zipfile, zlib, struct and numpy.
    except Exception as fault:
        if isinstance(fault, OSError) and fault.errno is not None:
            raise  # the system's fault after all
        raise DataError(
            f"this is not a .npz file, or it is damaged ({_shown(str(fault)) or type(fault)})",
            mend="Save it again with numpy.savez(file, x=inputs, y=labels)",
            where=str(path),
        ) from fault


def _read_array(path: Path, archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """One array, after its header was found to be honest, harmless, and to fit in memory."""
    with _undamaged(path), catch_warnings():
        simplefilter("ignore")  # numpy's about headers of Python 2
        members = set(archive.namelist())
        member = archive.getinfo(f"{name}.npy" if f"{name}.npy" in members else name)
        with archive.open(member) as file:
            version = np.lib.format.read_magic(file)
            if version == (1, 0):
                shape, _, dtype = np.lib.format.read_array_header_1_0(file)
            elif version == (2, 0):
                shape, _, dtype = np.lib.format.read_array_header_2_0(file)
            else:  # 3.0 is for field names only
                raise DataError(
                    f"array `{name}` has fields", mend="Save plain numbers", where=str(path)
                )
            header = file.tell()
        _check_kind(path, name, dtype)
        count = math.prod(shape)
        if min(shape, default=0) < 0 or header + count * dtype.itemsize != member.file_size:
            raise DataError(
                f"array `{name}` is damaged: its header announces {count:,} numbers, its data has "
                f"{member.file_size - header:,} bytes",
                mend="Save it again with numpy.savez(file, x=inputs, y=labels)",
                where=str(path),
            )
        needed, free = count * (dtype.itemsize + 8), _free_memory()  # as it is, and as float64
        if needed > free:
            raise ResourceError(
                f"array `{name}` of shape {shape} needs {needed / _GB:,.1f} GB, but "
                f"{free / _GB:,.1f} GB are free",
                mend="Take fewer rows",
                where=str(path),
            )
        with archive.open(member) as file:
            return np.lib.format.read_array(file, allow_pickle=False)


def _check_kind(path: Path, name: str, dtype: np.dtype) -> None:
    """Raises DataError: the array holds no numbers (or, for y, no texts either)."""
    if dtype.hasobject:
        raise DataError(
            f"array `{name}` holds Python objects, and loading them could run code",
            mend=f"Save it as numbers: {name} = numpy.asarray({name}, "
            f"dtype={'float' if name == 'x' else 'int'})",
            where=str(path),
        )
    if dtype.kind not in ("biuf" if name == "x" else "biufUS"):
        kind = "complex numbers" if dtype.kind == "c" else f"`{_shown(str(dtype))}`"
        raise DataError(
            f"array `{name}` holds {kind}, not {'real numbers' if name == 'x' else 'labels'}",
            mend="Stack real and imaginary parts as features"
            if dtype.kind == "c"
            else "Save it as numbers",
            where=str(path),
        )


def _free_memory() -> float:
    """Bytes that can be had without swapping; infinite where the system does not say."""
    try:
        with open("/proc/meminfo") as lines:
            return next(int(line.split()[1]) * 1024 for line in lines if "MemAvailable" in line)
    except (OSError, StopIteration):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return math.inf


def _inputs(path: Path, x: np.ndarray) -> np.ndarray:
    """Check x, and make it float64."""
    if x.ndim < 2:
        raise DataError(
            f"array `x` has shape {x.shape}, but needs one row for each input",
            mend="Reshape it to (rows, features): x.reshape(-1, 1) is one feature a row, "
            "x.reshape(1, -1) is a single row",
            where=str(path),
        )
    if x.size == 0:
        raise DataError(
            f"array `x` of shape {x.shape} is empty", mend="Give at least one row", where=str(path)
        )
    with np.errstate(all="ignore"):  # what overflows is found right below
        x = np.ascontiguousarray(x, dtype=np.float64)
    finite = np.isfinite(x)
    if not finite.all():
        row, *column = (int(i) for i in np.unravel_index(finite.argmin(), x.shape))
        at = ", ".join(map(str, column))
        raise DataError(
            f"`x` is not finite in {x.size - np.count_nonzero(finite):,} of {x.size:,} numbers, "
            f"the first at row {row}, column {at} (from 0): x[{row}, {at}] = {x[row, *column]}",
            mend="Drop or fill those rows",
            where=str(path),
        )
    return x


def _labels(path: Path, y: np.ndarray, rows: int) -> np.ndarray:
    """Check y, and make it (rows,) int64."""
    if y.shape != (rows,):
        raise DataError(
            f"`y` has shape {y.shape}, but `x` has {rows:,} rows",
            mend=f"Give one label for each row, of shape ({rows},): y.ravel() for a column, "
            "y.argmax(axis=1) for one-hot labels",
            where=str(path),
        )
    if y.dtype.kind == "f":
        whole = np.isfinite(y) & (y == np.floor(np.where(np.isfinite(y), y, 0)))
        if not whole.all():
            row = int(whole.argmin())
            raise DataError(
                f"labels must be integers or texts, but y[{row}] = {y[row]}",
                mend="Save the classes as integers",
                where=str(path),
            )
    if y.dtype.kind in "US" or y.min() < 0:
        return np.unique(y, return_inverse=True)[1].astype(np.int64)
    if y.max() > np.iinfo(np.int64).max // 2:  # half of it: a float beside the limit rounds up
        raise DataError(
            f"label {y.max()} is no class number", mend="Number classes from 0", where=str(path)
        )
    return y.astype(np.int64)


# --- .csv -----------------------------------------------------------------------------------------


def _read_csv(path: Path, label: str | None) -> tuple[np.ndarray, np.ndarray]:
    """x (rows, columns - 1) float64 and y (rows,) int64."""
    numbers, codes, lines = array("d"), array("q"), array("q")
    known: dict[str, int] = {}  # labels, in the order of their first row
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            names = _header(path, next(reader, []), label)
            position = names.index(label) if label is not None else len(names) - 1
            inputs = names[:position] + names[position + 1 :]
            for cells in reader:
                if not cells:  # a blank line
                    continue
                if len(cells) != len(names):
                    raise DataError(
                        f"this row has {len(cells)} cells, but the header has {len(names)}",
                        mend="Give every row one cell for each column; quote cells that hold "
                        "commas",
                        where=f"{path}:{reader.line_num}",
                    )
                text = cells.pop(position).strip()
                if not text:
                    _refuse_cell(path, reader.line_num, names[position], text)
                try:
                    numbers.extend(map(float, cells))
                except ValueError:
                    _refuse_row(path, reader.line_num, inputs, cells)
                if "_" in "".join(cells):  # float() reads 1_000
                    _refuse_row(path, reader.line_num, inputs, cells)
                codes.append(known.setdefault(text, len(known)))
                lines.append(reader.line_num)
        except UnicodeDecodeError as fault:
            raise DataError(
                f"this is not UTF-8 text ({fault.reason})",
                mend="Save it as a CSV file in UTF-8",
                where=f"{path}:{reader.line_num + 1}",
            ) from fault
        except csv.Error as fault:
            raise DataError(
                f"this is not CSV: {fault}",
                mend='Close every quote, and write a quote within quotes as ""',
                where=f"{path}:{reader.line_num}",
            ) from fault
    if not lines:
        raise DataError(
            "there is a header but no row", mend="Give at least one row", where=str(path)
        )
    x = np.frombuffer(numbers).reshape(len(lines), len(inputs))
    finite = np.isfinite(x)
    if not finite.all():
        row, column = (int(i) for i in np.unravel_index(finite.argmin(), x.shape))
        raise DataError(
            f"{x[row, column]} is not finite (as are {x.size - np.count_nonzero(finite):,} of "
            f"{x.size:,} numbers)",
            mend="Drop or fill those rows",
            where=f"{path}:{lines[row]}:{_shown(inputs[column])}",
        )
    first_codes = np.frombuffer(codes, dtype=np.int64)
    ranks = _rank_labels(path, list(known), names[position], first_codes, lines)
    return x, ranks[first_codes]


def _header(path: Path, cells: list[str], label: str | None) -> list[str]:
    """Names of the columns."""
    names = [cell.strip() for cell in cells]
    where = f"{path}:1"
    if not any(names):
        raise DataError(
            "the file is empty, or its first line is",
            mend="Give a header with the names of the columns, then the rows",
            where=where,
        )
    if len(names) == 1:
        other = next((c for c in (";", "\t", "|") if c in names[0]), None)
        if other is not None:
            kind = {";": "semicolons", "\t": "tabs", "|": "bars"}[other]
            raise DataError(
                f"the columns are separated by {kind}, not by commas",
                mend="Save it with commas between the columns (and points in the numbers)",
                where=where,
            )
        raise DataError(
            f"the only column, `{_shown(names[0])}`, is the label, so there are no inputs",
            mend="Give at least one more column; columns are separated by commas",
            where=where,
        )
    # Names 0, 1, 2, ... are what pandas writes for columns that have none.
    if all(map(_is_number, names)) and names != [str(i) for i in range(len(names))]:
        raise DataError(
            "there is no header: the first line holds numbers",
            mend="Add a first line with the names of the columns",
            where=where,
        )
    if "" in names:
        raise DataError(
            f"column {names.index('') + 1} has no name",
            mend="Name it, or leave it out if it only counts the rows (pandas: index=False)",
            where=where,
        )
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise DataError(
                f"two columns are named `{_shown(name)}`",
                mend="Give each column its own name",
                where=where,
            )
        seen.add(name)
    if label is not None and label not in seen:
        raise DataError(
            f"there is no label column `{_shown(label)}`",
            mend=did_you_mean(label, names),
            where=where,
        )
    return names


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def _refuse_row(path: Path, line: int, names: list[str], cells: list[str]) -> NoReturn:
    """Lay a row that is not all numbers to the first cell that is none."""
    name, cell = next(
        (name, cell) for name, cell in zip(names, cells, strict=True) if not _is_number(cell)
    )
    _refuse_cell(path, line, name, cell)


def _refuse_cell(path: Path, line: int, name: str, cell: str) -> NoReturn:
    where = f"{path}:{line}:{_shown(name)}"
    if not cell.strip():
        raise DataError("this cell is empty", mend="Fill it, or drop the row", where=where)
    mend = (
        "Write numbers with a point"
        if _is_number(cell.replace(",", "."))
        else (
            "Inputs must be numbers: code categories as numbers; if this column is the label, "
            "name it with --label"
        )
    )
    raise DataError(f"`{_shown(cell)}` is not a number", mend=mend, where=where)


def _rank_labels(
    path: Path, labels: list[str], column: str, codes: np.ndarray, lines: Sequence[int]
) -> np.ndarray:
    """(labels,) the rank of each label: integers by value, texts by alphabet.

    Raises:
        DataError: the labels are numbers, but not whole ones, so this column is no label.
    """
    if not all(map(_is_number, labels)):
        return np.unique(np.array(labels, dtype=object), return_inverse=True)[1].astype(np.int64)
    values = [int(text) if _INTEGER.fullmatch(text) else float(text) for text in labels]
    for code, value in enumerate(values):
        if isinstance(value, float) and not value.is_integer():
            raise DataError(
                f"labels must be integers or texts, but `{_shown(labels[code])}` is neither",
                mend="Name the label column with --label (by default it is the last one)",
                where=f"{path}:{lines[int((codes == code).argmax())]}:{_shown(column)}",
            )
    rank = {value: i for i, value in enumerate(sorted(set(values)))}
    return np.array([rank[value] for value in values], dtype=np.int64)
