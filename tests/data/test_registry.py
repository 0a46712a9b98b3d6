"""The named data sets: what ships with sed2, and its statistics."""

from __future__ import annotations

import gzip
import hashlib
import math
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from sed2.data import covertype
from sed2.data.catalogue import DATASETS
from sed2.data.load import load_dataset
from sed2.data.registry import RawData, dataset_info, fetch, is_available, load_named
from sed2.errors import DataError, ExitCode
from tests.data.writers import idx

ROOT = Path(__file__).parents[2]
Entry = Callable[..., None]


@pytest.fixture(scope="module")
def sample() -> RawData:
    return load_named("covertype")


@pytest.fixture
def entry(monkeypatch: pytest.MonkeyPatch) -> Entry:
    """Changes fields of the files of a data set for one test: one value for each file."""

    def change(name: str, /, **fields: Sequence[str]) -> None:
        files = [
            replace(file, **dict(zip(fields, values, strict=True)))
            for file, *values in zip(DATASETS[name].files, *fields.values(), strict=True)
        ]
        monkeypatch.setitem(DATASETS, name, replace(DATASETS[name], files=tuple(files)))

    return change


def test_the_bundled_file_is_the_one_of_the_registry() -> None:
    (path,) = fetch("covertype")
    content = path.read_bytes()
    assert hashlib.sha256(content).hexdigest() == DATASETS["covertype"].files[0].sha256
    assert len(content) < 1.5e6
    assert is_available("covertype")


# Checksums as the catalogues of others have them (UCI; Keras; TensorFlow Datasets). Written down
# twice, so that a slip of the pen in the catalogue is found without a network.
CHECKSUMS = {
    "covertype-full": ["614360d0257557dd1792834a85a1cdebfadc3c4f30b011d56afee7ffb5b15771"],
    "mnist-full": ["731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"],
    "fashion-mnist": [
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    ],
    "cifar10": ["c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"],
}


def test_the_checksums_of_downloads_are_those_that_others_publish() -> None:
    downloads = {name: info for name, info in DATASETS.items() if not info.bundled}
    assert {
        name: [file.sha256 for file in info.files] for name, info in downloads.items()
    } == CHECKSUMS


def test_every_file_has_its_own_place() -> None:
    paths = [file.path("cache") for info in DATASETS.values() for file in info.files]
    assert len(set(paths)) == len(paths)


def test_entries_say_what_the_data_is(sample: RawData) -> None:
    info = dataset_info("covertype")
    assert info.rows == 100_000
    assert sample.x.shape == (info.rows, *info.input_shape) == (100_000, 54)
    assert sample.x.dtype == np.float64
    assert sample.y.dtype == np.int64
    np.testing.assert_array_equal(np.unique(sample.y), np.arange(info.classes))
    for name, each in DATASETS.items():
        assert each.name == name
        assert each.licence
        assert "https://" in each.citation
        assert each.home.startswith("https://")
        assert each.bundled or not any(file.bundled for file in each.files)
    assert info.licence == "CC BY 4.0"
    assert "Blackard" in info.citation


def test_the_notice_attributes_the_data() -> None:
    notice = (resources.files("sed2.data.bundled") / "NOTICE.md").read_text(encoding="utf-8")
    for part in ("Blackard", "1998", "10.24432/C50K5N", "CC BY 4.0", "What was changed"):
        assert part in notice


def test_a_wheel_holds_every_file_that_is_not_python() -> None:
    setup = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    packages = {
        ".".join(folder.parent.relative_to(ROOT).parts): folder.parent
        for pattern in setup["packages"]["find"]["include"]
        for folder in ROOT.glob(f"{pattern}/**/__init__.py")
    } | {"sed2.examples": ROOT / "sed2" / "examples"}  # a link, to a folder without Python
    declared = {
        file
        for package, patterns in setup["package-data"].items()
        for pattern in patterns
        for file in packages[package].glob(pattern)
    }
    ours = {
        file
        for file in (ROOT / "sed2").rglob("*")
        if file.is_file() and file.suffix != ".py" and "__pycache__" not in file.parts
    }
    assert {"covertype.npz", "NOTICE.md", "py.typed"} <= {file.name for file in ours}
    assert ours <= declared
    configs = {file.name for file in (ROOT / "configs").glob("*.yaml")}
    assert configs <= {file.name for file in declared}


def test_one_hot_columns_hold_a_single_one(sample: RawData) -> None:
    start = len(covertype.NUMERIC)
    for width in covertype.ONE_HOT.values():
        group = sample.x[:, start : start + width]
        assert set(np.unique(group)) == {0, 1}
        assert (group.sum(axis=1) == 1).all()
        start += width
    assert start == 54


def test_stored_statistics_are_those_of_the_whole_set(sample: RawData, real_data: Path) -> None:
    with np.load(real_data / "covertype.npz") as whole:
        x = whole["x"]
    assert x.shape == (581_012, 54)
    n = len(x)
    for column in range(54):  # in exact integers
        numbers = x[:, column].astype(np.int64)
        total, squares = int(numbers.sum()), int((numbers**2).sum())
        assert sample.mean[column] == pytest.approx(total / n, rel=1e-12)
        std = math.sqrt(n * squares - total**2) / n
        assert sample.std[column] == pytest.approx(std, rel=1e-12)


def test_standardised_sample_has_mean_0_and_variance_1_within_5_standard_errors(
    sample: RawData,
) -> None:
    """The sample is one of n rows out of `rows` without replacement.

    So the mean of z has the variance (1 - n / rows) / n, and the mean of z**2 that of
    (1 - n / rows) (E z**4 - 1) / n. For a column of zeros and ones E z**4 follows from its mean in
    the whole set; for the others that of the sample will do.
    """
    dataset = load_dataset("covertype")
    assert dataset.standardized
    z, n, rows = dataset.x, dataset.rows, DATASETS["covertype-full"].rows
    fourth = (z**4).mean(axis=0)
    numeric = len(covertype.NUMERIC)
    variance = sample.mean[numeric:] * (1 - sample.mean[numeric:])
    fourth[numeric:] = (1 - 3 * variance) / variance
    error = math.sqrt((1 - n / rows) / n)
    assert (abs(z.mean(axis=0)) < 5 * error).all()
    assert (abs((z**2).mean(axis=0) - 1) < 5 * error * np.sqrt(fourth - 1)).all()
    # So large an error shows only what is grossly wrong with the rare soils; the numeric columns:
    np.testing.assert_allclose(z[:, :numeric].std(axis=0), 1, atol=0.02)


def test_the_sample_is_standardised_by_the_stored_statistics(sample: RawData) -> None:
    dataset = load_dataset("covertype")
    assert (dataset.name, dataset.source) == ("covertype", "bundled with sed2")
    np.testing.assert_array_equal(dataset.x, (sample.x - sample.mean) / sample.std)
    np.testing.assert_array_equal(dataset.y, sample.y)


def test_the_original_file_is_read_as_the_sample_is(
    sample: RawData, entry: Entry, tmp_path: Path
) -> None:
    """Fifty rows in the format of the original become the same numbers to the bit."""
    table = np.c_[sample.x[:50], sample.y[:50] + 1].astype(int)
    text = "".join(",".join(map(str, row)) + "\n" for row in table.tolist())
    content = gzip.compress(text.encode())
    (tmp_path / "covtype.data.gz").write_bytes(content)
    entry("covertype-full", sha256=[hashlib.sha256(content).hexdigest()])
    full = load_dataset("covertype-full", cache_dir=tmp_path)
    np.testing.assert_array_equal(full.x, load_dataset("covertype").x[:50])
    np.testing.assert_array_equal(full.y, sample.y[:50])
    assert full.standardized
    assert full.source == DATASETS["covertype-full"].files[0].url


def test_fashion_mnist_is_read_from_its_four_files(entry: Entry, tmp_path: Path) -> None:
    """Small ones, but of the same kind; standardised by the statistics of all their pixels."""
    rng = np.random.default_rng(0)
    train, test = (rng.integers(0, 256, (n, 28, 28)).astype(np.uint8) for n in (3, 2))
    arrays = (train, np.uint8([9, 0, 5]), test, np.uint8([5, 2]))
    contents = [gzip.compress(idx(array)) for array in arrays]
    files = DATASETS["fashion-mnist"].files
    for file, content in zip(files, contents, strict=True):
        path = file.path(tmp_path)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    entry("fashion-mnist", sha256=[hashlib.sha256(content).hexdigest() for content in contents])
    assert is_available("fashion-mnist", cache_dir=tmp_path)
    dataset = load_dataset("fashion-mnist", cache_dir=tmp_path)
    x = np.concatenate([train, test])[..., None].astype(float)
    np.testing.assert_allclose(dataset.x, (x - x.mean()) / x.std(), rtol=1e-12)
    assert dataset.y is not None
    assert dataset.y.tolist() == [9, 0, 5, 5, 2]  # as they are: classes keep their numbers
    assert all(file.url in dataset.source for file in files)
    # The folder by itself, since MNIST's files have the same names; given as one, it is the same.
    given = load_dataset(tmp_path / "fashion-mnist", standardize=True)
    np.testing.assert_allclose(given.x, dataset.x, rtol=1e-12)
    files[2].path(tmp_path).unlink()
    assert not is_available("fashion-mnist", cache_dir=tmp_path)


def refusal(call: Callable[[], object]) -> DataError:
    with pytest.raises(DataError) as caught:
        call()
    assert caught.value.exit_code is ExitCode.DATA
    assert caught.value.mend
    return caught.value


@pytest.mark.parametrize("call", [dataset_info, fetch, is_available, load_named])
def test_unknown_name(call: Callable[[str], object]) -> None:
    fault = refusal(lambda: call("covertyp"))
    assert fault.cause == "there is no data set `covertyp`"
    assert fault.mend == f"Did you mean `covertype`? Allowed: {', '.join(DATASETS)}"


def test_a_damaged_installation_is_reinstalled(entry: Entry) -> None:
    entry("covertype", sha256=["0" * 64])
    fault = refusal(lambda: load_named("covertype"))
    assert "damaged" in fault.cause
    assert fault.mend == "Reinstall sed2"
    assert fault.where.endswith("covertype.npz")
    assert not is_available("covertype")


def test_an_incomplete_installation_is_reinstalled(entry: Entry) -> None:
    entry("covertype", name=["gone.npz"])
    fault = refusal(lambda: load_named("covertype"))
    assert "cannot be read (No such file or directory)" in fault.cause
    assert fault.mend == "Reinstall sed2"
    assert not is_available("covertype")
