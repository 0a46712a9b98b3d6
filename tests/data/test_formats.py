"""The same table in every format, and what each of them refuses."""

from __future__ import annotations

import gzip
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from sed2.data import csv_file
from sed2.data.formats import FORMATS, default_label
from sed2.data.load import Dataset, load_dataset
from sed2.errors import DataError, ResourceError, UsageError
from tests.data.writers import idx

X = np.array([[1.0, 0], [2.5, -1], [0, 3]])
KINDS = ["b", "a", "b"]
CSV = "u,v,kind\n" + "".join(f"{u},{v},{k}\n" for (u, v), k in zip(X.tolist(), KINDS, strict=True))


def write_csv(path: Path) -> None:
    text = CSV.replace(",", "\t") if ".tsv" in path.name.lower() else CSV
    content = text.encode()
    path.write_bytes(gzip.compress(content) if path.name.endswith(".gz") else content)


def write_arrow(path: Path) -> None:
    arrow = pytest.importorskip("pyarrow", reason="needs pyarrow")
    from pyarrow import feather, parquet

    table = arrow.table({"u": X[:, 0], "v": X[:, 1], "kind": KINDS})
    (parquet.write_table if path.suffix == ".parquet" else feather.write_feather)(table, path)


def write_arff(path: Path) -> None:
    rows = CSV.partition("\n")[2]
    path.write_text(
        "% a comment\n@relation r\n@attribute u numeric\n@attribute v real\n"
        "@attribute kind {a, b}\n@data\n" + rows
    )


def write_libsvm(path: Path) -> None:
    path.write_text("1 1:1\n0 1:2.5 2:-1 # a comment\n\n1 2:3\n")


FILES: dict[str, Callable[[Path], None]] = {
    **dict.fromkeys(("d.csv", "d.csv.gz", "d.tsv", "D.TSV.gz"), write_csv),
    **dict.fromkeys(("d.parquet", "d.feather"), write_arrow),
    "d.arff": write_arff,
    "d.libsvm": write_libsvm,
    "d.svmlight": write_libsvm,
    "d.npz": lambda path: np.savez(path, x=X, y=np.array(KINDS)),
}


@pytest.mark.parametrize("name", ["d.npz", "d.libsvm", "images"])
def test_labels_may_be_left_out(tmp_path: Path, name: str) -> None:
    FILES.get(name, write_images)(tmp_path / name)
    assert load_dataset(tmp_path / name).y is not None
    assert load_dataset(tmp_path / name, label="none").y is None


@pytest.mark.parametrize("name", FILES)
def test_every_format_gives_the_same_data(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    FILES[name](path)
    data = load_dataset(path)
    np.testing.assert_array_equal(data.x, X, strict=True)
    np.testing.assert_array_equal(data.y, np.array([1, 0, 1]), strict=True)
    assert default_label(str(path)) == (None if "svm" in name or "npz" in name else "kind")


@pytest.mark.parametrize("name", ["d.parquet", "d.arff", "d.tsv"])
def test_the_label_of_a_table_may_be_any_column(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    FILES[name](path)
    with pytest.raises(DataError, match=r"there is no label column `vv`. Did you mean `v`"):
        load_dataset(path, label="vv")
    with pytest.raises(DataError, match=r"(?s)kind.*number"):
        load_dataset(path, label="v")
    with pytest.raises(DataError, match=r"(?s)kind.*number"):
        load_dataset(path, label="none")


@pytest.mark.parametrize("name", [name for name in FILES if "npz" not in name])
@pytest.mark.parametrize(
    "damage",
    [lambda whole: b"", lambda whole: whole[: len(whole) // 2], lambda whole: b"\xff" * 99],
)
def test_damage_is_refused_or_gives_numbers(
    tmp_path: Path, name: str, damage: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / name
    FILES[name](path)
    path.write_bytes(damage(path.read_bytes()))
    refused = None
    try:
        assert np.isfinite(load_dataset(path).x).all()
    except DataError as error:
        refused = error
    if refused:
        assert str(path) in refused.where
        assert refused.mend
        assert str(refused).isprintable()


@pytest.mark.parametrize("name", FILES)
def test_pipes_and_folders_are_refused_at_once(tmp_path: Path, name: str) -> None:
    if "parquet" in name or "feather" in name:
        pytest.importorskip("pyarrow", reason="needs pyarrow")
    os.mkfifo(tmp_path / name)
    with pytest.raises(DataError, match="a device or a pipe"):
        load_dataset(tmp_path / name)
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    with pytest.raises(DataError, match="Is a directory"):
        load_dataset(tmp_path / name)


@pytest.mark.parametrize(
    "name", ["d.csv", "d.csv.gz", "d.parquet", "d.feather", "d.arff", "d.libsvm", "d.npy"]
)
def test_more_than_the_memory_is_refused(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name
    FILES.get(name, lambda path: np.save(path, X))(path)
    monkeypatch.setattr("sed2.common.memory.free_memory", lambda: 20.0)
    monkeypatch.setattr("sed2.data.csv_file.free_memory", lambda: 20.0)
    with pytest.raises(ResourceError, match="Take fewer rows"):
        load_dataset(path)


def test_a_gzip_bomb_unpacks_no_further_than_its_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "d.csv.gz"
    path.write_bytes(gzip.compress(CSV.encode() + b"\n" * 10_000))
    assert load_dataset(path).rows == 3
    monkeypatch.setattr(csv_file, "MAX_UNPACKED", 5000)
    with pytest.raises(DataError, match="it unpacks to more than 5,000 bytes"):
        load_dataset(path)


def test_a_bomb_of_feather_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrow = pytest.importorskip("pyarrow", reason="needs pyarrow")
    from pyarrow import feather, ipc

    path = tmp_path / "d.feather"
    table = arrow.table({"a": np.zeros(10**6), "y": np.zeros(10**6, np.int8)})
    feather.write_feather(table, path, compression="zstd", chunksize=10**6)
    assert path.stat().st_size < 10_000
    monkeypatch.setattr("sed2.common.memory.free_memory", lambda: 1e7)
    real = ipc.open_file

    def unread(file: object) -> object:
        source = real(file)
        return SimpleNamespace(schema=source.schema, read_all=lambda: pytest.fail("it was read"))

    monkeypatch.setattr(ipc, "open_file", unread)
    with pytest.raises(ResourceError, match="the table of shape"):
        load_dataset(path)


def test_without_the_package_the_mend_is_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "d.parquet").touch()
    monkeypatch.setitem(sys.modules, "pyarrow.ipc", None)
    with pytest.raises(UsageError, match=r"needs the package `pyarrow`.*'sed2-rank\[arrow"):
        load_dataset(tmp_path / "d.parquet")


def test_columns_that_are_no_numbers(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow", reason="needs pyarrow")
    from pyarrow import parquet

    path = tmp_path / "d.parquet"

    def refusal(**columns: object) -> str:
        parquet.write_table(arrow.table(columns | {"y": [0, 1]}), path)
        with pytest.raises(DataError) as refused:
            load_dataset(path)
        return refused.value.cause

    assert refusal(a=[1, None]) == "column `a` has no value in row 1 (from 0)"
    assert "`a` holds nan in row 0" in refusal(a=[np.nan, 1.0])
    assert refusal(a=["s", "t"]) == "column `a` holds texts, not numbers"
    assert "column `a` holds" in refusal(a=[[1.0], [2.0, 3.0]])
    coded = arrow.array(["s", "t"]).dictionary_encode()
    parquet.write_table(arrow.table({"a": [1, 2], "y": coded}), path)
    np.testing.assert_array_equal(load_dataset(path).y, [0, 1])


def test_categories_of_arff_that_are_missing(tmp_path: Path) -> None:
    path = tmp_path / "d.arff"
    write_arff(path)
    path.write_text(path.read_text().replace("2.5,-1.0,a", "2.5,-1.0,?"))
    with pytest.raises(DataError, match="a category is missing in row 1"):
        load_dataset(path)
    path.write_text(path.read_text().replace("2.5,-1.0,?", "?,-1.0,a"))
    with pytest.raises(DataError, match="column `u` holds nan in row 1"):
        load_dataset(path)


def test_long_categories_of_arff_are_held_against_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SciPy keeps every category at the length of the longest, in every row."""
    path = tmp_path / "d.arff"
    path.write_text(
        f"@relation r\n@attribute u numeric\n@attribute k {{{'a' * 10_000}, b}}\n@data\n"
        + "1,b\n" * 3000
    )
    monkeypatch.setattr("sed2.common.memory.free_memory", lambda: 1e7)
    with pytest.raises(ResourceError):
        load_dataset(path)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("1 1:2\n0 2:x\n", 2),
        ("1 1:2\nb 1:2\n", 2),
        ("1 2:1 1:1\n", 1),
        ("1 1:1 1:1\n", 1),
        ("1 -1:1\n", 1),
        ("1 1\n", 1),
        ("1 qid:3 1:1\n", 1),
        ("1,2 1:1\n", 1),
        (f"1 {2**70}:1\n", 1),
    ],
)
def test_lines_that_are_not_libsvm(tmp_path: Path, text: str, line: int) -> None:
    path = tmp_path / "d.libsvm"
    path.write_text(text)
    with pytest.raises(DataError) as refused:
        load_dataset(path)
    assert refused.value.where == f"{path}:{line}"


def test_a_large_index_of_libsvm_is_no_large_array(tmp_path: Path) -> None:
    path = tmp_path / "d.libsvm"
    path.write_text(f"1 {2**60}:1\n")
    with pytest.raises(ResourceError, match="the table of shape"):
        load_dataset(path)
    path.write_text("1 0:5 2:1\n0\n")
    np.testing.assert_array_equal(load_dataset(path).x, [[5, 0, 1], [0, 0, 0]])
    path.write_text("1\n0\n")
    with pytest.raises(DataError, match="no feature of any row"):
        load_dataset(path)


# --- images ---------------------------------------------------------------------------------------


def write_images(folder: Path, mode: str = "RGB", size: tuple[int, int] = (4, 3)) -> np.ndarray:
    """Two images of `cat` and one of `dog`, as they are to be read."""
    image = pytest.importorskip("PIL.Image", reason="needs Pillow")
    pixels = []
    for place, name in enumerate(("cat/1.png", "cat/2.PNG", "dog/x.png")):
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        drawn = image.new("RGB", size, (place, 100, 200)).convert(mode)
        drawn.save(folder / name)
        pixels.append(np.asarray(drawn.convert("L" if mode in ("L", "1") else "RGB")))
    (folder / "dog" / "notes.txt").write_text("no image")
    (folder / ".hidden").mkdir()
    return np.array(pixels, float)


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P", "1"])
def test_a_folder_of_images_by_class(tmp_path: Path, mode: str) -> None:
    pixels = write_images(tmp_path / "data", mode)
    data = load_dataset(tmp_path / "data")
    np.testing.assert_array_equal(data.x, pixels[..., None] if pixels.ndim == 3 else pixels)
    assert data.input_shape == (3, 4, 1 if mode in ("L", "1") else 3)
    np.testing.assert_array_equal(data.y, [0, 0, 1])
    z = load_dataset(tmp_path / "data", standardize=True).x
    np.testing.assert_allclose(z.mean(axis=(0, 1, 2)), 0, atol=1e-13)


def test_images_that_do_not_go_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = pytest.importorskip("PIL.Image", reason="needs Pillow")
    write_images(tmp_path)
    extra = tmp_path / "dog" / "y.png"
    for damage, cause in (
        (lambda: image.new("RGB", (5, 3)).save(extra), "5 x 3 pixels, but .*1.png has 4 x 3"),
        (lambda: image.new("I;16", (4, 3)).save(extra), "mode `I;16`, not of 8 bits"),
        (lambda: extra.write_bytes(b"\x89PNG\r\n\x1a\nno"), "not an image that can be read"),
    ):
        damage()
        with pytest.raises(DataError, match=cause) as refused:
            load_dataset(tmp_path)
        assert refused.value.where == str(extra)
    extra.unlink()
    os.mkfifo(extra)
    with pytest.raises(DataError, match="a device or a pipe"):
        load_dataset(tmp_path)
    extra.unlink()
    monkeypatch.setattr("sed2.common.memory.free_memory", lambda: 20.0)
    with pytest.raises(ResourceError, match="the array of all images"):
        load_dataset(tmp_path)


# --- arrays by name, their order of axes, tokens --------------------------------------------------


def test_arrays_by_other_names(tmp_path: Path) -> None:
    path = tmp_path / "d.npz"
    np.savez(path, features=X, kind=np.array(KINDS), y=np.arange(3))
    with pytest.raises(DataError, match=r"no array `x`; the file holds `features`, `kind`, `y`"):
        load_dataset(path)
    with pytest.raises(DataError, match=r"no array `feature` in the file.*mean `features`"):
        load_dataset(path, x_key="feature")
    with pytest.raises(DataError, match=r"no array `kin` in the file, which `y_key` asks"):
        load_dataset(path, x_key="features", y_key="kin")
    by_default, named = (
        load_dataset(path, x_key="features"),
        load_dataset(path, x_key="features", y_key="kind"),
    )
    np.testing.assert_array_equal(by_default.y, [0, 1, 2])
    np.testing.assert_array_equal(named.y, [1, 0, 1])
    assert load_dataset(path, x_key="features", label="none").y is None


def test_an_array_alone(tmp_path: Path) -> None:
    np.save(tmp_path / "d.npy", X)
    data = load_dataset(tmp_path / "d.npy")
    np.testing.assert_array_equal(data.x, X)
    assert data.y is None
    (tmp_path / "d.npy").write_bytes((tmp_path / "d.npy").read_bytes()[:-1])
    with pytest.raises(DataError, match=r"not a \.npy file, or it is damaged"):
        load_dataset(tmp_path / "d.npy")
    np.save(tmp_path / "d.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(DataError, match="holds Python objects"):
        load_dataset(tmp_path / "d.npy")


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (3, 20, 30)])
def test_channels_first_are_refused_unless_it_is_said(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    x = np.random.default_rng(0).normal(size=(5, *shape))
    np.savez(tmp_path / "d.npz", x=x)
    with pytest.raises(DataError, match=r"with the channels first.*Say `layout` nchw"):
        load_dataset(tmp_path / "d.npz")
    first = load_dataset(tmp_path / "d.npz", layout="nchw")
    np.testing.assert_array_equal(first.x, np.moveaxis(x, 1, -1))
    np.testing.assert_array_equal(load_dataset(tmp_path / "d.npz", layout="nhwc").x, x)


@pytest.mark.parametrize("shape", [(32, 32, 3), (4, 4, 3), (8, 8, 16), (3, 3, 3), (2, 3, 4)])
def test_channels_last_are_read_as_they_are(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.savez(tmp_path / "d.npz", x=np.ones((5, *shape)))
    assert load_dataset(tmp_path / "d.npz").input_shape == shape


def test_channels_first_in_an_idx_file(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 9, (5, 3, 8, 8)).astype(np.uint8)
    (tmp_path / "images.idx").write_bytes(idx(x))
    with pytest.raises(DataError, match=r"Say `layout` nchw"):
        load_dataset(tmp_path / "images.idx")
    first = load_dataset(tmp_path / "images.idx", layout="nchw")
    np.testing.assert_array_equal(first.x, np.moveaxis(x, 1, -1))


def test_layout_is_of_images(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=X)
    with pytest.raises(DataError, match=r"`layout` is of images.*shape \(3, 2\)"):
        load_dataset(tmp_path / "d.npz", layout="nchw")


@pytest.mark.parametrize(
    ("x", "tokens"),
    [
        (np.array([[3, 5], [0, 7]]), True),
        (np.array([[3, 5], [0, 7]], np.uint16), True),
        (np.array([[3, 5], [0, 7]], np.uint8), False),
        (np.array([[3, -5], [0, 7]]), False),
        (np.array([[3], [7]]), False),
        (np.array([[3.0, 5], [0, 7]]), False),
        (np.ones((2, 4, 4), int), False),
    ],
)
def test_what_looks_like_tokens(tmp_path: Path, x: np.ndarray, tokens: bool) -> None:
    np.savez(tmp_path / "d.npz", x=x)
    assert load_dataset(tmp_path / "d.npz").tokens is tokens
    assert not load_dataset(tmp_path / "d.npz", standardize=True).tokens


# --- targets --------------------------------------------------------------------------------------

TARGETS = [
    (np.array([0.5, 1, 2]), None, [0.5, 1, 2]),
    (np.array([2.0, 1, 2]), None, [1, 0, 1]),
    (np.array([2.0, 1, 2]), "numbers", [2.0, 1, 2]),
    (np.array([7, 1, 7]), None, [1, 0, 1]),
    (np.array([7, 1, 7]), "numbers", [7.0, 1, 7]),
    (np.array([[0.5, 1], [2, 3], [4, 5]]), None, [[0.5, 1], [2, 3], [4, 5]]),
    (np.array([[0, 1], [2, 3], [4, 5]]), "numbers", [[0.0, 1], [2, 3], [4, 5]]),
]


@pytest.mark.parametrize(("y", "targets", "expected"), TARGETS)
def test_classes_and_numbers(
    tmp_path: Path, y: np.ndarray, targets: str | None, expected: list[float]
) -> None:
    np.savez(tmp_path / "d.npz", x=X, y=y)
    found = [load_dataset(tmp_path / "d.npz", targets=targets)]
    if y.ndim == 1:
        rows = [f"{u},{t}\n" for u, t in zip(X[:, 0].tolist(), y.tolist(), strict=True)]
        (tmp_path / "d.csv").write_text("u,t\n" + "".join(rows))
        found.append(load_dataset(tmp_path / "d.csv", targets=targets))
    for data in found:
        assert data.y is not None
        assert data.y.dtype == (np.float64 if isinstance(np.ravel(expected)[0], float) else int)
        np.testing.assert_array_equal(data.y, expected)


@pytest.mark.parametrize(
    ("y", "targets", "cause"),
    [
        (["a", "b", "a"], "numbers", "numbers"),
        ([0.5, 1, 2], "classes", "integers or texts"),
        ([0.5, np.inf, 2], None, "finite"),
        ([[0, 1], [2, 3], [4, 5]], None, "of shape (3, 2)|shape"),
        (np.eye(3), None, "one-hot"),
    ],
)
def test_targets_that_are_not_what_they_are_to_be(
    tmp_path: Path, y: object, targets: str | None, cause: str
) -> None:
    np.savez(tmp_path / "d.npz", x=X, y=np.array(y))
    with pytest.raises(DataError, match=cause):
        load_dataset(tmp_path / "d.npz", targets=targets)
    if np.ndim(y) == 1:  # type: ignore[arg-type]
        rows = [f"1,{t}\n" for t in np.array(y).tolist()]
        (tmp_path / "d.csv").write_text("u,t\n" + "".join(rows))
        with pytest.raises(DataError, match=r"labels must be .*`targets` says"):
            load_dataset(tmp_path / "d.csv", targets=targets)


def test_the_docs_name_every_format() -> None:
    text = (Path(__file__).parents[2] / "docs/reference/data.md").read_text("utf-8")
    for kind in FORMATS:
        for suffix in kind.suffixes:
            assert f"`{suffix}`" in text


def test_the_data_are_those_of_the_docs() -> None:
    assert {name for kind in FORMATS for name in kind.options} <= {"x_key", "y_key", "layout"}
    assert isinstance(load_dataset("covertype"), Dataset)
