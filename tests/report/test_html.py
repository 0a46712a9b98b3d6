"""The HTML pages as files: whole, self-contained, true to the document, and safe."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import tomllib
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import sed2
from sed2.baselines.results import BaselineValue
from sed2.common.cost import Cost
from sed2.gating.outcome import Check, Status
from sed2.ranking.prediction import add_baselines
from sed2.report.documents.gate import gate_document
from sed2.report.documents.model import compute_document
from sed2.report.documents.ranking import rank_document
from sed2.report.documents.text import to_json
from sed2.report.html.pages import compute_page, gate_page, rank_page
from sed2.report.tables.model import block_table, curve_table
from sed2.report.tables.ranking import crossing_notes, order_note, rank_table
from tests.gating.made import made_gated
from tests.gating.made import made_result as made_gate
from tests.report.made import made_ranking, made_result, made_trained
from tests.report.pages import NASTY, Element, Read, curved, made_three, read

GATE = made_gate(
    [
        made_gated("a"),
        made_gated("b", Status.UNDECIDED, p=0.5),
        replace(
            made_gated("c", Status.FAILED),
            score=None,
            ratio=None,
            checks=(Check("missing", Status.FAILED, "it is gone"),),
        ),
    ]
)


def made_losses() -> Any:
    """A ranking with losses and baselines, one of each missing."""
    results = [made_result(name, value=value) for name, value in (("a", 3.0), ("b", 2.0))]
    given = {
        "flops": BaselineValue(10.0),
        "synflow": BaselineValue(float("nan"), "it is undefined"),
    }
    return made_trained(results, [(0.5, 0.6), (float("nan"), 0.7)], [given, given])


PAGES = {
    "compute": lambda: compute_page(curved("one", 1, 2, 3, 4, 5)),
    "rank": lambda: rank_page(made_three(n_train=10_000)),
    "trained": lambda: rank_page(made_losses()),
    "gate": lambda: gate_page(GATE),
}


@pytest.fixture(scope="module", params=PAGES)
def page(request: pytest.FixtureRequest) -> bytes:
    return PAGES[request.param]()


def cells(page: Read, *, after: str) -> list[list[Element]]:
    """The first table after a heading, if it comes before the next: headers, then rows."""
    place = next(i for i, one in enumerate(page.elements) if (one.tag, one.text) == ("h2", after))
    found: list[list[Element]] = []
    for element in page.elements[place + 1 :]:
        if element.tag == "h2" or (element.tag == "table" and found):
            break
        if element.tag == "tr":
            found.append([])
        if element.tag in ("th", "td"):
            found[-1].append(element)
    return found


def rows(page: Read, *, after: str) -> list[list[str]]:
    """Their texts."""
    return [[cell.text for cell in row] for row in cells(page, after=after)]


def keys(page: Read, header: str, table: str = "Ranking") -> list[str | None]:
    """What a column is sorted by."""
    headers, *found = cells(page, after=table)
    column = [cell.text for cell in headers].index(header)
    return [row[column].attributes.get("data-key") for row in found]


def test_the_title_says_the_result() -> None:
    ranking = made_three()
    for tag in ("h1", "title"):
        (title,) = read(rank_page(ranking)).all(tag)
        assert title.text == "first 10 leads with P = 0.33: decided"
        (title,) = read(compute_page(made_result("a", eps=(0.1,)))).all(tag)
        assert title.text == "a: lower 2sED 525.5 (95%: 489.5 to 561.5) at eps = 0.1"


def test_warnings_come_before_all_else() -> None:
    page = rank_page(made_three()).decode()
    assert page.index("a warning of all") < page.index('id="ranking"')
    assert "warnings" not in [
        one.attributes.get("class") for one in read(PAGES["gate"]()).all("div")
    ]


def test_nothing_comes_from_outside(page: bytes) -> None:
    for element in read(page).elements:
        for name in ("src", "href", "action", "srcset", "data", "poster"):
            assert element.attributes.get(name, "#").startswith(("#", "data:"))
        assert not [name for name in element.attributes if name.startswith("on")]
    assert b"@import" not in page
    assert b"url(" not in page


def test_the_policy_allows_these_styles_and_scripts_alone(page: bytes) -> None:
    found = read(page)
    (policy,) = [one for one in found.all("meta") if "http-equiv" in one.attributes]
    allowed = policy.attributes["content"]
    assert allowed.startswith("default-src 'none'; ")
    assert "unsafe" not in allowed
    code = [one for one in found.all("script") if one.attributes.get("id") != "document"]
    assert code
    hashes = {
        f"'sha256-{base64.b64encode(hashlib.sha256(one.text.encode()).digest()).decode()}'"
        for one in [*code, *found.all("style")]
    }
    assert set(re.findall(r"'sha256-[^']+'", allowed)) == hashes
    assert not [one for one in found.elements if "style" in one.attributes]


def test_the_page_holds_the_document_of_json() -> None:
    one, three = curved("one", 1, 2, 3, 4, 5), made_three()
    for made, document in (
        (compute_page(one), compute_document(one)),
        (rank_page(three), rank_document(three)),
        (gate_page(GATE), gate_document(GATE)),
    ):
        assert read(made).document() == json.loads(to_json(document))


@hypothesis_settings(max_examples=30, deadline=None)
@given(st.text(min_size=1) | st.just(NASTY))
def test_a_name_is_text_whatever_it_is(name: str) -> None:
    plain, nasty = (read(gate_page(made_gate([made_gated(one)]))) for one in ("a", name))
    assert [one.tag for one in nasty.elements] == [one.tag for one in plain.elements]
    assert nasty.document()["models"][0]["name"] == name


def test_nasty_names_stay_text_in_every_page() -> None:
    for nasty, plain in (
        (rank_page(made_three(NASTY), NASTY), rank_page(made_three("a"), "b")),
        (compute_page(made_result(NASTY)), compute_page(made_result("a"))),
    ):
        found = read(nasty)
        assert [one.tag for one in found.elements] == [one.tag for one in read(plain).elements]
        assert any(one.text.startswith(NASTY) for one in found.elements if one.tag == "h1")
        assert b"<script>alert" not in nasty
        assert "\u2028" not in "".join(one.text for one in found.all("script"))


def test_the_tables_are_those_of_the_terminal() -> None:
    ranking = made_three()
    table = rank_table(ranking)
    shown = rows(read(rank_page(ranking)), after="Ranking")
    assert shown[0][:5] == ["#", "model", "lower 2sED", "P(best)", "parameters"]  # of a phone
    order = [table.headers.index(header) for header in shown[0]]
    assert shown[1:] == [[row[column] for column in order] for row in table.rows]
    result = made_result()
    table = curve_table(result, [0, 1, 2])
    assert rows(read(compute_page(result)), after="Values") == [table.headers, *table.rows]
    table = block_table(result)
    assert rows(read(compute_page(result)), after="Blocks") == [table.headers, *table.rows]


def test_columns_are_sorted_by_numbers_and_what_is_missing_has_none() -> None:
    page = read(rank_page(made_losses()))
    assert keys(page, "model") == ["a", "b"]
    assert keys(page, "lower 2sED") == ["3.0", "2.0"]
    assert keys(page, "train loss") == ["0.55", None]
    assert keys(page, "P(order)") == ["0.875", None]
    assert keys(page, "flops", "Baselines") == ["10.0", "10.0"]
    assert keys(page, "synflow", "Baselines") == [None, None]


def test_a_ranking_tells_all_that_determines_it() -> None:
    ranking = made_three(n_train=10_000)
    found = read(rank_page(ranking, "sed2 rank 'my models.yaml' --html r.html"))
    told = {one.text for one in found.elements}
    assert {"a warning of all", "1 warning", "n_train", "10,000", "float64", "data_sha256"} <= told
    assert "sed2 rank 'my models.yaml' --html r.html" in told
    assert order_note(ranking) in told
    assert set(crossing_notes(ranking)) < told
    assert "0.001 to 0.1, 25 points" not in told
    assert "0.001, 0.003, 0.01, 0.03, 0.1" in told


def test_without_a_command_none_is_told(page: bytes) -> None:
    assert "Command" not in [one.text for one in read(page).all("h2")]


def test_settings_of_a_models_own_are_told() -> None:
    one, other = made_result("a"), made_result("b", zeta=0.5)
    assert rows(read(rank_page(made_ranking([one, other]))), after="Settings") == [
        ["model", "zeta"],
        ["a", "0"],
        ["b", "0.5"],
    ]
    assert rows(read(rank_page(made_ranking([one, one]))), after="Settings") == []


def test_losses_come_with_their_correlation() -> None:
    found = rows(read(rank_page(made_losses())), after="Correlation with the training losses")
    assert found[0] == ["measure", "tau-b", "95% of tau-b", "rho", "95% of rho", "models", "CPU s"]
    assert [row[0] for row in found[1:3]] == ["lower 2sED", "flops"]


def test_untrained_baselines_come_with_their_costs() -> None:
    values = {"snip": BaselineValue(1.0, cost=Cost(0.25)), "depth": BaselineValue(2.0)}
    results = [replace(made_result(name), cost=Cost(12.0)) for name in ("a", "b")]
    ranking = add_baselines(made_ranking(results), {"a": values, "b": values})
    found = rows(read(rank_page(ranking)), after="Cost of the measures")
    assert found[:2] == [["measure", "CPU s"], ["lower 2sED", "12"]]
    assert found[2:4] == [["snip", "0.25"], ["depth", "–"]]


def test_a_gate_tells_each_verdict_and_its_reason() -> None:
    page = read(gate_page(GATE))
    headers, *verdicts = rows(page, after="Verdicts")
    assert headers[-1] == "reason"
    assert [row[:2] for row in verdicts] == [["passed", "a"], ["undecided", "b"], ["failed", "c"]]
    assert verdicts[0][-1].startswith("ratio to the baseline: score 98.0")
    assert verdicts[2][2:] == [
        "–",
        "> 100.0",
        "–",
        "–",
        "–",
        "976",
        "missing in the spec: it is gone",
    ]
    told = {one.text for one in page.elements}
    assert {"Nothing was computed.", "min_ratio", "0.95", "s.yaml against b.json."} <= told


def test_without_scripts_there_is_a_still_figure() -> None:
    image = read(rank_page(made_three())).all("img")[0]
    drawn = base64.b64decode(image.attributes["src"].removeprefix("data:image/svg+xml;base64,"))
    assert b"second 9" in drawn
    assert image.attributes["alt"]


def test_no_number_is_shown_that_is_none(page: bytes) -> None:
    told = [one.text for one in read(page).elements if one.tag in ("td", "th", "li", "dd", "p")]
    assert not [text for text in told if re.search(r"\b(nan|None|inf|null)\b", text)]


def test_the_same_result_gives_the_same_page() -> None:
    assert rank_page(made_three()) == rank_page(made_three())


def test_every_file_of_the_package_is_in_the_wheel() -> None:
    root = Path(sed2.__file__).parent
    project = tomllib.loads((root.parent / "pyproject.toml").read_text())
    data = project["tool"]["setuptools"]["package-data"]
    for path in root.rglob("*"):
        if path.is_file() and path.suffix not in (".py", ".pyc"):
            package = ".".join(path.parent.relative_to(root.parent).parts)
            assert any(fnmatch(path.name, pattern) for pattern in data[package]), path
