"""idx files: what is read, from where, and that nothing else hurts."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sed2.data.idx_file import has_idx, is_idx, read_folder, read_idx
from sed2.errors import DataError, ExitCode, ResourceError, Sed2Error
from tests.data.writers import idx

X = np.arange(24, dtype=np.uint8).reshape(4, 3, 2)
Y = np.array([2, 0, 1, 2], np.uint8)
# A function-scoped folder is shared by the examples of a property; each overwrites its file.
any_folder = hypothesis_settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "train-images-idx3-ubyte"


def refusal(path: Path, where: Path | None = None) -> DataError:
    with pytest.raises(DataError) as caught:
        (read_folder if path.is_dir() else read_idx)(path)
    assert caught.value.exit_code is ExitCode.DATA
    assert caught.value.where == str(where or path)
    assert caught.value.mend
    return caught.value


dtypes = st.sampled_from(["u1", "i1", "i2", "i4", "f4", "f8"]).map(np.dtype)
arrays = dtypes.flatmap(
    lambda dtype: hnp.arrays(
        dtype,
        hnp.array_shapes(min_dims=2, max_dims=5, max_side=4),
        elements={"allow_nan": False, "allow_infinity": False} if dtype.kind == "f" else None,
    )
)


@any_folder
@given(x=arrays, packed=st.booleans())
def test_inputs_of_every_type_come_back(path: Path, x: np.ndarray, packed: bool) -> None:
    path.write_bytes(gzip.compress(idx(x)) if packed else idx(x))
    found, labels = read_idx(path)
    assert labels is None
    assert found.flags.c_contiguous
    images = x[..., None] if x.ndim == 3 else x
    np.testing.assert_array_equal(found, images.astype(np.float64), strict=True)


def test_real_images_come_back(path: Path, real_data: Path) -> None:
    with np.load(real_data / "mnist.npz") as mnist:
        x, y = mnist["x"][:100], mnist["y"][:100].astype(np.uint8)
    assert len(np.unique(y)) == 10
    path.with_name("train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(x[..., 0])))
    path.with_name("train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(y)))
    found, labels = read_folder(path.parent)
    np.testing.assert_array_equal(found, x.astype(float), strict=True)
    np.testing.assert_array_equal(labels, y.astype(np.int64), strict=True)


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
        ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte"),
        ("train-images-idx3-ubyte", "train-labels-idx1-ubyte.gz"),
        ("t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte"),
        ("emnist-letters-train-images-idx3-ubyte", "emnist-letters-train-labels-idx1-ubyte"),
        ("images.idx", "labels.idx"),
    ],
)
def test_labels_are_those_beside_the_images(tmp_path: Path, images: str, labels: str) -> None:
    for name, array in ((images, X), (labels, Y)):
        packed = name.endswith(".gz")
        (tmp_path / name).write_bytes(gzip.compress(idx(array)) if packed else idx(array))
    assert is_idx(tmp_path / images)
    x, y = read_idx(tmp_path / images)
    np.testing.assert_array_equal(x[..., 0], X)
    assert y is not None
    assert y.dtype == np.int64
    assert y.tolist() == Y.tolist()


def test_a_file_by_another_name_has_no_labels(tmp_path: Path) -> None:
    (tmp_path / "digits.idx").write_bytes(idx(X))
    (tmp_path / "labels.idx").write_bytes(idx(Y))
    assert read_idx(tmp_path / "digits.idx")[1] is None


@pytest.mark.parametrize(
    "name", ["train-images-idx3-ubyte.gz", "a.idx", "A.IDX3-UBYTE", "x.idx.gz"]
)
def test_names_of_idx_files(name: str) -> None:
    assert is_idx(Path("folder") / name)


@pytest.mark.parametrize("name", ["idx.txt", "a.npz", "images.gz", "train-images", "index", "aidx"])
def test_names_of_other_files(name: str) -> None:
    assert not is_idx(Path("folder-idx") / name)


# --- folders --------------------------------------------------------------------------------------


def write_parts(folder: Path, **arrays: np.ndarray) -> None:
    for name, array in arrays.items():
        part, kind = name.split("_")
        digit = 3 if kind == "images" else 1
        (folder / f"{part}-{kind}-idx{digit}-ubyte").write_bytes(idx(array))


def test_a_folder_is_its_training_images_then_its_test_images(tmp_path: Path) -> None:
    assert not has_idx(tmp_path)
    write_parts(tmp_path, t10k_images=X[:2] + 100, t10k_labels=Y[:2])
    assert has_idx(tmp_path)
    assert read_folder(tmp_path)[0].shape == (2, 3, 2, 1)
    write_parts(tmp_path, train_images=X, train_labels=Y)
    x, y = read_folder(tmp_path)
    np.testing.assert_array_equal(x[..., 0], np.concatenate([X, X[:2] + 100]))
    assert y is not None
    assert y.tolist() == [2, 0, 1, 2, 2, 0]


def test_a_class_that_one_part_lacks_keeps_its_code(tmp_path: Path) -> None:
    labels = np.array([7, 7, 8, 8], np.uint8)
    write_parts(tmp_path, train_images=X, train_labels=Y, t10k_images=X, t10k_labels=labels)
    y = read_folder(tmp_path)[1]
    assert y is not None
    assert y.tolist() == [2, 0, 1, 2, 3, 3, 4, 4]


def test_parts_that_do_not_go_together(tmp_path: Path) -> None:
    write_parts(tmp_path, train_images=X, train_labels=Y, t10k_images=X)
    assert "do not go together" in refusal(tmp_path).cause
    write_parts(tmp_path, t10k_images=X[:, :2], t10k_labels=Y)
    assert "do not go together" in refusal(tmp_path).cause


# --- what is refused ------------------------------------------------------------------------------


def header(kind: int, *shape: int) -> bytes:
    return bytes([0, 0, kind, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "this is not an idx file: it does not begin as one"),
        (b"\0\0\x08", "this is not an idx file: it does not begin as one"),
        (b"PK\x03\x04 and so on", "this is not an idx file: it does not begin as one"),
        (b"\0\0\x0a\x01" + bytes(20), "this is not an idx file: it does not begin as one"),
        (b"\0\0\x08\x00", "this idx file announces 0 dimensions"),
        (b"\0\0\x08\xff" + b"\0\0\0\x01" * 256, "this idx file announces 255 dimensions"),
        (idx(X)[:15], "this idx file ends within its header"),
        (idx(X)[:-1], "this idx file announces 24 bytes of numbers, but has 23"),
        (idx(X) + b"\0", "this idx file announces 24 bytes of numbers, but has more"),
        (header(8, 0, 2**32 - 1, 2**32 - 1), "this idx file of shape (0, 4294967295, 4294967295)"),
        (idx(Y), "these are labels, not inputs"),
        (idx(np.full((2, 2), np.nan)), "x[0, 0] = nan is not a finite number"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_damage(path: Path, content: bytes, cause: str, packed: bool) -> None:
    path.write_bytes(gzip.compress(content) if packed else content)
    assert refusal(path).cause.startswith(cause)


@pytest.mark.parametrize("labels", [Y[:3], np.concatenate([Y, Y]), X])
def test_labels_of_other_images(path: Path, labels: np.ndarray) -> None:
    beside = path.with_name("train-labels-idx1-ubyte")
    path.write_bytes(idx(X))
    beside.write_bytes(idx(labels))
    cause = refusal(path, beside).cause
    assert cause == f"there are labels of shape {labels.shape} for 4 images"


def test_labels_that_are_damaged_or_no_labels(path: Path) -> None:
    beside = path.with_name("train-labels-idx1-ubyte")
    path.write_bytes(idx(X))
    beside.write_bytes(idx(Y)[:-1])
    assert "announces 4 bytes" in refusal(path, beside).cause
    beside.write_bytes(idx(Y + np.float32(np.nan)))
    assert "y[0] = nan is not a finite number" in refusal(path).cause


def test_every_truncation_is_refused(path: Path) -> None:
    for content in (idx(X), gzip.compress(idx(X))):
        for length in range(len(content)):
            path.write_bytes(content[:length])
            refusal(path)


@hypothesis_settings(any_folder, max_examples=300)
@given(data=st.data(), packed=st.booleans())
def test_a_damaged_byte_is_refused_or_gives_numbers(
    path: Path, data: st.DataObject, packed: bool
) -> None:
    content = bytearray(gzip.compress(idx(X), mtime=0) if packed else idx(X))
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        x, _ = read_idx(path)
    except Sed2Error as fault:
        assert fault.where == str(path)  # noqa: PT017
    else:
        assert x.dtype == np.float64
        assert np.isfinite(x).all()
        assert not packed or np.array_equal(x[..., 0], X)  # thanks to gzip's checksum


def test_what_announces_more_than_the_memory(path: Path) -> None:
    path.write_bytes(header(8, 2**31, 2**31))
    with pytest.raises(ResourceError, match=r"array of shape \(2147483648, 2147483648\)") as caught:
        read_idx(path)
    assert caught.value.where == str(path)


def test_no_more_is_unpacked_than_is_announced(path: Path) -> None:
    path.write_bytes(gzip.compress(idx(X) + bytes(50_000_000)))
    assert path.stat().st_size < 1e5
    tracemalloc.start()
    assert "but has more" in refusal(path).cause
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1e6


def test_parts_that_fit_by_themselves_but_not_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_parts(tmp_path, train_images=X, t10k_images=X)
    monkeypatch.setattr("sed2.common.memory.free_memory", lambda: 1.5 * X.size * 17)
    with pytest.raises(ResourceError, match=r"the array of shape \(8, 3, 2, 1\)") as caught:
        read_folder(tmp_path)
    assert caught.value.where == str(tmp_path)


def test_faults_of_the_system_are_not_those_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "missing.idx")
    with pytest.raises(IsADirectoryError):
        read_idx(tmp_path)
