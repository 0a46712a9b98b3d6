"""`Dataset`s from names and files, standardising, and the choice of inputs."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sed2.data import images
from sed2.data import load as load_module
from sed2.data.catalogue import DATASETS
from sed2.data.load import Dataset, choose_inputs, load_dataset
from sed2.errors import DataError, ExitCode, ResourceError, UsageError
from tests.data.writers import TEN, idx, python_2, tar

X = np.array([[1.0, 5, 0.1], [2, 5, 0.1], [4, 5, 0.1]])
Y = np.array([0, 1, 1])


def save(path: Path, x: np.ndarray = X, y: np.ndarray | None = Y) -> Path:
    if path.suffix.lower() == ".npz":
        with path.open("wb") as file:  # given a name, numpy would append .npz to it
            np.savez(file, **({"x": x} if y is None else {"x": x, "y": y}))  # type: ignore[arg-type]
    else:
        assert y is not None
        names = [*(f"c{i}" for i in range(x.shape[1])), "label"]
        rows = [[*numbers, label] for numbers, label in zip(x.tolist(), y.tolist(), strict=True)]
        path.write_text("".join(",".join(map(str, row)) + "\n" for row in [names, *rows]))
    return path


def of(x: np.ndarray) -> Dataset:
    return Dataset("test", x, None, False, "", "")


# --- files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["data.npz", "data.csv", "DATA.NPZ", "Data.Csv"])
def test_a_file_is_used_as_it_is(tmp_path: Path, file: str) -> None:
    path = save(tmp_path / file)
    for given_as in (path, str(path)):
        dataset = load_dataset(given_as)
        np.testing.assert_array_equal(dataset.x, X, strict=True)
        np.testing.assert_array_equal(dataset.y, Y, strict=True)
        assert (dataset.name, dataset.source) == (str(path), str(path))
        assert not dataset.standardized
        assert (dataset.rows, dataset.input_shape) == (3, (3,))


def test_labels_are_optional_in_a_npz_file(tmp_path: Path) -> None:
    assert load_dataset(save(tmp_path / "data.npz", y=None)).y is None


def test_the_label_column_is_passed_on(tmp_path: Path) -> None:
    path = save(tmp_path / "data.csv")
    np.testing.assert_array_equal(load_dataset(path, label="c0").x, np.c_[X[:, 1:], Y])


def test_images_keep_their_shape(tmp_path: Path) -> None:
    x = np.arange(2 * 4 * 4 * 3).reshape(2, 4, 4, 3).astype(np.uint8)
    dataset = load_dataset(save(tmp_path / "data.npz", x, None), standardize=True)
    assert dataset.input_shape == (4, 4, 3)
    np.testing.assert_array_equal(dataset.x[0], -np.ones((4, 4, 3)))
    np.testing.assert_array_equal(dataset.x[1], np.ones((4, 4, 3)))


def test_paths_of_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    save(tmp_path / "data.npz")
    assert load_dataset("~/data.npz").rows == 3


def test_numbers_cannot_be_changed_by_accident(tmp_path: Path) -> None:
    dataset = load_dataset(save(tmp_path / "data.npz"))
    for numbers in (dataset.x, dataset.y):
        assert numbers is not None
        with pytest.raises(ValueError, match="read-only"):
            numbers[0] = 7


def test_the_checksum_is_that_of_the_numbers_used(tmp_path: Path) -> None:
    def checksum(name: str, x: np.ndarray, y: np.ndarray | None = Y, **options: bool) -> str:
        return load_dataset(save(tmp_path / name, x, y), **options).sha256  # type: ignore[arg-type]

    whole = checksum("a.npz", X)
    assert len(whole) == 64
    assert checksum("b.csv", X) == whole
    assert checksum("c.npz", X.astype(np.float64, order="F")) == whole
    changed = X.copy()
    changed[2, 2] = np.nextafter(changed[2, 2], 1)
    others = [
        checksum("d.npz", changed),
        checksum("e.npz", X, Y[::-1]),
        checksum("f.npz", X, None),
        checksum("g.npz", X.reshape(3, 1, 3)),
        checksum("h.npz", X, standardize=True),
    ]
    assert len({whole, *others}) == 6


# --- images ---------------------------------------------------------------------------------------


def write_cifar(folder: Path) -> list[Path]:
    """The same images in every way that CIFAR-10 comes; the last channel is constant."""
    batches = {}
    for number, name in enumerate(TEN):
        pixels = np.random.default_rng(number).integers(0, 256, (2, 3072)).astype(np.uint8)
        pixels[:, 2048:] = 7
        batches[name] = pixels, [number, 9 - number]
    python = {f"cifar-10-batches-py/{n}": python_2(x, labels=y) for n, (x, y) in batches.items()}
    binary = {
        f"cifar-10-batches-bin/{n}.bin": np.insert(x, 0, y, axis=1).tobytes()
        for n, (x, y) in batches.items()
    }
    for file, content in (python | binary).items():
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_bytes(content)
    (folder / "cifar-10-python.tar.gz").write_bytes(tar(python))
    (folder / "cifar-10-binary.tar.gz").write_bytes(tar(binary))
    names = (
        "cifar-10-python.tar.gz",
        "cifar-10-binary.tar.gz",
        "cifar-10-batches-py",
        "cifar-10-batches-bin",
    )
    return [folder / name for name in names]


def test_cifar_is_the_same_in_every_form(tmp_path: Path) -> None:
    datasets = [load_dataset(path) for path in write_cifar(tmp_path)]
    for dataset in datasets:
        assert dataset.input_shape == (32, 32, 3)
        assert not dataset.standardized
    assert len({dataset.sha256 for dataset in datasets}) == 1


def test_channels_of_cifar_are_standardised(tmp_path: Path) -> None:
    path = write_cifar(tmp_path)[0]
    x = load_dataset(path).x
    z = load_dataset(path, standardize=True).x
    np.testing.assert_allclose(z.mean(axis=(0, 1, 2)), 0, atol=1e-13)
    np.testing.assert_allclose(z.std(axis=(0, 1, 2)), [1, 1, 0], rtol=1e-13)
    mean, std = images.statistics(x.astype(np.uint8))
    np.testing.assert_allclose(
        z[..., :2], ((x - mean) / np.where(std, std, 1))[..., :2], rtol=1e-12
    )
    np.testing.assert_array_equal(z[..., 2], 0)


def test_idx_files_are_standardised_by_all_their_pixels(tmp_path: Path) -> None:
    x = np.zeros((4, 3, 3), np.uint8)
    x[:, 1, 1] = [0, 50, 100, 250]  # the border never changes
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(x)))
    for path in (tmp_path, tmp_path / "train-images-idx3-ubyte.gz"):
        assert load_dataset(path).input_shape == (3, 3, 1)
        z = load_dataset(path, standardize=True).x
        np.testing.assert_allclose(z[..., 0], (x - x.mean()) / x.std(), rtol=1e-13)


def test_an_idx_file_without_images_is_standardised_by_feature(tmp_path: Path) -> None:
    (tmp_path / "table.idx").write_bytes(idx(X))
    by_feature = load_dataset(save(tmp_path / "data.npz"), standardize=True).x
    np.testing.assert_array_equal(
        load_dataset(tmp_path / "table.idx", standardize=True).x, by_feature
    )


# --- standardising --------------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["data.npz", "data.csv"])
def test_constant_features_are_only_shifted(tmp_path: Path, file: str) -> None:
    """Three times 0.1 has a mean that is not 0.1, and a deviation that is not 0."""
    assert X[:, 2].std() > 0
    dataset = load_dataset(save(tmp_path / file), standardize=True)
    assert dataset.standardized
    np.testing.assert_array_equal(dataset.x[:, 1:], 0)
    first = (X[:, 0] - 7 / 3) / np.sqrt(14 / 9)
    np.testing.assert_allclose(dataset.x[:, 0], first, rtol=1e-14)


def test_a_constant_feature_may_be_huge(tmp_path: Path) -> None:
    """Its sum overflows, but neither its mean nor its deviation does."""
    x = np.array([[1, 1.7e308], [2, 1.7e308]])
    dataset = load_dataset(save(tmp_path / "data.npz", x, None), standardize=True)
    np.testing.assert_array_equal(dataset.x, [[-1, 0], [1, 0]])


def test_a_single_row_is_all_constant(tmp_path: Path) -> None:
    dataset = load_dataset(save(tmp_path / "data.npz", X[:1], None), standardize=True)
    np.testing.assert_array_equal(dataset.x, 0)


@hypothesis_settings(deadline=None)
@given(
    shift=st.floats(-1e6, 1e6),
    scale=st.floats(1e-3, 1e6),
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(2, 50),
)
def test_standardised_features_have_mean_0_and_population_deviation_1(
    shift: float, scale: float, seed: int, rows: int
) -> None:
    x = shift + scale * np.random.default_rng(seed).normal(size=(rows, 3))
    z = load_module._standardized(x.copy(), *load_module._statistics(x, Path("f")))
    error = 1e-13 * (1 + abs(x).max() / x.std(axis=0).min())
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=error)
    np.testing.assert_allclose(z.std(axis=0), 1, atol=error)


@pytest.mark.parametrize(("first", "second"), [(1e200, -1e200), (1e-200, 2e-200), (1.7e308, 1e308)])
def test_what_cannot_be_standardised_is_refused(
    tmp_path: Path, first: float, second: float
) -> None:
    """Its squared deviations overflow or vanish; it would become all zeros in silence."""
    path = save(tmp_path / "data.npz", np.array([[1, first], [2, second]]), None)
    assert load_dataset(path).rows == 2
    with pytest.raises(
        DataError, match=r"the numbers of feature 1 .* standardised. Scale"
    ) as caught:
        load_dataset(path, standardize=True)
    assert caught.value.where == str(path)


# --- faults ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "cause", "mend"),
    [
        ("covertyp", "there is no data set `covertyp`", "Did you mean `covertype`? Allowed: "),
        ("Covertype", "there is no data set `Covertype`", "Did you mean `covertype`? Allowed: "),
        ("", "there is no data set ``", "or the path of a .npz, .npy, .csv, .tsv, .parquet"),
        ("missing.txt", "there is no data set `missing.txt`", "the path of a .npz, .npy,"),
        ("missing.npz", "there is no such file", "Check the path; it is looked for in {cwd}"),
        ("missing.csv", "there is no such file", "Check the path; it is looked for in {cwd}"),
        ("missing.idx.gz", "there is no such file", "Check the path; it is looked for in {cwd}"),
        ("missing.tar.gz", "there is no such file", "Check the path; it is looked for in {cwd}"),
        ("no/folder.csv", "there is no such file", "Check the path; it is looked for in {cwd}"),
        ("{cwd}/missing.npz", "there is no such file", "Check the path"),
        ("notes.txt", "this is not a file of a kind that sed2 reads", "Give a .npz file"),
        ("notes.txt", "this is not a file of a kind that sed2 reads", "train-images-idx3-ubyte"),
        ("notes.txt", "this is not a file of a kind that sed2 reads", "cifar-10-python.tar.gz"),
        (".", "this is not a folder of a kind that sed2 reads", "Give a .npz file"),
        ("folder.idx", "this is not a folder of a kind that sed2 reads", "Give a .npz file"),
        ("folder.npz", "cannot be read (Is a directory)", "Check that it is a file"),
        ("folder.csv", "cannot be read (Is a directory)", "Check that it is a file"),
        ("notes.txt/a.csv", "cannot be read (Not a directory)", "Check that it is a file"),
        ("a" * 5000 + ".csv", "cannot be read (File name too long)", "Check that it is a file"),
    ],
)
def test_neither_a_data_set_nor_a_readable_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, cause: str, mend: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("notes.txt").touch()
    Path("folder.npz").mkdir()
    Path("folder.csv").mkdir()
    Path("folder.idx").mkdir()
    name = name.format(cwd=tmp_path)
    with pytest.raises(DataError) as caught:
        load_dataset(name)
    assert caught.value.exit_code is ExitCode.DATA
    assert caught.value.cause == cause
    assert mend.format(cwd=tmp_path) in caught.value.mend
    assert caught.value.where in (name, "")


def test_a_name_is_not_a_file_of_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("covertype").mkdir()
    assert load_dataset("covertype").rows == DATASETS["covertype"].rows


@pytest.mark.parametrize("file", ["data.npz", "data.csv"])
def test_a_file_that_may_not_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = save(tmp_path / file)
    kind = path.suffix[1:]
    monkeypatch.setattr(f"sed2.data.{kind}_file.read_{kind}", refuse)
    with pytest.raises(DataError, match=r"cannot be read \(Permission denied\). Check") as caught:
        load_dataset(path)
    assert caught.value.where == str(path)


def test_data_larger_than_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    path = save(tmp_path / "data.csv")
    monkeypatch.setattr("sed2.data.csv_file.read_csv", fail)
    with pytest.raises(ResourceError, match=r"does not fit in memory\. Take fewer") as caught:
        load_dataset(path)
    assert caught.value.where == str(path)


# --- the choice of inputs -------------------------------------------------------------------------


def test_the_choice_is_the_same_for_ever() -> None:
    """Rows of the bundled sample that seed 0 takes: a change would change every result."""
    rows = choose_inputs(of(np.arange(100_000.0)[:, None]), 5, seed=0)
    assert rows.ravel().tolist() == [79716, 58568, 14571, 1565, 61033]


def test_the_choice_depends_on_the_seed_and_the_number_of_rows_only() -> None:
    random = np.random.default_rng(0)
    rows = np.arange(50.0)
    chosen = choose_inputs(of(rows[:, None]), 10, seed=3).ravel().astype(int)
    x = random.normal(size=(50, 2, 3))
    np.testing.assert_array_equal(choose_inputs(of(x), 10, seed=3), x[chosen])
    assert choose_inputs(of(rows[:, None]), 10, seed=4).ravel().tolist() != chosen.tolist()


@hypothesis_settings(deadline=None)
@given(rows=st.integers(2, 60), seed=st.integers(0, 2**70), data=st.data())
def test_a_choice_has_no_row_twice_and_grows_at_its_end(
    rows: int, seed: int, data: st.DataObject
) -> None:
    dataset = of(np.arange(float(rows))[:, None])
    many = data.draw(st.integers(1, rows - 1))
    few = data.draw(st.integers(1, many))
    chosen = choose_inputs(dataset, many, seed)
    assert chosen.shape == (many, 1)
    assert len(np.unique(chosen)) == many
    np.testing.assert_array_equal(choose_inputs(dataset, few, seed), chosen[:few])


@pytest.mark.parametrize("samples", [3, 4, 10**12])
def test_all_rows_come_in_order(samples: int) -> None:
    np.testing.assert_array_equal(choose_inputs(of(X), samples, seed=1), X)


def test_every_row_is_as_likely_at_every_place() -> None:
    """Over 4,000 seeds, the counts of (place, row) within 5 standard errors of a fair choice."""
    seeds, rows, places = 4000, 6, 3
    dataset = of(np.arange(float(rows))[:, None])
    counts = np.zeros((places, rows))
    for seed in range(seeds):
        counts[np.arange(places), choose_inputs(dataset, places, seed).ravel().astype(int)] += 1
    expected = seeds / rows
    assert abs(counts - expected).max() < 5 * np.sqrt(expected * (1 - 1 / rows))


@pytest.mark.parametrize("samples", [0, -1])
def test_no_inputs_is_a_mistake(samples: int) -> None:
    with pytest.raises(UsageError, match=f"must be at least 1, not {samples}"):
        choose_inputs(of(X), samples, seed=0)
