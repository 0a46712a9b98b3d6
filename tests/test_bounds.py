"""Small inputs that ask for huge work: refused by their bounds, which docs/reference/contract.md
states. Here bounds are lowered, and nothing is large."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from sed2.common import files
from sed2.data import csv_file
from sed2.data.cifar_pickle import parse_pickle
from sed2.data.load import load_dataset
from sed2.errors import DataError, SpecError, UsageError, shown
from sed2.report.documents import stored
from sed2.runs import manifest
from sed2.runs.codec import Unreadable, from_bytes, to_bytes
from sed2.runs.store import Store
from sed2.settings import MAX_POINTS, parse_eps
from sed2.spec import notation, schema, sweep, yaml
from sed2.spec.schema import load_spec

DOCS = (Path(__file__).parents[1] / "docs/reference/contract.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("bound", "unit"),
    [
        (notation.MAX_LENGTH, "characters of a notation"),
        (notation.MAX_BLOCKS, "widths of a notation"),
        (schema.MAX_BLOCKS, "blocks of all models"),
        (schema.MAX_NAME, "characters of a name"),
        (yaml.MAX_VALUES, "values of a YAML file"),
        (files.MAX_DOCUMENT, "bytes of a stored result"),
        (csv_file.MAX_LINE, "bytes of a line of a `.csv`"),
        (csv_file.MAX_UNPACKED, "bytes of a `.csv.gz`"),
        (yaml.MAX_KEYS, "keys of one mapping of a YAML file"),
        (MAX_POINTS, "points of `eps`"),
        (sweep.MAX_CANDIDATES, "candidates of the sweeps of a file"),
        (sweep.MAX_REPEATS, "repeats of a block of a sweep"),
    ],
)
def test_the_docs_state_the_bounds(bound: int, unit: str) -> None:
    assert f"| {unit}" in DOCS
    (line,) = (line for line in DOCS.splitlines() if line.startswith(f"| {unit}"))
    assert line.endswith(f"| {bound:,} |")


@pytest.mark.parametrize("text", ["MLP 54-3" + " " * 40 + "-7", "MLP 5-1-1-1-1", "CNN 3-3-3-3|4-2"])
def test_long_notation(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    notation.parse(text)
    monkeypatch.setattr(notation, "MAX_LENGTH", 30)
    monkeypatch.setattr(notation, "MAX_BLOCKS", 4)
    with pytest.raises(SpecError, match=r"a notation has (more than 4 widths|\d+ characters, but)"):
        notation.parse(text)


def test_spaces_around_dashes_are_not_looked_through_twice() -> None:
    assert notation.parse("MLP 54 -  3-\t7").name == "MLP 54-3-7"


def test_a_notation_repeated_by_aliases(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    entries = [
        "{name: a, notation: &n MLP 5-1-1-1}",
        *(f"{{name: {c}, notation: *n}}" for c in "bc"),
    ]
    path.write_text("models:\n" + "".join(f"  - {entry}\n" for entry in entries))
    assert len(load_spec(path).models) == 3
    monkeypatch.setattr(schema, "MAX_BLOCKS", 6)
    with pytest.raises(SpecError, match=r"s.yaml:4:5: the models have more than 6 blocks up to"):
        load_spec(path)


def test_long_names() -> None:
    models = [{"name": "x" * schema.MAX_NAME, "notation": "MLP 5-3"}]
    assert load_spec({"models": models}).models[0].name == models[0]["name"]
    models[0]["name"] += "x"
    with pytest.raises(SpecError, match="`name` must have at most 1,000 characters"):
        load_spec({"models": models})


@pytest.mark.parametrize("line", ["q{}: 1\n", "? q{}\n"])
def test_many_keys(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.setattr(yaml, "MAX_KEYS", 4)
    text = "models: [MLP 5-3]\n" + "".join(line.format(i) for i in range(4))
    with pytest.raises(SpecError, match=r"^f:5:\d+: a mapping has more than 4 keys"):
        yaml.loads(text, "f")
    assert len(yaml.loads("".join(line.format(i) for i in range(4)), "f").data) == 4


def test_large_documents(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(stored, "MAX_DOCUMENT", 100)
    monkeypatch.setattr(manifest, "MAX_DOCUMENT", 100)
    for path in (tmp_path / "a.json", tmp_path / manifest.NAME):
        path.write_bytes(b" " * 101)
    with pytest.raises(UsageError, match="it has more than 100 bytes"):
        stored.read_document(tmp_path / "a.json")
    with pytest.raises(UsageError, match="it has more than 100 bytes"):
        manifest.read_manifest(tmp_path)


def test_long_lines_of_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("a,b\n1,0\n")
    monkeypatch.setattr(csv_file, "MAX_LINE", 4)
    assert load_dataset(path).rows == 1
    for text in ("a,b\n" + "1" * 5, "a,b\n" + " " * 9, "\0" * 9):
        path.write_text(text)
        with pytest.raises(DataError, match=r"data.csv:\d: this line has more than 4 bytes"):
            load_dataset(path)


def test_a_stored_file_that_is_longer_than_it_says_is_not_read(tmp_path: Path) -> None:
    told: list[str] = []
    store = Store(tmp_path, told.append)
    store.save("results", "0" * 64, 0.1, float)
    with store.path("results", "0" * 64).open("r+b") as file:
        file.truncate(2**40)  # a hole, which no memory can hold
    assert store.load("results", "0" * 64, float) is None
    assert "is not as long as it should be" in told[0]


def test_no_message_is_longer_than_a_page() -> None:
    error = SpecError("x" * 20_000, mend="y", where="z")
    assert len(str(error)) == 10_000
    assert str(error).endswith("...")
    assert len(shown("x" * 20_000)) < 100


def test_many_points_of_eps() -> None:
    assert len(parse_eps(f"1e-3:1e-1:{MAX_POINTS}")) == MAX_POINTS
    for many in (f"1e-3:1e-1:{MAX_POINTS + 1}", list(np.linspace(0.1, 0.2, MAX_POINTS + 1))):
        with pytest.raises(ValueError, match="1,000"):
            parse_eps(many)


def _npy(shape: tuple[int, ...], length: int | None = None) -> bytes:
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}".encode()
    size = len(header) if length is None else length
    return b"\x93NUMPY\x02\0" + struct.pack("<I", size) + header


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (_npy((10, 10)), "array `x` announces 800 bytes, but has"),
        (_npy((1, 1), 10_001) + b" " * 10_001, "an array has a header of 10,001 bytes"),
    ],
)
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_arrays_that_announce_more_than_there_is(
    tmp_path: Path, content: bytes, reason: str, method: int
) -> None:
    with zipfile.ZipFile(tmp_path / "x.npz", "w", method) as archive:
        archive.writestr("x.npy", content)
    with pytest.raises(DataError, match=reason):
        load_dataset(tmp_path / "x.npz")


def test_a_shape_that_nests() -> None:
    """Each tuple holds the one before twice, so to write it out doubles the text each time."""
    doubling = b"h\x01h\x01\x86q\x01" * 20
    begin, end = b"\x80\x02}(U\x01x]()q\x01", b"U\x06labels](K\x00eu."
    array = b"cnumpy.core.multiarray\n_reconstruct\n)R(K\x01h\x01"
    dtype = b"cnumpy\ndtype\nU\x02u1\x85R\x89U\x01atb"
    batch = begin + doubling + b"eU\x04data" + array + dtype + end
    with pytest.raises(DataError, match="the shape of its data is none"):
        parse_pickle(batch)


def test_a_stored_result_that_is_packed() -> None:
    whole = to_bytes(np.zeros(9), np.ndarray)
    packed = io.BytesIO()
    old = zipfile.ZipFile(io.BytesIO(whole))
    with old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    from_bytes(whole, np.ndarray)
    with pytest.raises(Unreadable, match="it is packed, and may be of any size"):
        from_bytes(packed.getvalue(), np.ndarray)
