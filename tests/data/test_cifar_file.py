"""CIFAR's archives and folders: what is read, and that nothing else hurts."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sed2.data import cifar_file, cifar_pickle
from sed2.data.cifar_file import has_cifar, is_archive, read_archive, read_folder
from sed2.data.cifar_pickle import PIXELS, parse_pickle
from sed2.errors import DataError, ExitCode, ResourceError, Sed2Error
from tests.data.writers import TEN, python_2, tar

ROWS = 3
# A function-scoped folder is shared by the examples of a property; each overwrites its file.
any_folder = hypothesis_settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def pixels(batch: int) -> np.ndarray:
    return np.random.default_rng(batch).integers(0, 256, (ROWS, PIXELS)).astype(np.uint8)


def labels(batch: int) -> list[int]:
    return [batch, (batch + 1) % 10, 9 - batch]


def python_archive() -> dict[str, bytes]:
    """Files of `cifar-10-python.tar.gz`, with batches of three images."""
    batches = {name: python_2(pixels(i), labels=labels(i)) for i, name in enumerate(TEN)}
    files = {"batches.meta": pickle.dumps({b"label_names": [b"airplane"]}, protocol=2)}
    return {f"cifar-10-batches-py/{name}": data for name, data in (files | batches).items()}


def binary_archive() -> dict[str, bytes]:
    """Files of `cifar-10-binary.tar.gz`, with the same batches."""
    return {"cifar-10-batches-bin/readme.html": b"<html>"} | {
        f"cifar-10-batches-bin/{name}.bin": b"".join(
            bytes([label]) + image.tobytes()
            for label, image in zip(labels(i), pixels(i), strict=True)
        )
        for i, name in enumerate(TEN)
    }


def hundred_archive() -> dict[str, bytes]:
    """Files of `cifar-100-python.tar.gz`, with the same batches but of two files."""
    return {
        f"cifar-100-python/{name}": python_2(
            pixels(i), coarse_labels=[0] * ROWS, fine_labels=[90 + label for label in labels(i)]
        )
        for i, name in enumerate(("train", "test"))
    }


def hundred_binary_archive() -> dict[str, bytes]:
    return {
        f"cifar-100-binary/{name}.bin": b"".join(
            bytes([0, 90 + label]) + image.tobytes()
            for label, image in zip(labels(i), pixels(i), strict=True)
        )
        for i, name in enumerate(("train", "test"))
    }


ARCHIVES = {
    "cifar-10-python.tar.gz": python_archive,
    "cifar-10-binary.tar.gz": binary_archive,
    "cifar-100-python.tar.gz": hundred_archive,
    "cifar-100-binary.tar.gz": hundred_binary_archive,
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cifar-10-python.tar.gz"


def unpack(folder: Path, files: dict[str, bytes]) -> Path:
    """Write the files of an archive; returns the folder that they are in."""
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    return (folder / name).parent


def refusal(path: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        (read_folder if path.is_dir() else read_archive)(path)
    assert caught.value.exit_code is ExitCode.DATA
    assert caught.value.where == str(path)
    assert caught.value.mend
    return caught.value


def check(x: np.ndarray, y: np.ndarray | None, batches: int) -> None:
    """They are the batches that the archives here are made of."""
    planes = np.concatenate([pixels(i) for i in range(batches)]).reshape(-1, 3, 32, 32)
    np.testing.assert_array_equal(x, planes.transpose(0, 2, 3, 1).astype(float), strict=True)
    assert x.flags.c_contiguous
    assert y is not None
    assert y.dtype == np.int64
    codes = np.unique(np.concatenate([labels(i) for i in range(batches)]), return_inverse=True)[1]
    assert y.tolist() == codes.tolist()


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_and_its_folder_hold_the_same(tmp_path: Path, name: str) -> None:
    files = ARCHIVES[name]()
    batches = 6 if "-10-" in name else 2
    (tmp_path / name).write_bytes(tar(files))
    assert is_archive(tmp_path / name)
    check(*read_archive(tmp_path / name), batches)
    folder = unpack(tmp_path, files)
    assert has_cifar(folder)
    check(*read_folder(folder), batches)


@pytest.mark.parametrize("name", ["cifar-10-python.tar", "CIFAR.TGZ", "x.tar.gz"])
def test_names_of_archives(name: str) -> None:
    assert is_archive(Path("folder") / name)
    assert not is_archive(Path(name) / "other")


def test_an_archive_that_was_unzipped_or_packed_from_within(path: Path) -> None:
    path.write_bytes(tar(python_archive(), mode="w"))
    check(*read_archive(path), 6)
    path.write_bytes(tar({f"./{name}": data for name, data in python_archive().items()}))
    check(*read_archive(path), 6)


def test_a_folder_that_was_renamed(tmp_path: Path) -> None:
    folder = unpack(tmp_path, python_archive()).rename(tmp_path / "mine")
    check(*read_folder(folder), 6)


def test_the_names_of_the_classes_make_no_data_set(tmp_path: Path) -> None:
    (tmp_path / "batches.meta").write_bytes(b"")
    assert not has_cifar(tmp_path)


# --- pickles --------------------------------------------------------------------------------------


def test_the_batches_made_here_are_those_of_python_2() -> None:
    """The real unpickler reads the same of them."""
    found = pickle.loads(python_2(pixels(0), labels=labels(0)), encoding="bytes")
    assert set(found) == {b"batch_label", b"labels", b"data", b"filenames"}
    np.testing.assert_array_equal(found[b"data"], pixels(0), strict=True)
    assert found[b"labels"] == labels(0)


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("key", [bytes, str])
def test_batches_written_by_python_3(
    protocol: int, old: bool, order: str, key: Callable[..., object]
) -> None:
    data = np.array(pixels(0), order=order)  # type: ignore[call-overload]
    batch = {"data": data, "labels": labels(0), "filenames": [b"a.png", b"a.png"]}
    keyed = {name.encode() if key is bytes else name: value for name, value in batch.items()}
    content = pickle.dumps(keyed, protocol=protocol)
    assert b"numpy._core.multiarray" in content
    if old:
        content = content.replace(b"\x16numpy._core.multiarray", b"\x15numpy.core.multiarray")
        content = content.replace(b"numpy._core", b"numpy.core")
        if protocol == 4:  # whose frame has its length at its beginning
            size = int.from_bytes(content[3:11], "little") - 1
            content = content[:3] + size.to_bytes(8, "little") + content[11:]
    found, numbers = parse_pickle(content)
    np.testing.assert_array_equal(found, pixels(0), strict=True)
    assert numbers.tolist() == labels(0)


class _Evil:
    """Unpickling it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"mkdir {self.folder}",)


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("place", ["data", "labels", "more", "all"])
def test_pickles_are_not_run(path: Path, tmp_path: Path, protocol: int, place: str) -> None:
    evil = _Evil(tmp_path / "made")
    batch = {"data": pixels(0), "labels": labels(0)} | {place: evil}
    content = pickle.dumps(evil if place == "all" else batch, protocol=protocol)
    files = python_archive() | {"cifar-10-batches-py/data_batch_2": content}
    path.write_bytes(tar(files))
    name = f"{os.system.__module__}.system"
    start = f"the file `data_batch_2` asks for `{name}`, which no batch of CIFAR does"
    assert refusal(path).cause.startswith(start)
    assert refusal(unpack(tmp_path, files)).cause.startswith(start)
    assert not (tmp_path / "made").exists()
    pickle.loads(content)  # the trap works
    assert (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("content", "asked"),
    [
        (b"\x80\x02(U\x04madeios\nmkdir\n.", "asks for `INST os mkdir`"),
        (b"cbuiltins\neval\n(U\x011tR.", "asks for `builtins.eval`"),
        (b"cnumpy\nload\n.", "asks for `numpy.load`"),
        (b"c_codecs\ndecode\n.", "asks for `_codecs.decode`"),
        (b"cnumpy.core.multiarray\nscalar\n.", "asks for `numpy.core.multiarray.scalar`"),
        (b"\x8c\x05numpy\x8c\x0dndarray.dumps\x93.", "asks for `numpy.ndarray.dumps`"),
        (b"Pid\n.", "asks for `PERSID id`"),
        (b"\x82\x01.", "asks for `EXT1 1`"),
        (b"\x96\x01\0\0\0\0\0\0\0a.", "asks for `BYTEARRAY8"),
        (b"cnumpy\nndarray\n)\x81.", "asks for `NEWOBJ None`"),
        (b"c\x1b[31m\n" + b"a" * 500 + b"\n.", r"asks for `\x1b[31m.aaaa"),
    ],
)
def test_other_names_and_opcodes_are_refused_by_name(content: bytes, asked: str) -> None:
    with pytest.raises(DataError) as caught:
        parse_pickle(content)
    assert caught.value.cause.startswith(asked)
    assert caught.value.cause.isprintable()
    assert len(caught.value.cause) < 200


@pytest.mark.parametrize("kind", [tuple, bytes])
def test_labels_may_be_any_sequence_of_numbers(kind: Callable[..., object]) -> None:
    assert parse_pickle(batch_of(labels=kind(labels(0))))[1].tolist() == labels(0)


def test_names_that_are_allowed_are_not_called() -> None:
    """`numpy.ndarray` of a huge shape would allocate it; the batch is refused, not made."""
    content = (
        b"\x80\x02}(U\x06labels]U\x04datacnumpy\nndarray\n\x8a\x06\xff\xff\xff\xff\xff\x7f\x85Ru."
    )
    with pytest.raises(DataError, match="its data is not an array"):
        parse_pickle(content)


def batch_of(**changes: object) -> bytes:
    batch = {"data": pixels(0), "labels": labels(0)} | changes
    return pickle.dumps({k: v for k, v in batch.items() if v is not None}, protocol=3)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "pickle exhausted before seeing STOP"),
        (b"not a pickle", "at position 0, opcode b'n' unknown"),
        (b"\x80\x02.", "pop from empty list"),
        (b"\x80\x02]q\x01.", "it is no dictionary of data and labels"),
        (b"\x80\x02}U\x04data.", "it is no dictionary of data and labels"),
        (batch_of(data=None), "it is no dictionary of data and labels"),
        (batch_of(labels=None), "it is no dictionary of data and labels"),
        (batch_of(data=[1, 2]), "its data is not an array"),
        (batch_of(data=pixels(0)[:, 1:]), "its data is of shape (3, 3071) and type b'u1'"),
        (batch_of(data=pixels(0)[:0]), "its data is of shape (0, 3072) and type b'u1'"),
        (batch_of(data=pixels(0).astype("i1")), "its data is of shape (3, 3072) and type b'i1'"),
        (batch_of(data=pixels(0).ravel()), "its data is of shape (9216,) and type b'u1'"),
        (batch_of(labels=[0, 1, -1]), "a label is not a whole number from 0 to 99"),
        (batch_of(labels=[0, 1, 100]), "a label is not a whole number from 0 to 99"),
        (batch_of(labels=[0, 1, True]), "a label is not a whole number from 0 to 99"),
        (batch_of(labels=[0, 1, None]), "a label is not a whole number from 0 to 99"),
        (batch_of(labels=7), "'int' object is not iterable"),
    ],
)
def test_pickles_that_are_no_batches(content: bytes, reason: str) -> None:
    with pytest.raises(DataError) as caught:
        parse_pickle(content)
    assert caught.value.cause == f"is not a batch of CIFAR, or it is damaged ({reason})"


@pytest.mark.parametrize("number", [2, 4])
@pytest.mark.parametrize("kind", [list, tuple, bytes])
def test_labels_of_other_images(number: int, kind: Callable[..., object]) -> None:
    with pytest.raises(DataError) as caught:
        parse_pickle(batch_of(labels=kind([0] * number)))
    assert caught.value.cause == f"has {number} labels for 3 images"


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x02Nr\xff\xff\xff\xff.",  # a memo of 4 billion places
        b"\x8e" + b"\xff" * 7 + b"\x7f.",  # a string of 9 exabytes
        b"\x96" + b"\xff" * 7 + b"\x7f.",  # an array of bytes, likewise
        b"}" * (2**20 + 1) + b".",  # many small things
        b"\x80\x02}" + b")" + b"\x85" * 500_000 + b"Ns.",  # a key deeper than the stack of C
    ],
    ids=["memo", "string", "bytearray", "dictionaries", "key"],
)
def test_pickles_that_would_fill_the_memory_or_the_stack(content: bytes) -> None:
    with pytest.raises(DataError, match="or it is damaged"):
        parse_pickle(content)


@hypothesis_settings(any_folder, max_examples=300)
@given(data=st.data())
def test_a_damaged_pickle_is_refused_or_gives_images(data: st.DataObject) -> None:
    """Half of the time within its structure, of which the pixels are most of the bytes."""
    content = bytearray(python_2(pixels(0)[:1], labels=[3]))
    place = data.draw(st.integers(0, 250) | st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    content = content[: data.draw(st.just(len(content)) | st.integers(0, len(content)))]
    try:
        found, numbers = parse_pickle(bytes(content))
    except DataError:
        pass
    else:
        assert (found.dtype, found.shape) == (np.uint8, (1, PIXELS))
        assert numbers.shape == (1,)


# --- archives and folders that are refused --------------------------------------------------------


def test_a_missing_file_is_named(path: Path, tmp_path: Path) -> None:
    for missing in (*TEN[:2], TEN[-1]):
        files = python_archive()
        del files[f"cifar-10-batches-py/{missing}"]
        path.write_bytes(tar(files))
        assert refusal(path).cause == f"the file `{missing}` is missing"
    assert refusal(unpack(tmp_path, files)).cause == "the file `test_batch` is missing"


def test_an_archive_of_something_else(path: Path) -> None:
    path.write_bytes(tar({"other/file": b"", "\x1b[31m/file": b""}))
    assert refusal(path).cause == (
        r"this archive is not one of CIFAR: its folders are `other`, `\x1b[31m`"
    )
    path.write_bytes(tar({}))
    assert refusal(path).cause == "this archive is not one of CIFAR: its folders are none"


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b", b"not an archive", b"PK\x03\x04" * 200])
def test_what_is_no_archive(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert refusal(path).cause.startswith("this is not a tar archive, or it is damaged (")


@pytest.mark.parametrize("size", [0, 3072, 3073 * 3 - 1])
def test_a_binary_batch_of_another_size(path: Path, size: int) -> None:
    path.write_bytes(tar(binary_archive() | {"cifar-10-batches-bin/data_batch_3.bin": bytes(size)}))
    assert refusal(path).cause == (
        f"the file `data_batch_3.bin` has {size:,} bytes, not a multiple of 3,073"
    )


def test_a_link_is_not_a_file(path: Path, tmp_path: Path) -> None:
    """One in an archive could lead anywhere; one in a folder is the user's own."""
    with tarfile.open(path, "w:gz") as archive:
        link = tarfile.TarInfo("cifar-100-python/train")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        data = hundred_archive()["cifar-100-python/test"]
        member = tarfile.TarInfo("cifar-100-python/test")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    assert refusal(path).cause == "the file `train` is missing"


def test_truncations_are_refused(path: Path) -> None:
    for mode in ("w:gz", "w"):
        content = tar(hundred_binary_archive(), mode=mode)
        ends = np.linspace(0, len(content), 60, endpoint=False).astype(int)
        if mode == "w":  # without the padding and the end mark, all is there
            ends = ends[ends < 2 * (512 + ROWS * 3074)]
        for end in ends:
            path.write_bytes(content[:end])
            refusal(path)


@hypothesis_settings(any_folder, max_examples=300)
@given(data=st.data(), name=st.sampled_from(list(ARCHIVES)), mode=st.sampled_from(["w", "w:gz"]))
def test_a_damaged_byte_is_refused_or_gives_images(
    path: Path, data: st.DataObject, name: str, mode: str
) -> None:
    content = bytearray(tar(ARCHIVES[name](), mode=mode))
    content[data.draw(st.integers(0, 600) | st.integers(0, len(content) - 1))] ^= data.draw(
        st.integers(1, 255)
    )
    path.write_bytes(content)
    try:
        x, y = read_archive(path)
    except Sed2Error as fault:
        assert fault.where == str(path)  # noqa: PT017
    else:
        assert x.shape == ((18 if "-10-" in name else 6), 32, 32, 3)
        assert ((x >= 0) & (x <= 255)).all()
        assert y is not None
        assert y.shape == x.shape[:1]


# --- what would fill the memory -------------------------------------------------------------------


def test_no_more_is_unpacked_than_cifar_has(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar_file, "_LARGEST", 100_000)
    path.write_bytes(gzip.compress(bytes(50_000_000)))
    tracemalloc.start()
    assert refusal(path).cause == "this archive is larger than those of CIFAR"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2e6


def test_files_of_a_folder_may_not_be_larger_either(tmp_path: Path) -> None:
    folder = unpack(tmp_path, hundred_archive())
    with (folder / "train").open("r+b") as file:
        file.truncate(10**12)  # of which nothing is written
    assert refusal(folder).cause == "its files are larger than those of CIFAR"


def test_a_header_that_announces_terabytes_or_less_than_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cifar_file, "_LARGEST", 100_000)
    for size in (2**40, -512):
        member = tarfile.TarInfo("cifar-100-python/train")
        member.size = size
        path.write_bytes(gzip.compress(member.tobuf(tarfile.GNU_FORMAT) + bytes(2048)))
        tracemalloc.start()
        refusal(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 5e6


def test_an_archive_of_too_many_files(path: Path) -> None:
    path.write_bytes(tar({f"folder/{number}": b"" for number in range(101)}))
    assert refusal(path).cause == "this archive holds more files than those of CIFAR"


def test_images_that_do_not_fit_in_memory(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_bytes(tar(python_archive()))
    monkeypatch.setattr("sed2.common.memory.free_memory", lambda: 1e6 / 2)
    with pytest.raises(
        ResourceError, match=r"the array of shape \(18, 32, 32, 3\) needs"
    ) as caught:
        read_archive(path)
    assert caught.value.where == str(path)


def test_running_out_of_memory_is_no_damage(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    path.write_bytes(tar(python_archive()))
    for owner, name in ((tarfile, "open"), (cifar_pickle, "_follow")):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, fail)
            with pytest.raises(MemoryError):
                read_archive(path)


def test_faults_of_the_system_are_not_those_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_archive(tmp_path / "missing.tar.gz")
    with pytest.raises(IsADirectoryError):
        read_archive(tmp_path)
