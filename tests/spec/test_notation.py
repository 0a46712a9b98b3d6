"""The paper's notation."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sed2.blocks.dense import Dense
from sed2.errors import SpecError
from sed2.spec.notation import looks_like_notation, parse


def test_the_papers_network() -> None:
    model = parse("MLP 54-16-7")
    assert model.name == "MLP 54-16-7"
    assert model.input_width == 54
    assert model.blocks == (
        Dense(features=16, bias=False, activation="relu"),
        Dense(features=7, bias=False, activation="none"),
    )


@pytest.mark.parametrize(
    ("text", "parameters"),
    [("MLP 54-16-7", 976), ("MLP 54-13-11-9-7", 1007), ("MLP 54-10-2-10-25-7", 1005)],
)
def test_parameter_counts_of_the_paper(text: str, parameters: int) -> None:
    model = parse(text)
    width, count = model.input_width, 0
    for block in model.blocks:
        count += block.parameter_count((width,))
        (width,) = block.output_shape((width,))
    assert count == parameters


def test_one_block_is_linear() -> None:
    assert parse("MLP 54-7").blocks == (Dense(features=7, bias=False),)


@pytest.mark.parametrize(
    "text", ["mlp 54-16-7", "  MLP   54-16-7 ", "Mlp 54 - 16 -7", "MLP\t54-16-7", "MLP 54–16–7"]
)
def test_case_and_spaces_do_not_matter(text: str) -> None:
    assert parse(text) == parse("MLP 54-16-7")


def test_leading_zeros_do_not_name_another_model() -> None:
    assert parse("MLP 054-16-7") == parse("MLP 54-16-7")


def test_huge_widths_allocate_nothing() -> None:
    model = parse("MLP 4000000000-4000000000-7")
    assert model.input_width == 4_000_000_000
    assert model.blocks[0].parameter_count((model.input_width,)) == 16 * 10**18


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("MLP 54", "`MLP 54` needs at least two widths"),
        ("MLP", "needs at least two widths"),
        ("MLP 54--7", "a width is missing in `MLP 54--7`"),
        ("MLP 54-16-", "a width is missing"),
        ("MLP -54-16", "a width is missing"),
        ("MLP 54-0-7", "`0` in `MLP 54-0-7` is no width"),
        ("MLP 54-x-7", "`x` in `MLP 54-x-7` is no width"),
        ("MLP 54-1.5-7", "`1.5` in"),
        ("MLP 54-1e3-7", "`1e3` in"),
        ("MLP 54-٣-7", "is no width"),
        ("MLP 54 16 7", "`54 16 7` in"),
        (f"MLP 54-{'9' * 5000}-7", "is no width"),
        ("MPL 54-16-7", "`MPL` is no family"),
        ("", "empty"),
        ("  ", "empty"),
        ("CNN 7-5", "has no `|`"),
        ("CNN 7-5|10", "needs a dense block after its 10 channels"),
        ("CNN 7-|10-50", "a width is missing in `CNN 7-|10-50`"),
        ("CNN 7-5|10-x", "`x` in `CNN 7-5|10-x` is no width"),
    ],
)
def test_refusals_show_an_example(text: str, cause: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(text)
    assert cause in caught.value.cause
    assert len(caught.value.cause) < 250
    assert "Write for example `" in caught.value.mend


def test_the_nearest_family_is_named() -> None:
    with pytest.raises(SpecError, match="Did you mean `MLP`"):
        parse("MPL 54-16-7")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MLP 54-16-7", True),
        (" mlp 54", True),
        ("MPL 54-16-7", True),
        ("CNN 7-5|10-50", True),
        ("MLP x-7", True),
        ("MLP", True),
        ("models.yaml", False),
        ("MLP 54-16-7.yaml", False),
        ("MLP 1.YML", False),
        ("configs/mlps", False),
        ("my models", False),
        ("", False),
        ("a\x00", False),
        ("x" * 10_000, False),
    ],
)
def test_notation_is_told_from_a_path(text: str, expected: bool) -> None:
    assert looks_like_notation(text) is expected


def test_an_existing_file_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert looks_like_notation("MLP 54-16-7")
    Path("MLP 54-16-7").write_text("models: [MLP 2-1]")
    assert not looks_like_notation("MLP 54-16-7")


@hypothesis_settings(deadline=None)
@given(st.lists(st.integers(1, 10**12), min_size=2, max_size=8))
def test_the_name_reads_back_as_the_same_model(widths: list[int]) -> None:
    model = parse(f"mlp {' - '.join(map(str, widths))}")
    assert parse(model.name) == model
    assert [model.input_width, *(block.features for block in model.blocks)] == widths  # type: ignore[attr-defined]


@hypothesis_settings(deadline=None)
@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        mend_or_blocks: object = parse(f"MLP {text}").blocks
    except SpecError as error:
        mend_or_blocks = error.mend
    assert mend_or_blocks
