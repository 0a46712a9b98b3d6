"""The YAML loader: values, places, and everything it refuses."""

from __future__ import annotations

import json
import math
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sed2.errors import ExitCode, SpecError
from sed2.spec.yaml import MAX_BYTES, MAX_DEPTH, MAX_VALUES, load, loads

SOURCE = "f.yaml"


def refusal(text: str) -> SpecError:
    with pytest.raises(SpecError) as caught:
        loads(text, SOURCE)
    assert caught.value.exit_code is ExitCode.USAGE
    return caught.value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("1.0E5", 1e5),
        ("1E+5", 1e5),
        ("-2.5e-3", -2.5e-3),
        (".5", 0.5),
        ("5.", 5.0),
        (".inf", math.inf),
        ("-.Inf", -math.inf),
        ("1e999", math.inf),
        ("0", 0),
        ("-7", -7),
        ("4000000000", 4_000_000_000),
        ("true", True),
        ("TRUE", True),
        ("False", False),
        ("off", "off"),
        ("on", "on"),
        ("yes", "yes"),
        ("No", "No"),
        ("y", "y"),
        ("~", None),
        ("null", None),
        ("", None),
        ("010", "010"),
        ("1:30", "1:30"),
        ("1_000", "1_000"),
        ("0x1F", "0x1F"),
        ("2024-01-01", "2024-01-01"),
        ("1e-3:1e-1", "1e-3:1e-1"),
        ("'1e-3'", "1e-3"),
        ('"true"', "true"),
        ("'null'", "null"),
        ("MLP 54-16-7", "MLP 54-16-7"),
        ("=", "="),
    ],
)
def test_scalars(text: str, value: object) -> None:
    found = loads(f"a: {text}", SOURCE).data["a"]
    assert found == value
    assert type(found) is type(value)


def test_nan_is_a_number() -> None:
    assert math.isnan(loads("a: .nan", SOURCE).data["a"])


def test_places_of_values_and_keys() -> None:
    document = loads("# c\nmodels:\n  - name: x\n    blocks:\n    - dense: {features: 0}\n", SOURCE)
    route = ("models", 0, "blocks", 0, "dense", "features")
    assert document.locate(()) == "f.yaml:2:1"
    assert document.locate(route) == "f.yaml:5:25"
    assert document.locate(route, key=True) == "f.yaml:5:15"
    assert document.locate(("models", 0, "name")) == "f.yaml:3:11"
    assert document.locate(("models", 0, "name"), key=True) == "f.yaml:3:5"


@pytest.mark.parametrize("key", [True, False])
def test_a_missing_value_is_placed_at_its_parent(key: bool) -> None:
    document = loads("models:\n  - dense: {}\n", SOURCE)
    assert document.locate(("models", 0, "dense", "features"), key=key) == "f.yaml:2:12"
    assert document.locate(("models", 5, "x"), key=key) == "f.yaml:2:3"
    assert document.locate(("nothing",), key=key) == "f.yaml:1:1"


@pytest.mark.parametrize(
    ("text", "where", "cause"),
    [
        ("a: 1\nb:\n  c: 1\n  c: 2\n", "f.yaml:4:3", "`c` is repeated; it stands at f.yaml:3:3"),
        ("a: 1\n'a': 2\n", "f.yaml:2:1", "`a` is repeated"),
        ("a:\n  1: x", "f.yaml:2:3", "`1` is not"),
        ("true: x", "f.yaml:1:1", "`true` is not"),
        ("null: x", "f.yaml:1:1", "`null` is not"),
        ("? [a]\n: 1", "f.yaml:1:3", "a key has to be text"),
        ("a: !!python/object/apply:os.system [ls]", "f.yaml:1:4", "the tag"),
        ("a:\n  - !foo 1", "f.yaml:2:5", "the tag '!foo'"),
        ("a: !!str 1", "f.yaml:1:4", "the tag"),
        ("a: ! 1", "f.yaml:1:4", "the tag '!'"),
        ("!!map {a: 1}", "f.yaml:1:1", "the tag"),
        ("a: !e!x 1", "f.yaml:1:4", "tags are not supported"),
        ("x: &x {a: 1}\ny:\n  <<: *x", "f.yaml:3:3", "merge keys"),
        ("a: &a [*a]", "f.yaml:1:4", "alias (`*name`) to itself"),
        ("a: &a {b: {c: *a}}", "f.yaml:1:4", "alias (`*name`) to itself"),
        ("a: *b", "f.yaml:1:4", "no anchor"),
        ("a: 1\n---\nb: 1\n", "f.yaml:2:1", "second document"),
        ("", "f.yaml:1:1", "empty"),
        ("# nothing\n", "f.yaml:1:1", "empty"),
        ("---\n", "f.yaml:1:1", "empty"),
        ("a: 1\nb: \x00\n", "f.yaml:2:4", "U+0000"),
        ("a: \x07", "f.yaml:1:4", "U+0007"),
        ("a: \ud800", "f.yaml:1:4", "U+D800"),
        ('a: "\\ud800"', "f.yaml:1:4", "surrogate"),
        ('a: "\\UFFFFFFFF"', "f.yaml:1:7", "not valid YAML"),
        ("a: [1, 2", "f.yaml:1:9", "not closed"),
        ('a: "x', "f.yaml:1:6", "not closed"),
        ("a:\n\tb: 1", "f.yaml:2:1", "tab"),
        ("a: b: c", "f.yaml:1:5", "a `:` stands where no key can stand"),
        ("- a\nb: 1", "f.yaml:2:1", "indentation"),
        ("a: 1\nb\nc: 2", "f.yaml:3:1", "no `:`"),
        (f"a: {'9' * 5000}", "f.yaml:1:4", "digits"),
        ("%YAML 9.9\n---\na: 1", "f.yaml:1:1", "not valid YAML"),
    ],
)
def test_refusals_name_the_place_and_the_cause(text: str, where: str, cause: str) -> None:
    error = refusal(text)
    assert error.where == where
    assert cause in error.cause


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "{a: " * 50_000,
        "- " * 100_000 + "a",
        "\n".join(" " * i + "a:" for i in range(500)),
    ],
    ids=["lists", "mappings", "dashes", "blocks"],
)
def test_deep_nests_are_refused(text: str) -> None:
    assert f"nested more than {MAX_DEPTH} deep" in refusal(text).cause


def test_depth_counts_aliases() -> None:
    nest, close = "[" * 40, "]" * 40
    error = refusal(f"a: &a {nest}1{close}\nb: {nest}*a{close}")
    assert "deep" in error.cause


def test_the_greatest_depth_is_allowed() -> None:
    loads("[" * (MAX_DEPTH - 1) + "1" + "]" * (MAX_DEPTH - 1), SOURCE)
    assert "deep" in refusal("[" * MAX_DEPTH + "1" + "]" * MAX_DEPTH).cause


def test_aliases_are_expanded() -> None:
    assert loads("a: &a [1, x]\nb: *a\nc: [*a]", SOURCE).data["c"] == [[1, "x"]]


def test_aliases_cannot_blow_up_memory() -> None:
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    tracemalloc.start()
    error = refusal("\n".join(lines))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert f"more than {MAX_VALUES:,} values" in error.cause
    assert error.where.startswith("f.yaml:")
    assert peak < 50e6


def test_the_number_of_values_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sed2.spec.yaml.MAX_VALUES", 100)
    assert loads(f"[{'a,' * 98}]", SOURCE).data == ["a"] * 98
    assert "more than 100 values" in refusal(f"[{'a,' * 101}]").cause
    assert "more than 100 values" in refusal("[" + "a," * 500).cause  # before its end is missed


def test_too_large_a_text_is_refused(tmp_path: Path) -> None:
    assert "larger than 1 MiB" in refusal("a" * (MAX_BYTES + 1)).cause
    assert "larger than 1 MiB" in refusal("é" * (MAX_BYTES // 2 + 1)).cause
    path = tmp_path / "big.yaml"
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(SpecError, match="larger than 1 MiB"):
        load(path)


def test_a_byte_order_mark_moves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "bom.yaml"
    path.write_bytes("\ufeffa: 1\n".encode())
    document = load(path)
    assert document.data == {"a": 1}
    assert document.locate(("a",)) == f"{path}:1:4"


def test_windows_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "crlf.yaml"
    path.write_bytes(b"a: 1\r\nb: 2\r\n")
    document = load(path)
    assert document.data == {"a": 1, "b": 2}
    assert document.locate(("b",)) == f"{path}:2:4"


@pytest.mark.parametrize(
    ("raw", "place"),
    [(b"a: 1\nb: \xff\n", "2:4"), (b"a: \xe9", "1:4"), ("a: 1".encode("utf-16"), "1:1")],
)
def test_not_utf8(tmp_path: Path, raw: bytes, place: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(raw)
    with pytest.raises(SpecError, match="not UTF-8") as caught:
        load(path)
    assert caught.value.where == f"{path}:{place}"


def test_a_missing_file_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text("a: 1")
    with pytest.raises(SpecError, match="there is no file") as caught:
        load(tmp_path / "modles.yaml")
    assert "Did you mean `models.yaml`?" in caught.value.mend
    assert "MLP 54-16-7" in caught.value.mend
    assert caught.value.exit_code is ExitCode.USAGE


def test_a_missing_folder() -> None:
    with pytest.raises(SpecError, match="there is no file") as caught:
        load(Path("/nowhere/at/all.yaml"))
    assert "MLP 54-16-7" in caught.value.mend


def test_a_folder_lists_its_files(tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text("a: 1")
    with pytest.raises(SpecError, match="is a folder") as caught:
        load(tmp_path)
    assert "models.yaml" in caught.value.mend


@pytest.mark.parametrize("name", ["a\x00b.yaml", "a" * 5000 + ".yaml", "file.yaml/inner.yaml"])
def test_paths_that_cannot_be_opened(tmp_path: Path, name: str) -> None:
    (tmp_path / "file.yaml").write_text("a: 1")
    with pytest.raises(SpecError, match="cannot be read"):
        load(tmp_path / name)


@hypothesis_settings(deadline=None)
@given(st.text() | st.text(alphabet="ab1:-[]{},&*!|>'\"%@\\#? \n\t~<=.", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        document = loads(text, SOURCE)
        where = document.locate(())
        json.dumps(document.data)
    except SpecError as error:
        where = error.where
    assert where.startswith(f"{SOURCE}:")


@hypothesis_settings(deadline=None)
@given(st.binary())
def test_any_bytes_are_read_or_refused(tmp_path_factory: Any, raw: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(raw)
    try:
        where = load(path).locate(())
    except SpecError as error:
        where = error.where
    assert where.startswith(f"{path}:")


_text = st.text(st.characters(exclude_categories=("Cc", "Cs", "Cn", "Zl", "Zp")), max_size=20)
_finite = st.floats(allow_nan=False, allow_infinity=False)
_leaf = st.none() | st.booleans() | st.integers(-(10**90), 10**90) | _finite | _text
_nested = st.recursive(
    _leaf, lambda inner: st.lists(inner) | st.dictionaries(_text, inner), max_leaves=8
)


@hypothesis_settings(deadline=None)
@given(st.dictionaries(_text, _nested, min_size=1))
def test_json_is_read_as_it_is(value: Any) -> None:
    assert loads(json.dumps(value, ensure_ascii=False), SOURCE).data == value


_word = st.from_regex(r"[a-z]{1,8}( [a-z]{1,8})?", fullmatch=True)
_plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _word,
    lambda inner: st.lists(inner) | st.dictionaries(_word, inner),
    max_leaves=8,
)


@hypothesis_settings(deadline=None)
@given(st.dictionaries(_word, _plain, min_size=1), st.sampled_from([None, True, False]))
def test_what_pyyaml_writes_is_read_back(value: Any, flow: bool | None) -> None:
    text = yaml.safe_dump(value, default_flow_style=flow)
    assert loads(text, SOURCE).data == value


@pytest.mark.parametrize(
    ("text", "read"),
    [(r"\ud83d\ude00", "😀"), (r"a\uD83D\uDE00b\ud83d\ude00", "a😀b😀"), (r"\U0001F600", "😀")],
)
def test_both_halves_of_a_surrogate_pair_are_a_character(text: str, read: str) -> None:
    assert loads(f'a: "{text}"', "f.yaml").data == {"a": read}
    assert loads(f'"{text}": 1', "f.yaml").data == {read: 1}


@pytest.mark.parametrize("text", [r"\ud83d", r"\ude00\ud83d", r"\ud83d\ud83d\ude00", r"\ude00x"])
def test_half_of_a_surrogate_pair_is_none(text: str) -> None:
    with pytest.raises(SpecError, match=r"f\.yaml:1:4: a text holds half of a surrogate pair"):
        loads(f'a: "{text}"', "f.yaml")
