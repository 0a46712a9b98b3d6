"""The script that made the bundled file makes it again."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from scripts.data import covertype as script
from sed2.data import covertype
from sed2.data.registry import fetch


def raw(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Random numbers of the form of Covertype's."""
    random = np.random.default_rng(1)
    numeric = random.integers(-300, 8000, size=(rows, 10))
    wilderness = np.eye(4, dtype=int)[random.integers(4, size=rows)]
    soil = np.eye(40, dtype=int)[random.integers(40, size=rows)]
    return np.hstack([numeric, wilderness, soil]), random.integers(7, size=rows)


def test_the_bundled_file_is_made_again(
    real_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = tmp_path / "made.npz"
    script.main([str(real_data / "covertype.npz"), "--out", str(made)])
    assert f"{made}: {made.stat().st_size:,} bytes, sha256 " in capsys.readouterr().out
    with zipfile.ZipFile(fetch("covertype")[0]) as old, zipfile.ZipFile(made) as new:
        assert new.namelist() == old.namelist()
        for name in old.namelist():  # arrays with their types and shapes; zlib may differ
            assert new.read(name) == old.read(name), name


def test_sampled_rows_are_rows_of_the_whole_set(real_data: Path) -> None:
    with np.load(real_data / "covertype.npz") as whole:
        x, y = whole["x"], whole["y"]
    rows = script.choose_rows(len(x))
    sample_x, sample_y, _, _ = covertype.parse_sample(fetch("covertype")[0].read_bytes())
    np.testing.assert_array_equal(sample_x, x[rows])
    np.testing.assert_array_equal(sample_y, y[rows])


def test_rows_are_a_choice_without_replacement_in_order() -> None:
    rows = script.choose_rows(1000, rows=100, seed=0)
    assert rows.shape == (100,)
    assert (np.diff(rows) > 0).all()
    assert rows[0] >= 0
    assert rows[-1] < 1000
    assert not np.array_equal(rows, script.choose_rows(1000, rows=100, seed=1))
    np.testing.assert_array_equal(rows, script.choose_rows(1000, rows=100, seed=0))


def test_what_is_encoded_is_read_back() -> None:
    x, y = raw(500)
    rows = np.array([3, 5, 499])
    content = io.BytesIO()
    np.savez_compressed(content, **script.encode(x, y, rows))
    read_x, read_y, mean, std = covertype.parse_sample(content.getvalue())
    np.testing.assert_array_equal(read_x, x[rows])
    np.testing.assert_array_equal(read_y, y[rows])
    np.testing.assert_allclose(mean, x.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(std, x.std(axis=0), rtol=1e-14)


@pytest.mark.parametrize(
    ("low", "high", "dtype"),
    [
        (0, 255, np.uint8),
        (0, 256, np.int16),
        (-1, 0, np.int16),
        (-(2**15), 2**15 - 1, np.int16),
        (0, 2**15, np.int32),
    ],
)
def test_columns_take_the_smallest_type_that_holds_them(low: int, high: int, dtype: type) -> None:
    x, y = raw(50)
    x[:2, 0], x[2:, 0] = (low, high), low
    found = script.encode(x, y, np.arange(50))["elevation"]
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, x[:, 0])


def test_what_is_not_covertype_is_refused() -> None:
    x, y = raw(50)
    rows = np.arange(10)
    with pytest.raises(ValueError, match=r"x must be \(rows, 54\) integers, not \(50, 53\)"):
        script.encode(x[:, 1:], y, rows)
    with pytest.raises(ValueError, match=r"x must be .* float64"):
        script.encode(x.astype(float), y, rows)
    with pytest.raises(ValueError, match=r"y must be \(50,\) integers"):
        script.encode(x, y[1:], rows)
    with pytest.raises(ValueError, match="labels must be 0-6, not 1-7"):
        script.encode(x, np.arange(50) % 7 + 1, rows)
    for column in (10, 53):
        for number in (2, 1 - x[49, column]):
            wrong = x.copy()
            wrong[49, column] = number
            with pytest.raises(ValueError, match="exactly one 1 in every row"):
                script.encode(wrong, y, rows)


def test_the_command_names_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    x, y = raw(50)
    source, out = tmp_path / "raw.npz", tmp_path / "out"
    np.savez(source, x=x, y=y)
    with pytest.raises(SystemExit) as caught:
        script.main([str(source), "--out", str(out)])
    assert caught.value.code == 2
    assert "--rows must be from 1 to 50" in capsys.readouterr().err
    np.savez(source, x=x, y=y + 7)
    with pytest.raises(SystemExit):
        script.main([str(source), "--out", str(out), "--rows", "5"])
    assert "labels must be 0-6" in capsys.readouterr().err
    assert not out.exists()
    np.savez(source, x=x, y=y)
    script.main([str(source), "--out", str(out), "--rows", "5"])
    assert len(covertype.parse_sample(out.read_bytes())[0]) == 5
