"""`.npz` files: what is read, and that nothing else hurts."""

from __future__ import annotations

import io
import os
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sed2.data import npz_file
from sed2.data.load import load_dataset
from sed2.errors import DataError, ExitCode, ResourceError, Sed2Error

X = np.arange(12.0).reshape(4, 3)
Y = np.array([2, 0, 1, 2])
# A function-scoped folder is shared by the examples of a property; each overwrites its file.
any_folder = hypothesis_settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data.npz"


def read_npz(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    dataset = load_dataset(path)
    return dataset.x, dataset.y


def refusal(path: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        read_npz(path)
    assert caught.value.exit_code is ExitCode.DATA
    assert caught.value.where == str(path)
    assert caught.value.mend
    return caught.value


def npy(array: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


def write_member(path: Path, name: str, content: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)


dtypes = st.sampled_from(
    [np.float64, np.float32, np.float16, np.int64, np.int8, np.uint64, np.bool_, np.dtype(">f8")]
)
inputs = dtypes.flatmap(
    lambda dtype: hnp.arrays(
        dtype,
        hnp.array_shapes(min_dims=2, max_dims=4, max_side=4),
        elements={"allow_nan": False, "allow_infinity": False}
        if np.dtype(dtype).kind == "f"
        else None,
    )
)


@any_folder
@given(x=inputs, compressed=st.booleans(), fortran=st.booleans())
def test_inputs_come_back(path: Path, x: np.ndarray, compressed: bool, fortran: bool) -> None:
    x = np.asfortranarray(x) if fortran else x
    (np.savez_compressed if compressed else np.savez)(path, x=x)
    found, labels = read_npz(path)
    assert labels is None
    assert found.dtype == np.float64
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found, x.astype(float), strict=True)


# NumPy's texts are padded with NUL, so one at the end of a text is lost when it is written.
texts = st.text(max_size=5).map(lambda text: text.rstrip("\0"))


@any_folder
@given(
    labels=st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1)
    | st.lists(texts, min_size=1)
    | st.lists(st.booleans(), min_size=1)
    | st.lists(st.integers(-5, 5).map(float), min_size=1)
)
def test_labels_are_coded_in_the_order_of_their_values(path: Path, labels: list[int]) -> None:
    np.savez(path, x=np.zeros((len(labels), 1)), y=np.array(labels))
    y = read_npz(path)[1]
    assert y is not None
    assert y.dtype == np.int64
    ordered = sorted(set(labels))
    assert y.tolist() == [ordered.index(label) for label in labels]


def test_other_arrays_are_left_alone(path: Path) -> None:
    np.savez(path, x=X, y=Y, z=np.array([{}], dtype=object))
    x, y = read_npz(path)
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(y, Y)


def test_headers_of_every_version(path: Path) -> None:
    for version in ((1, 0), (2, 0), (3, 0)):
        content = io.BytesIO()
        np.lib.format.write_array(content, X, version=version)
        write_member(path, "x.npy", content.getvalue())
        np.testing.assert_array_equal(read_npz(path)[0], X)


def test_headers_of_python_2(path: Path) -> None:
    old = npy(X).replace(b"(4, 3), }  ", b"(4L, 3L), }")
    assert b"4L" in old
    write_member(path, "x.npy", old)
    np.testing.assert_array_equal(read_npz(path)[0], X)


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arrays", "cause", "mend"),
    [
        ({"X": X, "Y": Y}, "there is no array `x`; the file holds `X`, `Y`", "x=inputs, y=labels"),
        ({}, "there is no array `x`; the file holds none", "x=inputs, y=labels"),
        ({"x": X[0]}, "array `x` has shape (3,), but needs one row for each input", "reshape(-1,"),
        ({"x": np.array(1.0)}, "array `x` has shape (), but needs", "reshape(-1,"),
        ({"x": X[:0]}, "array `x` of shape (0, 3) is empty", "at least one row"),
        ({"x": X[:, :0]}, "array `x` of shape (4, 0) is empty", "at least one row"),
        ({"x": X + 1j}, "array `x` holds `complex128`, not real numbers", "Save it as numbers"),
        ({"x": X.astype(str)}, "array `x` holds `<U32`, not real numbers", "Save it as numbers"),
        ({"x": X.astype("M8[s]")}, "array `x` holds `datetime64[s]`", "Save it as numbers"),
        ({"x": np.zeros((2, 2), "i4,f8")}, "array `x` holds `[('f0', '<i4')", "as numbers"),
        ({"x": np.zeros((2, 2), [("é", "i4")])}, "array `x` holds `[(", "Save it as numbers"),
        ({"x": X, "y": Y[:3]}, "array `y` has shape (3,), but `x` has 4 rows", "of shape (4,)"),
        ({"x": X, "y": Y[:, None]}, "array `y` has shape (4, 1), but", "y.ravel()"),
        ({"x": X, "y": np.eye(4)}, "array `y` has shape (4, 4), but", "y.argmax(axis=1)"),
        (
            {"x": X, "y": np.array([0, 1, np.nan, 1])},
            "y[2] = nan is not a finite number (row 2, counted from 0)",
            "Drop the rows",
        ),
        ({"x": X, "y": Y * 1j}, "array `y` holds `complex128`, not integers or texts", "numbers"),
    ],
)
def test_arrays_that_are_not_data(
    path: Path, arrays: dict[str, np.ndarray], cause: str, mend: str
) -> None:
    if any(array.dtype.names == ("é",) for array in arrays.values()):
        content = io.BytesIO()
        np.lib.format.write_array(content, arrays["x"], version=(3, 0))
        write_member(path, "x.npy", content.getvalue())
    else:
        np.savez(path, **arrays)  # type: ignore[arg-type]
    fault = refusal(path)
    assert fault.cause.startswith(cause)
    assert mend in fault.mend


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_is_named_by_row_and_column(path: Path, number: float) -> None:
    x = X.copy()
    x[2, 1] = x[3, 0] = number
    np.savez(path, x=x)
    cause = f"x[2, 1] = {number} is not a finite number (row 2, column 1, counted from 0)"
    assert refusal(path).cause == cause
    np.savez(path, x=x.reshape(4, 3, 1))
    assert "x[2, 1, 0] = " in refusal(path).cause


def test_a_number_beyond_float64_is_not_finite(path: Path) -> None:
    if np.finfo(np.longdouble).max == np.finfo(np.float64).max:
        pytest.skip("long double is double here")
    np.savez(path, x=np.full((1, 1), np.finfo(np.longdouble).max))
    assert refusal(path).cause.startswith("x[0, 0] = inf is not a finite number")


class _Evil:
    """Unpickling it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("name", ["x", "y"])
def test_pickles_are_not_loaded(path: Path, tmp_path: Path, name: str) -> None:
    evil = np.array([_Evil(tmp_path / "made")] * 4, dtype=object)
    np.savez(path, **({"x": X} | {name: evil}))  # type: ignore[arg-type]
    fault = refusal(path)
    assert fault.cause == (f"array `{name}` holds Python objects, and loading them could run code")
    assert f"{name} = numpy.asarray({name}, dtype=" in fault.mend
    assert not (tmp_path / "made").exists()
    with np.load(path, allow_pickle=True) as arrays:  # the trap works
        arrays[name]
    assert (tmp_path / "made").exists()


def test_what_announces_more_than_the_memory_is_refused_before_it_is_allocated(path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (10**9, 10**6)}
    )
    write_member(path, "x.npy", header.getvalue())
    with pytest.raises(ResourceError, match=r"x` of shape \(1000000000, 1000000\) needs 24,000,0"):
        read_npz(path)


def test_what_unpacks_to_more_than_the_memory_is_refused_before_it_is_unpacked(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savez_compressed(path, x=np.zeros((1000, 4000)))  # 32 MB
    assert path.stat().st_size < 1e5
    monkeypatch.setattr("sed2.common.memory.free_memory", lambda: 20e6)
    tracemalloc.start()
    with pytest.raises(ResourceError) as caught:
        read_npz(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1e6
    assert caught.value.where == str(path)
    assert "needs 0.1 GB, but 0.0 GB are free" in caught.value.cause
    assert caught.value.mend == "Take fewer rows"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04",
        b"not an archive",
        npy(X),  # .npy under another name
    ],
    ids=["empty", "zip magic", "text", "npy"],
)
def test_what_is_no_archive(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert refusal(path).cause == (
        "this is not a .npz file, or it is damaged (File is not a zip file)"
    )


@pytest.mark.parametrize(
    "content",
    [b"", b"1,2,3\n", npy(X)[:20], npy(X)[:-1], b"\x93NUMPY\x09\x00" + npy(X)[8:]],
    ids=["empty", "text", "half a header", "one byte short", "unknown version"],
)
def test_an_archive_of_something_else(path: Path, content: bytes) -> None:
    write_member(path, "x.npy", content)
    assert refusal(path).cause.startswith("this is not a .npz file, or it is damaged (")


@any_folder
@given(content=st.binary(max_size=500))
def test_random_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    refusal(path)


def test_every_truncation_is_refused(path: Path) -> None:
    np.savez_compressed(path, x=X, y=Y)
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        refusal(path)


@hypothesis_settings(any_folder, max_examples=300)
@given(data=st.data())
def test_a_damaged_byte_is_refused_or_harmless(path: Path, data: st.DataObject) -> None:
    np.savez_compressed(path, x=X, y=Y)
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        x, y = read_npz(path)
    except Sed2Error as fault:
        assert fault.where == str(path)  # noqa: PT017
    else:
        np.testing.assert_array_equal(x, X)
        assert y is None or y.tolist() == Y.tolist()


def test_faults_of_the_system_are_not_those_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        npz_file.read_npz(tmp_path / "missing.npz")
    with pytest.raises(IsADirectoryError):
        npz_file.read_npz(tmp_path)


def test_running_out_of_memory_is_no_damage(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    np.savez(path, x=X)
    monkeypatch.setattr(np.lib.format, "read_array", fail)
    with pytest.raises(MemoryError):
        npz_file.read_npz(path)


def test_names_in_a_message_cannot_fill_or_command_a_terminal(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(30):
            archive.writestr(f"{i}\x1b[31m{'a' * 500}", b"")
    cause = refusal(path).cause
    assert cause.isprintable()
    assert len(cause) < 1000
