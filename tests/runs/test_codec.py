"""What is stored comes back to the last bit, and what is of another type is refused."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sed2.baselines.results import BaselineValue
from sed2.fisher.ways import Way
from sed2.measure.spectra import Spectra
from sed2.ranking.results import Ranking
from sed2.results import ModelResult
from sed2.runs.codec import Unreadable, from_bytes, to_bytes
from sed2.settings import Settings
from sed2.training.result import Training
from tests.cases import estimate_spec, gaussian_inputs, spectra
from tests.runs.made import assert_same, ranked


@dataclass(frozen=True)
class Part:
    number: float
    array: np.ndarray


@dataclass(frozen=True)
class Whole:
    name: str
    count: int
    flag: bool
    kind: Literal["a", "b"]
    pair: tuple[float, int]
    parts: tuple[Part, ...]
    maybe: np.ndarray | None
    by_name: Mapping[str, Part]


def whole(**other: Any) -> Whole:
    part = Part(0.1, np.array([[1.0, math.nan], [-0.0, math.inf]]))
    made = Whole("ü", 3, True, "a", (math.nan, 2), (part, part), None, {"x": part})
    return replace(made, **other)


@pytest.mark.parametrize("other", [{}, {"maybe": np.arange(3)}, {"parts": ()}, {"flag": False}])
def test_every_kind_of_field_comes_back(other: dict[str, Any]) -> None:
    value = whole(**other)
    assert_same(from_bytes(to_bytes(value, Whole), Whole), value)


@hypothesis_settings(deadline=None, max_examples=60)
@given(st.floats(), st.lists(st.floats(width=64), max_size=5))
def test_floats_come_back_to_the_last_bit(number: float, more: list[float]) -> None:
    found = from_bytes(to_bytes(Part(number, np.array(more, float)), Part), Part)
    assert found.number == number or (math.isnan(found.number) and math.isnan(number))
    assert found.array.tobytes() == np.array(more, float).tobytes()


def test_numpy_scalars_become_plain_numbers() -> None:
    found = from_bytes(to_bytes(whole(count=np.int64(3), flag=np.True_), Whole), Whole)
    assert_same(found, whole())


@pytest.mark.parametrize("settings", [{}, {"n_train": 1000, "zeta": 0.5}])
def test_results_come_back_to_the_last_bit(settings: dict[str, Any]) -> None:
    given_ = {"samples": 6, "draws": 4, "eps": "0.1", **settings}
    result = estimate_spec("MLP 3-2-2", gaussian_inputs(9, 3), **given_)
    found = from_bytes(to_bytes(result, ModelResult), ModelResult)
    assert_same(found.settings, result.settings)
    assert to_bytes(found, ModelResult) == to_bytes(result, ModelResult)
    for name in ("two_sed", "replicates", "eps", "plan", "provenance", "warnings"):
        assert_same(getattr(found, name), getattr(result, name))


def test_whole_rankings_come_back() -> None:
    ranking = ranked(
        None, "MLP 54-2-7", train=True, epochs=1, train_samples=64, train_seeds=1, baselines=True
    )
    found = from_bytes(to_bytes(ranking, Ranking), Ranking)
    assert to_bytes(found, Ranking) == to_bytes(ranking, Ranking)
    assert isinstance(found.models[0].training, Training)
    assert isinstance(found.models[0].baselines["synflow"], BaselineValue)
    assert_same(found.correlation, ranking.correlation)


def test_spectra_come_back() -> None:
    value = spectra(0)
    assert_same(from_bytes(to_bytes(value, Spectra), Spectra), value)


def test_the_same_value_is_the_same_bytes() -> None:
    assert to_bytes(whole(), Whole) == to_bytes(whole(), Whole)


def test_objects_are_not_pickled() -> None:
    with pytest.raises(TypeError, match="object cannot be stored"):
        to_bytes(Part(0.0, np.array([{}])), Part)


def changed(**by: Any) -> bytes:
    """The bytes of `whole` with other values in its document."""
    with np.load(io.BytesIO(to_bytes(whole(), Whole))) as archive:
        entries = {name: archive[name] for name in archive.files}
    document = json.loads(entries.pop("document").tobytes()) | by
    buffer = io.BytesIO()
    text = json.dumps(document).encode()
    np.savez(buffer, document=np.frombuffer(text, np.uint8), **entries)
    return buffer.getvalue()


def test_a_change_that_fits_is_taken() -> None:
    assert_same(from_bytes(changed(count=4), Whole), whole(count=4))


@pytest.mark.parametrize(
    "by",
    [
        {"name": 1},
        {"count": 3.0},
        {"count": True},
        {"flag": 1},
        {"kind": "c"},
        {"pair": [1.0]},
        {"pair": [1.0, 2.0]},
        {"pair": ["1", 2]},
        {"parts": None},
        {"parts": [{"number": 1.0}]},
        {"parts": [{"number": 1.0, "array": 3}]},
        {"parts": [{"number": 1.0, "array": -1}]},
        {"maybe": 0.0},
        {"by_name": []},
        {"more": 1},
        {"name": None},
    ],
)
def test_a_field_of_another_type_is_refused_by_its_name(by: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        from_bytes(changed(**by), Whole)


def test_a_field_with_a_default_must_be_there() -> None:
    way = Way("units", batch=1, samples=2, population=2)
    with np.load(io.BytesIO(to_bytes(way, Way))) as archive:
        document = json.loads(archive["document"].tobytes())
    for name in document:
        cut = {each: value for each, value in document.items() if each != name}
        buffer = io.BytesIO()
        np.savez(buffer, document=np.frombuffer(json.dumps(cut).encode(), np.uint8))
        with pytest.raises(Unreadable, match=name):
            from_bytes(buffer.getvalue(), Way)


def test_the_message_names_the_field() -> None:
    with pytest.raises(Unreadable, match=r"`parts\.0\.number` is x: .* valid number"):
        from_bytes(changed(parts=[{"number": "x", "array": 0}]), Whole)


def test_settings_that_are_not_allowed_are_refused() -> None:
    content = to_bytes(Settings(dataset="test"), Settings)
    assert from_bytes(content, Settings) == Settings(dataset="test")
    with pytest.raises(Unreadable, match=r"`draws` is -1: .* greater than or equal to 1"):
        from_bytes(to_bytes(Settings.model_construct(draws=-1), Settings), Settings)


def test_spectra_that_are_not_finite_are_refused() -> None:
    value = spectra(0)
    value.blocks[0].roots[0, 0, 0] = math.nan
    with pytest.raises(Unreadable, match="NumericsError"):
        from_bytes(to_bytes(value, Spectra), Spectra)


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"{}", to_bytes(whole(), Whole)[:-30]])
def test_bytes_of_another_kind_are_refused(content: bytes) -> None:
    with pytest.raises(Unreadable):
        from_bytes(content, Whole)


def test_another_type_is_refused() -> None:
    way = Way("units", batch=1, samples=2, population=2)
    with pytest.raises(Unreadable):
        from_bytes(to_bytes(way, Way), Whole)
