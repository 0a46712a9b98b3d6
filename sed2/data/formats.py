"""The kinds of files and folders that data are read from: one entry of `FORMATS` is all there is of
one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sed2.data import (
    arff_file,
    arrow_file,
    cifar_file,
    csv_file,
    idx_file,
    image_folder,
    libsvm_file,
    npz_file,
)
from sed2.data.catalogue import DATASETS
from sed2.data.checks import Labelled, Reading
from sed2.data.objects import columns_of, has_keys
from sed2.errors import Sed2Error


@dataclass(frozen=True)
class Format:
    """One kind."""

    what: str
    """In words, with an example."""
    read: Callable[[Path, Reading], Labelled]
    suffixes: tuple[str, ...] = ()
    """Ends of the names of files, in small letters."""
    is_it: Callable[[Path], bool] = lambda path: False
    """Whether a path is of this kind, if its name does not end so."""
    columns: Callable[[Path], list[str]] | None = None
    """Names of its columns, the default label last; None if it has none."""
    options: frozenset[str] = frozenset()
    """Those of its own: which of `x_key`, `y_key` and `layout` mean something."""
    pixels: bool = False
    """Whether it is standardised by the channel."""


_ARRAYS = frozenset({"x_key", "y_key", "layout"})
FORMATS = (
    Format(
        "a .npz file (numpy.savez(file, x=inputs, y=labels))",
        lambda path, reading: npz_file.read_npz(path, reading),
        (".npz",),
        options=_ARRAYS,
    ),
    Format(
        "a .npy file of inputs",
        lambda path, reading: npz_file.read_npy(path),
        (".npy",),
        options=frozenset({"layout"}),
    ),
    Format(
        "a .csv or .tsv file with a header, gzipped or not",
        lambda path, reading: csv_file.read_csv(path, reading.label, reading.targets),
        (".csv", ".csv.gz", ".tsv", ".tsv.gz"),
        columns=lambda path: csv_file.csv_columns(path),
    ),
    Format(
        "a .parquet or .feather file",
        lambda path, reading: arrow_file.read_arrow(path, reading),
        (".parquet", ".feather"),
        columns=lambda path: arrow_file.arrow_columns(path),
    ),
    Format(
        "an .arff file",
        lambda path, reading: arff_file.read_arff(path, reading),
        (".arff",),
        columns=lambda path: arff_file.arff_columns(path),
    ),
    Format(
        "a LIBSVM file (.libsvm, .svmlight)",
        lambda path, reading: libsvm_file.read_libsvm(path),
        (".libsvm", ".svmlight"),
    ),
    Format(
        "an idx file (train-images-idx3-ubyte) or its folder",
        lambda path, reading: (idx_file.read_folder if path.is_dir() else idx_file.read_idx)(
            path, reading.layout
        ),
        is_it=lambda path: (idx_file.has_idx if path.is_dir() else idx_file.is_idx)(path),
        options=frozenset({"layout"}),
        pixels=True,
    ),
    Format(
        "CIFAR's archive (cifar-10-python.tar.gz) or its folder (cifar-10-batches-py)",
        lambda path, reading: (
            cifar_file.read_folder if path.is_dir() else cifar_file.read_archive
        )(path),
        is_it=lambda path: (cifar_file.has_cifar if path.is_dir() else cifar_file.is_archive)(path),
        pixels=True,
    ),
    Format(
        "a folder that holds a folder of images for each class",
        lambda path, reading: image_folder.read_images(path),
        is_it=lambda path: path.is_dir() and image_folder.has_images(path),
        pixels=True,
    ),
)
SHORT = (
    ".npz, .npy, .csv, .tsv, .parquet, .feather, .arff, LIBSVM, idx or CIFAR file, or of a folder "
    "of images"
)
"""What a path may be of, in few words."""


def format_of(path: Path) -> Format | None:
    """The kind of a file or a folder, by its name and, of folders, by what is in it; None if it is
    of no kind that sed2 reads.

    Raises:
        OSError: a folder cannot be looked into.
    """
    name = path.name.lower()
    for kind in FORMATS:
        if kind.suffixes and name.endswith(kind.suffixes):
            return kind
    return next((kind for kind in FORMATS if kind.is_it(path)), None)


def default_label(data: Any) -> str | None:
    """The column that is the label where none is named; None if there is none, or the data cannot
    be read.

    Args:
        data: as for `sed2.data.load.load_dataset`.
    """
    try:
        if not isinstance(data, str | Path):
            columns = columns_of(data)
        else:
            path = Path(data).expanduser()
            kind = format_of(path)
            columns = kind.columns(path) if kind and kind.columns else None
        return columns[-1] if columns else None
    except (Sed2Error, OSError):
        return None


def meaningless(data: Any) -> dict[str, str]:
    """The options that mean nothing for data, and why. Data that are of no known kind are refused
    when they are read.

    Args:
        data: as for `default_label`.
    """
    if isinstance(data, str) and data in DATASETS:
        given = dict.fromkeys(("label", "targets"), "comes with its classes")
        parts = dict.fromkeys(_ARRAYS, "is read in one way only")
        return given | parts | {"standardize": "always is standardised"}
    if isinstance(data, str | Path):
        try:
            kind = format_of(Path(data).expanduser())
        except OSError:
            kind = None
        if kind is None:
            return {}
        has_columns, options = kind.columns is not None, kind.options
    elif has_columns := columns_of(data) is not None:
        options = frozenset()
    else:
        options = _ARRAYS if has_keys(data) else frozenset({"layout"})
    why = dict.fromkeys(("x_key", "y_key"), "has no arrays with names of their own")
    why["layout"] = "holds no images whose order of axes is in doubt"
    return {name: cause for name, cause in why.items() if name not in options} | (
        {} if has_columns else {"label": "has no columns, of which one is the label"}
    )
