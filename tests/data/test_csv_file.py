"""`.csv` files: what is read, and the place of every fault."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sed2.data.csv_file import read_csv
from sed2.errors import DataError, ExitCode

# A function-scoped folder is shared by the examples of a property; each overwrites its file.
any_folder = hypothesis_settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data.csv"


def refusal(path: Path, content: str | bytes, label: str | None = None) -> DataError:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError) as caught:
        read_csv(path, label)
    fault = caught.value
    assert fault.exit_code is ExitCode.DATA
    assert fault.mend
    assert str(fault).isprintable()
    return fault


def read(path: Path, content: str, label: str | None = None) -> tuple[list[object], list[int]]:
    path.write_bytes(content.encode())
    x, y = read_csv(path, label)
    assert x.dtype == np.float64
    assert x.flags.c_contiguous
    assert y.dtype == np.int64
    assert len(x) == len(y)
    return x.tolist(), y.tolist()


numbers = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=6),
    elements={"allow_nan": False, "allow_infinity": False},
)
printable = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])
# The dots keep a text from being a number, and its blanks from being stripped.
texts = st.text(printable, max_size=8).map(lambda text: f".{text}.")


@any_folder
@given(data=st.data(), x=numbers, quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
def test_what_the_csv_module_writes_comes_back(
    path: Path, data: st.DataObject, x: np.ndarray, quoting: int
) -> None:
    rows, columns = x.shape
    names = data.draw(st.lists(texts, min_size=columns + 1, max_size=columns + 1, unique=True))
    labels = data.draw(
        st.lists(st.integers(), min_size=rows, max_size=rows)
        | st.lists(texts, min_size=rows, max_size=rows)
    )
    position = data.draw(st.integers(0, columns))
    newline = data.draw(st.sampled_from(["\n", "\r\n"]))
    names = [name for name in names if name.isprintable()]
    if len(names) <= columns:
        names = [f"c{i}" for i in range(columns + 1)]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, quoting=quoting, lineterminator=newline)  # type: ignore[arg-type]
        writer.writerow(names)
        for numbers_of_row, label in zip(x.tolist(), labels, strict=True):
            cells = [repr(number) for number in numbers_of_row]
            writer.writerow([*cells[:position], label, *cells[position:]])
    found, y = read_csv(path, names[position])
    np.testing.assert_array_equal(found, x, strict=True)
    ordered = sorted(set(labels))
    assert y.tolist() == [ordered.index(label) for label in labels]


@any_folder
@given(x=numbers)
def test_what_numpy_writes_comes_back(path: Path, x: np.ndarray) -> None:
    table = np.c_[x, np.arange(len(x))]
    header = ",".join(f"c{i}" for i in range(table.shape[1]))
    np.savetxt(path, table, fmt="%.17g", delimiter=",", header=header, comments="")
    found, y = read_csv(path)
    np.testing.assert_array_equal(found, x, strict=True)
    assert y.tolist() == list(range(len(x)))


def test_more_rows_than_a_block_of_the_reader(path: Path) -> None:
    rows = 60_000
    path.write_text("a,b,label\n" + "".join(f"{i},{-i},{i % 3}\n" for i in range(rows)))
    x, y = read_csv(path)
    np.testing.assert_array_equal(x, np.c_[np.arange(rows), -np.arange(rows)])
    np.testing.assert_array_equal(y, np.arange(rows) % 3)


def test_the_label_column_is_the_last_one_or_the_one_named(path: Path) -> None:
    text = "a,b,c\n1,2,0\n3,2,1\n"
    assert read(path, text) == ([[1, 2], [3, 2]], [0, 1])
    assert read(path, text, "c") == ([[1, 2], [3, 2]], [0, 1])
    assert read(path, text, "a") == ([[2, 0], [2, 1]], [0, 1])
    assert read(path, text, "b") == ([[1, 0], [3, 1]], [0, 0])


@pytest.mark.parametrize(
    ("labels", "codes"),
    [
        (["1", "7", "3"], [0, 2, 1]),
        (["10", "9", "-1"], [2, 1, 0]),
        (["1", "1.0", " 1e0", '"1"', "0"], [1, 1, 1, 1, 0]),
        (["99999999999999999999998", "99999999999999999999999"], [0, 1]),
        (["fir", "Aspen", "fir"], [1, 0, 1]),
        (["10", "9", "x"], [0, 1, 2]),
        (['"a, b"', '"say ""x"""', "a"], [1, 2, 0]),
        (["nan", "a"], [1, 0]),
        (["Ä", "#1"], [1, 0]),
    ],
)
def test_labels(path: Path, labels: list[str], codes: list[int]) -> None:
    text = "a,label\n" + "".join(f"1,{label}\n" for label in labels)
    assert read(path, text)[1] == codes


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffa,b\n1,0\n2,1\n",  # Excel's mark at the beginning
        "a,b\n1,0\n2,1",  # no end of line at the end
        "a,b\r\n1,0\r\n2,1\r\n",
        "\n\na,b\n\n1,0\n  \n2,1\n\n",
        " a , b \n 1 , 0\n+2., 1\n",
        '"a","b"\n"1","0"\n"2","1"\n',
        "0,1\n1,0\n2,1\n",  # pandas' names of columns without names
    ],
)
def test_spellings_of_one_table(path: Path, text: str) -> None:
    assert read(path, text) == ([[1], [2]], [0, 1])


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "place", "cause", "mend"),
    [
        ("", ":1", "the file is empty", "header"),
        ("\n\n", ":1", "the file is empty", "header"),
        ("a,b\n", "", "there is a header but no row", "at least one row"),
        ("a\n1\n", ":1", "the only column, `a`, is the label", "at least one more column"),
        ("a;b\n1;2\n", ":1", "the columns are separated by semicolons", "commas"),
        ("a\tb\n1\t2\n", ":1", "the columns are separated by tabs", "commas"),
        ("1.5,2\n3,4\n", ":1", "there is no header: the first line holds numbers", "first line"),
        ("a,,b\n1,2,3\n", ":1", "column 2 has no name", "index=False"),
        ("a,b,a\n1,2,3\n", ":1", "two columns are named `a`", "its own name"),
        ("a\x1b[31m,b\n1,2\n", ":1", "the name of a column holds characters", "Rename"),
        ("\n\na,a\n1,2\n", ":3", "two columns are named `a`", "its own name"),
        ("a,b\n1,0\nx,1\n3,0\n", ":3:a", "`x` is not a number", "label"),
        ("a,b\n1,0\n\n\nx,1\n", ":5:a", "`x` is not a number", "label"),
        ("a,b,c\n1,2,0\n1,NA,1\n", ":3:b", "`NA` is not a number", "label"),
        ('a,b\n1,0\n"1,5",0\n', ":3:a", "`1,5` is not a number", "with a point for decimals"),
        ('a,b\n"1,000",0\n', ":2:a", "`1,000` is not a number", "nothing between thousands"),
        ('a,b\n"1,000,000.5",0\n', ":2:a", "`1,000,000.5` is", "nothing between thousands"),
        ("a,b\n1_000,0\n", ":2:a", "`1_000` is not a number", "numbers"),
        ("a,b\n0x10,0\n", ":2:a", "`0x10` is not a number", "numbers"),
        ("a,b\n１,0\n", ":2:a", "`１` is not a number", "numbers"),
        ("a,b\n1,0\n#2,0\n", ":3:a", "`#2` is not a number", "numbers"),
        ("a,b\n\x00,0\n", ":2:a", r"`\x00` is not a number", "numbers"),
        ("a,b\n1,0\n ,0\n", ":3:a", "this cell is empty", "drop the row"),
        ("a,b\n1,0\n2,\n", ":3:b", "this cell is empty", "drop the row"),
        ("a,b\n1,0\nnan,0\n", ":3:a", "nan is not a finite number", "Drop or fill"),
        ("a,b\n1,0\n\n-inf,0\n", ":4:a", "-inf is not a finite number", "Drop or fill"),
        ("a,b\n1,0\n1e999,0\n", ":3:a", "inf is not a finite number", "Drop or fill"),
        ("a,b\n1\n2,0\n", ":2", "this row has 1 cells, but the header has 2", "one cell"),
        ("a,b\n1,0\n2\n3,0\n", ":3", "this row has 1 cells, but the header has 2", "one cell"),
        ("a,b\n1,0\n2,0,5\n", ":3", "this row has 3 cells, but the header has 2", "one cell"),
        ("a,b\n1,0,5\n2,0,5\n", ":2", "this row has 3 cells, but the header has 2", "one cell"),
        ('a,b\n1,x\n2,"y\n3,z"\n', ":3", "a quote is not closed in this line", "quote"),
        ("a,b\r1,2\r3,4\r", ":1", "this is not CSV (new-line character", "one row on each line"),
        ("a,b\n1,0\n2,nan\n", ":3:b", "labels must be finite numbers, but `nan`", "label"),
        ("a,b\n1,0\n2,inf\n", ":3:b", "labels must be finite numbers, but `inf`", "label"),
    ],
)
def test_faults_have_a_place(path: Path, text: str, place: str, cause: str, mend: str) -> None:
    fault = refusal(path, text)
    assert fault.where == f"{path}{place}"
    assert fault.cause.startswith(cause)
    assert mend in fault.mend


def test_faults_of_a_named_label_column(path: Path) -> None:
    fault = refusal(path, "cover,b\n1,0\n", label="covr")
    assert fault.where == f"{path}:1"
    assert fault.cause == "there is no label column `covr`"
    assert fault.mend == "Did you mean `cover`? Allowed: cover, b, none"
    assert refusal(path, "a,b,c\nx,y,3\n", label="b").where == f"{path}:2:a"
    assert refusal(path, "a,b,c\n1,y,nan\n", label="b").where == f"{path}:2:c"
    assert refusal(path, "a,b,c\n1,inf,3\n", label="b").where == f"{path}:2:b"


def test_a_table_without_labels(path: Path) -> None:
    path.write_text("a,b\n1,2\n3,0.5\n")
    x, y = read_csv(path, "none")
    assert (x.tolist(), y) == ([[1, 2], [3, 0.5]], None)
    path.write_text("a\n1\n")
    assert read_csv(path, "none")[0].tolist() == [[1]]
    assert refusal(path, "a,b\n1,x\n", label="none").where == f"{path}:2:b"
    for label in (None, "none"):
        fault = refusal(path, "a,none\n1,2\n", label=label)
        assert fault.cause.startswith("a column is named `none`")
    path.write_text("none,b\n1,0\n")
    assert read_csv(path)[0].tolist() == [[1]]


def test_a_fault_far_down_has_its_own_line(path: Path) -> None:
    good = "a,b\n" + "1,0\n" * 55_000
    assert refusal(path, good + "x,0\n" + "1,0\n" * 10).where == f"{path}:55002:a"
    assert refusal(path, good + "1\n" + "1,0\n" * 10).where == f"{path}:55002"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_wide_encodings(path: Path, encoding: str) -> None:
    fault = refusal(path, "a,b\n1,0\n".encode(encoding))
    assert fault.where == f"{path}:1"
    assert "CSV file in UTF-8" in fault.mend


def test_bytes_that_are_not_utf8_have_a_line(path: Path) -> None:
    content = b"a,b\n" + b"1,x\n" * 5000 + "1,é\n".encode("latin-1") + b"1,x\n"
    fault = refusal(path, content)
    assert fault.cause.startswith("this is not UTF-8 text (")
    assert fault.where == f"{path}:5002"


def test_a_long_cell_is_cut_in_the_message(path: Path) -> None:
    assert len(str(refusal(path, f"a,b\n{'z' * 10_000},0\n"))) < 400 + len(str(path))
    # Of more characters than csv.field_size_limit(), which other libraries of a process raise.
    longer = refusal(path, f"a,b\n{'z' * 200_000},0\n")
    assert longer.where in (f"{path}:2", f"{path}:2:a")
    assert len(str(longer)) < 400 + len(str(path))


@any_folder
@given(text=st.text(st.sampled_from('ab,;"\n\r 01.e-\0é'), max_size=40))
def test_any_text_is_read_or_refused(path: Path, text: str) -> None:
    path.write_bytes(text.encode())
    try:
        x, y = read_csv(path)
    except DataError as fault:
        assert fault.where.startswith(str(path))  # noqa: PT017
    else:
        assert len(x) == len(y) > 0
        assert np.isfinite(x).all()


@any_folder
@given(content=st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(path: Path, content: bytes) -> None:
    path.write_bytes(b"a,b\n" + content)
    try:
        x, _ = read_csv(path)
    except DataError as fault:
        assert fault.where.startswith(str(path))  # noqa: PT017
    else:
        assert x.shape[1] == 1
