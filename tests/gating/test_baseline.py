"""The file of the baseline: what it holds, what is refused, and that it is the same bytes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sed2.errors import NumericsError, UsageError
from sed2.gating.baseline import (
    BaselineData,
    compared_settings,
    differences,
    make_baseline,
    read_baseline,
    to_text,
)
from tests.gating.made import HASH, SETTINGS, made_baseline, made_stored
from tests.report.made import made_replicates, made_result

DATA = BaselineData(files_sha256=None, input_shape=(54,), inputs=100, name="made", sha256=HASH)


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    baseline, path = made_baseline(), tmp_path / "b.json"
    path.write_text(to_text(baseline))
    assert read_baseline(path) == baseline


def test_the_text_is_sorted_short_and_ends_with_a_newline() -> None:
    text = to_text(made_baseline())
    assert text.endswith("}\n")
    assert '"inputs": [0.5, -0.5]' in text
    document = json.loads(text)
    assert text == to_text(made_baseline())
    assert list(document["models"]) == ["a", "b"]
    assert list(document["settings"]) == sorted(document["settings"])


@pytest.mark.parametrize("name", ["a [\\n 1,\\n 2]", "[ 1,  2 ]", "Größe\u2028x", '"', "\\"])
def test_no_name_is_mistaken_for_a_list(tmp_path: Path, name: str) -> None:
    baseline = made_baseline({name: made_stored()})
    (tmp_path / "b.json").write_text(to_text(baseline), encoding="utf-8")
    assert read_baseline(tmp_path / "b.json") == baseline


def test_settings_that_models_share_are_kept_once() -> None:
    other = SETTINGS.model_copy(update={"sigma": 0.5})
    result = replace(made_result("a", eps=(0.1,)), replicates=made_replicates(1))
    provenance = replace(result.provenance, spec_sha256=HASH)
    results = [replace(result, provenance=provenance)]
    found = make_baseline(
        [results], {"b": made_stored()}, DATA, {"a": SETTINGS, "b": other}, {"jax": "1"}
    )
    assert "sigma" not in found.settings
    assert (found.models["a"].settings, found.models["b"].settings) == (
        {"sigma": "limit"},
        {"sigma": 0.5},
    )
    assert found.settings_of("b") == compared_settings(other)


@pytest.mark.parametrize(
    ("eps", "told"), [((0.1, 0.2, 0.3, 0.4), "0.1:0.4 (4 points)"), ((0.1, 0.2), "[0.1, 0.2]")]
)
def test_a_grid_is_told_by_its_ends(eps: tuple[float, ...], told: str) -> None:
    now = SETTINGS.model_copy(update={"eps": eps})
    assert differences(made_baseline(), "a", now) == [f"`eps` was [0.1] and is {told}"]


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_a_score_without_ratios_makes_no_baseline(value: float) -> None:
    result = replace(made_result("a", value=value, eps=(0.1,)), replicates=made_replicates(1))
    with pytest.raises(NumericsError, match="no ratio"):
        make_baseline([[result]], {}, DATA, {"a": SETTINGS}, {})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("eps", (0.2,)),
        ("zeta", 0.5),
        ("seed", 1),
        ("prior", "init"),
        ("estimator", "smc"),
        ("fisher", "empirical"),
        ("samples", 50),
        ("draws", 50),
        ("sigma", 1.0),
        ("n_train", 1000),
        ("chain", "end-to-end"),
    ],
)
def test_what_differs_is_named(field: str, value: object) -> None:
    now = SETTINGS.model_copy(update={field: value})
    (found,) = differences(made_baseline(), "a", now)
    assert found.startswith(f"`{field}` was ")
    assert " and is " in found


@pytest.mark.parametrize(
    ("field", "value"),
    [("dataset", "x.csv"), ("label", "y"), ("standardize", True), ("memory_gb", 2.5)],
)
def test_data_and_memory_are_told_by_other_means(field: str, value: object) -> None:
    now = SETTINGS.model_copy(update={field: value})
    assert differences(made_baseline(), "a", now) == []


def test_a_setting_that_an_older_version_did_not_have_is_its_default() -> None:
    baseline = made_baseline()
    baseline.settings.pop("probes")
    assert differences(baseline, "a", SETTINGS) == []
    assert differences(baseline, "a", SETTINGS.model_copy(update={"probes": 9}))


def test_a_setting_that_is_no_more_differs() -> None:
    baseline = made_baseline()
    baseline.settings["old"] = 1
    assert differences(baseline, "a", SETTINGS) == ["`old` was 1 and is null"]


def text_with(**changes: object) -> str:
    document = json.loads(to_text(made_baseline()))
    document.update(changes)
    return json.dumps(document)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "ends early"),
        (to_text(made_baseline())[:300], "ends early"),
        ("<<<<<<< HEAD\n{}", "b.json:1:1"),
        ("[]", "should be an object"),
        ("{}", "`data`"),
        ('{"models": {}, "models": {}}', "`models` is there twice"),
        (text_with(models={}), "`models`"),
        (text_with(schema_version=2), "`schema_version`"),
        (text_with(extra=1), "`extra`"),
        (to_text(made_baseline()).replace("99.0", "0.0"), "greater than 0"),
        (to_text(made_baseline()).replace("99.0", "null"), "valid number"),
        (to_text(made_baseline()).replace("99.0", "NaN"), "baseline"),
        (to_text(made_baseline()).replace('"draws": 1.0', '"draws": -1.0'), "greater than or"),
        ("[" * 100_000, "baseline"),
        ("models:\n  - MLP 54-16-7\n", "b.json:1:1"),
    ],
)
def test_what_is_not_whole_is_refused_with_its_place(tmp_path: Path, text: str, cause: str) -> None:
    path = tmp_path / "b.json"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_baseline(path)
    assert cause in str(caught.value)
    assert "this is no whole baseline of sed2" in str(caught.value)
    assert "update" in caught.value.mend


def test_half_of_a_baseline_is_none(tmp_path: Path) -> None:
    path, whole = tmp_path / "b.json", to_text(made_baseline()).rstrip()
    for length in range(0, len(whole), 7):
        path.write_text(whole[:length])
        with pytest.raises(UsageError, match="no whole baseline"):
            read_baseline(path)


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"\xff\xfe")
    for path, cause in (
        (tmp_path / "none.json", "there is no baseline"),
        (tmp_path, "cannot be read"),
        (tmp_path / "latin", "not UTF-8"),
        (Path("\0"), "cannot be read"),
    ):
        with pytest.raises(UsageError, match=cause):
            read_baseline(path)


WHOLE = to_text(made_baseline()).encode()


@hypothesis_settings(max_examples=200, deadline=None)
@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_a_flipped_byte_is_read_or_refused_but_never_a_defect(
    tmp_path_factory: pytest.TempPathFactory, place: int, flip: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "flipped.json"
    path.write_bytes(WHOLE[:place] + bytes([WHOLE[place] ^ flip]) + WHOLE[place + 1 :])
    try:
        found = read_baseline(path)
    except UsageError:
        return
    assert all(value > 0 for model in found.models.values() for value in model.score.batches)


@pytest.mark.parametrize("eps", [["a", "b", "c"], [None, 1, {}], [[], [], []], [1, 2, 10**400]])
def test_a_grid_of_other_things_differs(eps: list[object]) -> None:
    old = made_baseline()
    old = old.model_copy(update={"settings": old.settings | {"eps": eps}})
    (told,) = differences(old, "a", SETTINGS)
    assert told.startswith("`eps` was ")


@pytest.mark.parametrize(
    ("key", "value"), [("batches", [1e308]), ("inputs", [-1e308]), ("draws", 1e101)]
)
def test_numbers_whose_sums_overflow_are_refused_by_their_key(
    tmp_path: Path, key: str, value: object
) -> None:
    document = json.loads(to_text(made_baseline()))
    document["models"]["a"]["score"][key] = value
    path = tmp_path / "b.json"
    path.write_text(json.dumps(document))
    with pytest.raises(UsageError, match=rf"`models\.a\.score\.{key}"):
        read_baseline(path)
