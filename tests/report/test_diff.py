"""Two results held against each other: what differs, by how much, and what does not compare."""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from rich.console import Console

from sed2.errors import UsageError
from sed2.gating.outcome import Status
from sed2.report.comparison import Comparison, compare
from sed2.report.documents.diff import diff_document
from sed2.report.documents.gate import gate_document
from sed2.report.documents.model import compute_document
from sed2.report.documents.ranking import rank_document
from sed2.report.documents.stored import Stored, read_document
from sed2.report.documents.text import to_json
from sed2.report.tables.diff import print_diff
from sed2.results import ModelResult
from tests.gating.made import made_gated
from tests.gating.made import made_result as made_gate
from tests.report.made import made_ranking, made_result

Keep = Callable[[dict[str, Any]], Stored]


@pytest.fixture
def keep(tmp_path: Path) -> Keep:
    """Write a document as `--json` does, and read it back."""

    def keep_it(document: dict[str, Any]) -> Stored:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.json"
        path.write_text(to_json(document))
        return read_document(path)

    return keep_it


def ranked(*results: ModelResult) -> dict[str, Any]:
    return rank_document(made_ranking(results))


def table(comparison: Comparison, width: int = 200) -> str:
    console = Console(file=io.StringIO(), width=width)
    print_diff(console, comparison)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def finite(document: Any) -> None:
    """No NaN, as JSON demands."""
    json.dumps(document, allow_nan=False)


def test_nothing_changed(keep: Keep) -> None:
    its = keep(ranked(made_result("a"), made_result("b")))
    comparison = compare(its, its)
    assert comparison.settings == comparison.provenance == ()
    assert comparison.added == comparison.missing == ()
    assert [model.score.value for model in comparison.models if model.score] == [0, 0]
    assert "Settings, data and versions are the same." in table(comparison)


def test_scores_differ_with_the_error_of_independent_results(keep: Keep) -> None:
    before = keep(ranked(made_result("a", value=100, error=3), made_result("b", value=90, error=3)))
    after = keep(ranked(made_result("b", value=101, error=4), made_result("a", value=109, error=4)))
    b, a = (model.score for model in compare(before, after).models)
    assert a
    assert b
    assert (b.value, b.std_error, b.beyond_chance) == (11, 5, True)  # 2.2 errors
    assert (a.value, a.std_error, a.beyond_chance) == (9, 5, False)  # 1.8 errors
    lines = table(compare(before, after)).splitlines()
    header = next(i for i, line in enumerate(lines) if line.startswith("model"))
    assert lines[header].split() == [
        *("model", "rank", "before", "after", "difference", "beyond", "chance"),
        *("architecture", "parameters"),
    ]
    b_row, a_row = (line.split() for line in lines[header + 2 : header + 4])
    assert b_row == [
        *("b", "2", "→", "1", "90.0", "101.0", "+11.0", "±", "5.0"),
        "yes",
        "same",
        "976",
    ]
    assert a_row[:4] == ["a", "1", "→", "2"]


def test_chance_is_exceeded_in_one_of_twenty(keep: Keep) -> None:
    """Of 1,000 pairs without a change 5% are marked: within 3.3 binomial standard errors, which a
    seed in 1,000 is not."""
    values = np.random.default_rng(0).normal(100, 2, size=(2, 1_000))
    before, after = (
        keep(ranked(*(made_result(f"{i}", value=value, error=2) for i, value in enumerate(each))))
        for each in values
    )
    found = [model.score.beyond_chance for model in compare(before, after).models if model.score]
    assert len(found) == 1_000
    assert 0.027 < np.mean(found) < 0.073


def test_settings_data_versions_and_architectures_that_differ_are_told(keep: Keep) -> None:
    one = made_result("a")
    other = made_result("a", parameters=1_001, sigma=0.5, samples=50)
    provenance = replace(one.provenance, jax="9", data_sha256="ef", spec_sha256="gh")
    comparison = compare(
        keep(ranked(one)), keep(ranked(replace(other, provenance=provenance, inputs=50)))
    )
    changed = {change.name: (change.before, change.after) for change in comparison.settings}
    assert changed == {"sigma": ("limit", 0.5), "samples": (100, 50), "inputs": (100, 50)}
    assert {change.name for change in comparison.provenance} == {"jax", "data_sha256"}
    assert comparison.models[0].same_spec is False
    text = table(comparison)
    assert "976 → 1,001" in text
    assert "changed" in text
    document = diff_document(comparison)
    assert document["settings"]["sigma"] == {"before": "limit", "after": 0.5}
    assert document["models"][0]["parameters"] == {"before": 976, "after": 1_001}


def test_models_come_and_go(keep: Keep) -> None:
    before = keep(ranked(made_result("a"), made_result("gone")))
    after = keep(ranked(made_result("new"), made_result("a")))
    comparison = compare(before, after)
    assert (comparison.added, comparison.missing) == (("new",), ("gone",))
    assert "added: new." in table(comparison)
    assert "missing: gone." in table(comparison)
    nothing = compare(keep(ranked(made_result("x"))), keep(ranked(made_result("y"))))
    assert "No model is in both." in table(nothing)


def test_other_grids_compare_at_the_eps_in_common(keep: Keep) -> None:
    before = keep(ranked(made_result("a", value=10, error=3, eps=(0.001, 0.01, 0.1))))
    close = 0.1 * (1 + 1e-14)
    after = keep(ranked(made_result("a", value=30, error=4, eps=(0.01, 0.05, close))))
    comparison = compare(before, after)
    (model,) = comparison.models
    assert comparison.eps == (0.01, close)
    assert not comparison.scores_compare
    assert model.score is None
    assert [(point.value, point.std_error) for point in model.curve] == [(20, 5), (20, 5)]
    text = table(comparison)
    assert "do not compare" in text
    assert "2 eps in common" in text
    assert text.count("+20.0 ± 5.0 *") == 2
    assert diff_document(comparison)["models"][0]["score"] is None


def test_grids_with_nothing_in_common_do_not_compare(keep: Keep) -> None:
    before, after = (keep(ranked(made_result("a", eps=[eps]))) for eps in (0.1, 0.2))
    assert "nothing compares" in table(compare(before, after))


@pytest.mark.parametrize(
    ("one", "other", "compares"),
    [
        ({}, {}, True),
        ({"n_train": 100}, {"n_train": 100}, True),
        ({"n_train": 100}, {"n_train": 200}, False),
        ({"n_train": 100}, {}, False),
    ],
)
def test_scores_compare_at_the_same_eps_alone(
    keep: Keep, one: dict[str, Any], other: dict[str, Any], compares: bool
) -> None:
    before, after = (keep(ranked(made_result("a", **its))) for its in (one, other))
    assert compare(before, after).scores_compare is compares


def test_lower_estimates_of_other_sizes_do_not_compare(keep: Keep) -> None:
    def made(draws: int, *, lower: bool) -> Stored:
        return keep(ranked(made_result("a", value=draws, lower_estimate=lower, draws=draws)))

    for before, after, beyond in (
        (made(100, lower=True), made(100, lower=True), False),
        (made(100, lower=True), made(900, lower=True), None),
        (made(100, lower=True), made(900, lower=False), None),
        (made(100, lower=False), made(900, lower=False), True),
    ):
        comparison = compare(before, after)
        (model,) = comparison.models
        assert model.score
        assert model.score.beyond_chance is beyond
        assert ("do not compare: these alone" in table(comparison)) is (beyond is None)


def test_what_is_undefined_stays_so(keep: Keep) -> None:
    before = keep(ranked(made_result("a", error=math.nan), made_result("b", value=math.nan)))
    after = keep(ranked(made_result("a", error=3), made_result("b", value=3)))
    comparison = compare(before, after)
    a, b = (model.score for model in comparison.models)
    assert a
    assert b
    assert (a.value, a.std_error, a.beyond_chance) == (0, None, None)
    assert (b.value, b.beyond_chance) == (None, None)
    finite(diff_document(comparison))
    assert "nan" not in table(comparison)


def test_two_computed_models_compare_whatever_their_names(keep: Keep) -> None:
    before, after = (
        keep(compute_document(made_result(name, value=value)))
        for name, value in (("a", 1), ("b", 2))
    )
    comparison = compare(before, after)
    assert [model.name for model in comparison.models] == ["a → b"]
    assert comparison.added == comparison.missing == ()
    assert "a → b" in table(comparison)


def test_gates_compare_by_their_verdicts(keep: Keep) -> None:
    before, after = (
        keep(gate_document(made_gate([made_gated("a", status)])))
        for status in (Status.PASSED, Status.FAILED)
    )
    comparison = compare(before, after)
    assert "passed → failed" in table(comparison)
    assert comparison.models[0].same_spec is None


def test_commands_are_not_mixed(keep: Keep) -> None:
    with pytest.raises(UsageError, match=r"of `sed2 rank` and .* of `sed2 compute`"):
        compare(keep(ranked(made_result("a"))), keep(compute_document(made_result("a"))))


def test_a_narrow_terminal_cuts_nothing(keep: Keep) -> None:
    name = "a name of many words that is far longer than the terminal is wide"
    its = keep(ranked(made_result(name), made_result("b")))
    text = table(compare(its, its), width=60)
    assert max(map(len, text.splitlines())) <= 60
    assert "Left out at this width" in text
    assert "".join(text.split()).count("widerthan") == 0
    assert "terminal" in text


def refused(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read_document(path)
    assert caught.value.mend
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ":1:1: .*it ends early"),
        (b'{\n  "models": [1,, 2]}', ":2:16: .*Expecting value"),
        (b"\xff\xfe", "it is not UTF-8 text"),
        (b"[1, 2]", "it has not the keys of one"),
        (b'{"models": [], "crossings": []}', "its schema_version is None, not 1"),
        (b'{"eps": NaN}', "`NaN` is no number of JSON"),
        (b"[" * 100_000, "recursion"),
    ],
)
def test_what_is_no_document_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    assert re.search(words, refused(tmp_path / "x.json", content))


def changed(path: Sequence[str | int], value: Any) -> bytes:
    """A document of `rank` in which one place holds something else."""
    document = json.loads(to_json(ranked(made_result("a"), made_result("b"))))
    part = document
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (["eps"], [0.1, 0.01, 0.001], "`eps` does not ascend"),
        (["eps"], [0.1], "has not as many points as `eps`"),
        (["models"], [], "it holds no model"),
        (["models", 0, "name"], "b", "two of one name"),
        (["models", 1, "score"], "high", "`models.1.score`"),
        (["models", 1, "lower_two_sed", "scatter", 2], True, "`models.1.lower_two_sed.scatter.2`"),
        (["provenance"], None, "`provenance`"),
        (["schema_version"], 2, "its schema_version is 2, not 1"),
    ],
)
def test_a_damaged_document_is_refused_with_the_place(
    tmp_path: Path, path: Sequence[str | int], value: Any, words: str
) -> None:
    assert words in refused(tmp_path / "x.json", changed(path, value))


def test_a_file_that_is_cut_is_refused_wherever_it_is_cut(tmp_path: Path) -> None:
    whole = to_json(ranked(made_result("a", eps=[0.1]))).encode()
    for end in range(0, len(whole) - 2, 37):
        assert "no whole result" in refused(tmp_path / "x.json", whole[:end])


@hypothesis_settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_document_with_one_thing_changed_is_read_or_refused(
    tmp_path: Path, data: st.DataObject
) -> None:
    document = json.loads(to_json(ranked(made_result("a", eps=[0.1]))))
    part: Any = document
    while True:
        step = data.draw(
            st.sampled_from(list(part) if isinstance(part, dict) else range(len(part)))
        )
        if not (isinstance(part[step], dict | list) and part[step] and data.draw(st.booleans())):
            break
        part = part[step]
    part[step] = data.draw(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text()
        | st.just([])
        | st.just({})
    )
    path = tmp_path / "x.json"
    path.write_text(json.dumps(document))
    try:
        its = read_document(path)
    except UsageError:
        return
    comparison = compare(its, its)
    table(comparison)
    finite(json.loads(to_json(diff_document(comparison))))
