"""The HTML pages in a browser: sorting, toggling, reading values, a phone, the dark, no network."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sed2.baselines.registry import BASELINES
from sed2.baselines.results import BaselineValue
from sed2.ranking.prediction import add_baselines
from sed2.ranking.results import Ranking
from sed2.report.figures.curves import DRAWN
from sed2.report.html.pages import compute_page, gate_page, rank_page
from sed2.report.tables import cells as tables
from tests.gating.made import made_gated
from tests.gating.made import made_result as made_gate
from tests.report.browser import Browser, start
from tests.report.made import made_ranking, made_result, made_training
from tests.report.pages import EPS, NASTY, curved, made_three

N_TRAIN = 10_000
SETTINGS = {"n_train": N_TRAIN}


def trained() -> Ranking:
    """Models whose names, losses and numbers of parameters all order them otherwise; one loss is
    missing."""
    ranking = made_three(NASTY, **SETTINGS)
    losses = [(0.5, 0.6), (float("nan"),), (0.1, 0.2)]
    models = [
        replace(model, training=made_training(*loss))
        for model, loss in zip(ranking.models, losses, strict=True)
    ]
    return replace(ranking, models=tuple(models))


def many() -> Ranking:
    """More models than colours, with long names."""
    names = [f"a rather long name of a model, number {i}" for i in range(60)]
    return made_ranking([made_result(name, value=100 - i) for i, name in enumerate(names)])


RANKING = trained()
PAGES: dict[str, Callable[[], bytes]] = {
    "rank": lambda: rank_page(RANKING, "sed2 rank s.yaml"),
    "many": lambda: rank_page(many()),
    "single": lambda: rank_page(made_ranking([made_result(name, eps=[0.1]) for name in "ab"])),
    "compute": lambda: compute_page(curved(NASTY, 1, 2, float("nan"), 4, 5)),
    "gate": lambda: gate_page(made_gate([made_gated("a"), made_gated(NASTY)])),
}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with start(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    for name, make in PAGES.items():
        (folder / f"{name}.html").write_bytes(make())
    return {name: folder / f"{name}.html" for name in PAGES}


@pytest.fixture
def ranked(browser: Browser, files: dict[str, Path]) -> Iterator[Browser]:
    """The page of a ranking, freshly opened, and quiet when the test is done with it."""
    browser.open(files["rank"])
    yield browser
    assert browser.console() == []


def order(browser: Browser) -> list[str]:
    """The places of the models, from the first row of the ranking to the last."""
    return browser.texts("table.sortable tbody td:first-child")


@pytest.mark.parametrize(
    ("header", "up"),
    [
        ("#", "123"),
        ("model", "123"),  # `<script...`, `second 9`, `third`
        ("lower 2sED", "321"),
        ("train loss", "312"),  # the second has none: last either way
        ("parameters", "312"),
    ],
)
def test_a_click_sorts_and_another_turns_it_round(ranked: Browser, header: str, up: str) -> None:
    headers = ranked.texts("table.sortable thead th")
    selector = f"table.sortable thead th:nth-child({headers.index(header) + 1})"
    missing = "2" if header == "train loss" else ""
    down = up.replace(missing, "")[::-1] + missing
    for expected, direction in ((up, "ascending"), (down, "descending"), (up, "ascending")):
        ranked.click(f"{selector} button")
        assert order(ranked) == list(expected)
        (cell,) = ranked.find("table.sortable [aria-sort]")
        assert cell.get_attribute("aria-sort") == direction
        assert cell.text.startswith(header)


def test_numbers_in_names_are_sorted_as_numbers(browser: Browser, files: dict[str, Path]) -> None:
    browser.open(files["many"])
    browser.click("#ranking .buttons button")
    browser.click("table.sortable thead th:nth-child(2) button")
    names = browser.texts("table.sortable tbody th")
    assert [int(name.split()[-1]) for name in names] == list(range(60))


def test_enter_sorts_as_well(ranked: Browser) -> None:
    ranked.press("table.sortable thead th:first-child button", "\ue007")
    ranked.press("table.sortable thead th:first-child button", "\ue007")
    assert order(ranked) == ["3", "2", "1"]


def shown(browser: Browser) -> list[str]:
    return browser.run(
        "return Array.from(document.querySelectorAll('#canvas [data-name]'), g => g.dataset.name)"
    )


def test_curves_can_be_hidden_with_their_bands_and_rings(ranked: Browser) -> None:
    names = [model.result.name for model in RANKING.models]
    assert shown(ranked) == names
    assert len(ranked.find("#canvas .crossing")) == 1
    ranked.press("#legend tr:nth-child(2) input", " ")
    assert shown(ranked) == [names[0], names[2]]
    assert ranked.find("#canvas .crossing") == []
    assert len(ranked.find("#canvas .band")) == 2
    ranked.click("#legend tr:nth-child(2) label")
    assert shown(ranked) == names
    assert len(ranked.find("#canvas .band")) == 3


def test_all_can_be_hidden_and_shown(browser: Browser, files: dict[str, Path]) -> None:
    browser.open(files["many"])
    assert len(shown(browser)) == DRAWN
    browser.click("#none")
    assert shown(browser) == []
    browser.click("#all")
    assert len(shown(browser)) == 60
    kinds = "return Array.from(document.querySelectorAll('#legend svg'), s => s.outerHTML)"
    assert len(set(browser.run(kinds))) == 56  # of 7 colours and 8 marks
    assert browser.console() == []


def test_the_page_begins_near_eps_n(ranked: Browser) -> None:
    assert ranked.texts("#eps") == ["0.0727 = eps_n"]
    assert "eps_n, n = 10,000" in ranked.texts("#canvas text")
    scores = [model.result.score for model in RANKING.models]
    assert ranked.texts("#legend td:nth-child(2)") == [tables.score_cell(one) for one in scores]
    (marker,) = ranked.find("#canvas .eps-n")
    (cursor,) = ranked.find("#canvas .cursor")
    assert marker.get_attribute("x1") == cursor.get_attribute("x1")


def test_eps_n_beyond_the_grid_is_on_the_slider(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "beyond.html"
    page.write_bytes(compute_page(made_result(eps=[0.3], n_train=N_TRAIN, value=500.0)))
    browser.open(page)
    (slider,) = browser.find("#point")
    assert slider.is_displayed()
    assert (slider.get_attribute("max"), slider.get_attribute("value")) == ("1", "0")
    assert browser.texts("#legend td:nth-child(2)") == ["500.0", "> 501.0"]
    browser.press("#point", "\ue014")
    assert browser.texts("#eps") == ["0.3"]
    assert browser.console() == []


@pytest.mark.parametrize("measure", ["lower_two_sed", "two_sed"])
def test_the_values_under_the_pointer_are_those_of_the_result(
    ranked: Browser, measure: str
) -> None:
    ranked.click(f"[value={measure}]")
    places = set()
    for share in (0.02, 0.3, 0.5, 0.75, 0.92, 0.99):
        ranked.hover("#canvas", share, 0.5)
        (eps,) = ranked.texts("#eps")
        if "eps_n" in eps:
            continue
        e = EPS.index(float(eps))
        places.add(e)
        curves = [getattr(model.result, measure) for model in RANKING.models]
        assert ranked.texts("#legend td:nth-child(2)") == [
            tables.value_cell(curve.estimate[e], curve.lower_estimate[e]) for curve in curves
        ]
        assert ranked.texts("#legend td:nth-child(3)") == [
            "biased low" if curve.lower_estimate[e] else "{:.1f} to {:.1f}".format(*interval)
            for curve in curves
            for interval in [curve.interval[e]]
        ]
    assert places == set(range(len(EPS)))


def test_arrows_move_along_eps(ranked: Browser) -> None:
    ranked.press("#point", "\ue012")
    assert ranked.texts("#eps") == ["0.03"]
    (slider,) = ranked.find("#point")
    assert slider.get_attribute("aria-valuetext") == "eps 0.03"


def paths(browser: Browser, selector: str) -> list[np.ndarray]:
    """The points (P, 2) of each path, in pixels."""
    drawn = browser.run(
        "return Array.from(document.querySelectorAll(arguments[0]), p => p.getAttribute('d'))",
        selector,
    )
    return [np.array(re.findall(r"(-?[\d.]+) (-?[\d.]+)", path), float) for path in drawn]


def with_score(curve: np.ndarray, score: float) -> np.ndarray:
    """The score at eps_n among the points of a curve."""
    return np.insert(curve.astype(float), len(EPS) - 1, score)


@pytest.mark.parametrize(("scale", "of"), [("log", math.log), ("linear", lambda value: value)])
def test_curves_and_bands_are_drawn_to_scale(
    ranked: Browser, scale: str, of: Callable[[float], float]
) -> None:
    ranked.click(f"[value={scale}]")
    lines, bands = paths(ranked, "#canvas .line"), paths(ranked, "#canvas .band")
    eps_n = RANKING.eps_n
    assert eps_n is not None
    first = RANKING.models[0].result
    of_first = with_score(first.lower_two_sed.estimate, first.score.value)
    radii = np.array([of(eps) for eps in (*EPS[:-1], eps_n, EPS[-1])])
    (x_scale, x_zero), (y_scale, y_zero) = (
        np.polyfit(values, lines[0][:, axis], 1) for axis, values in enumerate((radii, of_first))
    )
    for model, line, band in zip(RANKING.models, lines, bands, strict=True):
        curve, score = model.result.lower_two_sed, model.result.score
        estimate = with_score(curve.estimate, score.value)
        low, high = map(with_score, curve.interval.T, score.interval)
        if curve.lower_estimate.any():
            scatter = with_score(curve.scatter, score.scatter)
            low, high = estimate - 2 * scatter, estimate + 2 * scatter
        np.testing.assert_allclose(line[:, 0], x_scale * radii + x_zero, atol=0.05)
        np.testing.assert_allclose(line[:, 1], y_scale * estimate + y_zero, atol=0.05)
        heights = y_scale * np.concatenate([low, high[::-1]]) + y_zero
        np.testing.assert_allclose(band[:, 1], heights, atol=0.05)
    (marker,) = ranked.find("#canvas .eps-n")
    assert float(marker.get_attribute("x1")) == pytest.approx(x_scale * of(eps_n) + x_zero, abs=0.1)


def test_a_lower_estimate_has_a_band_of_its_own_kind(ranked: Browser) -> None:
    assert len(ranked.find("#canvas .band:not(.between-seeds)")) == 2
    assert len(ranked.find("#canvas .between-seeds")) == 1
    (caption,) = ranked.texts("#caption")
    assert "Bands: 95% interval." in caption
    assert "two standard deviations between seeds" in caption


def test_where_a_value_is_missing_there_is_a_gap(browser: Browser, files: dict[str, Path]) -> None:
    browser.open(files["compute"])
    assert [len(line) for line in paths(browser, "#canvas [data-name='lower 2sED'] .line")] == [
        2,
        2,
    ]
    browser.hover("#canvas", 0.5, 0.5)
    assert browser.texts("#legend td:nth-child(2)") == ["–", "–"]
    assert browser.console() == []


def test_one_eps_has_bars_instead_of_bands(browser: Browser, files: dict[str, Path]) -> None:
    browser.open(files["single"])
    assert len(browser.find("#canvas .whisker")) == 2
    assert browser.find("#canvas .band") == []
    assert browser.texts("#legend td:nth-child(2)") == ["525.5", "525.5"]
    assert browser.console() == []


@pytest.mark.parametrize("page", PAGES)
def test_nothing_is_asked_of_the_network_and_nothing_is_logged(
    browser: Browser, files: dict[str, Path], page: str
) -> None:
    browser.open(files[page])
    browser.click("table thead th:first-child button") if page != "compute" else None
    asked = browser.requests()
    assert files[page].as_uri() in asked
    assert {address for address in asked if not address.startswith("data:")} == {
        files[page].as_uri()
    }
    assert browser.console() == []


def test_the_browser_would_tell_of_a_request_and_refuse_it(ranked: Browser) -> None:
    ranked.run("fetch('http://127.0.0.1:9/').catch(() => {}); new Image().src = 'http://[::1]:9/'")
    assert any("Content Security Policy" in message for message in ranked.console())


@pytest.mark.parametrize("page", ["rank", "compute", "gate"])
def test_a_name_that_is_markup_stays_text(
    browser: Browser, files: dict[str, Path], page: str
) -> None:
    browser.open(files[page])
    named = browser.run(
        "return Array.from(document.querySelectorAll('h1, th, #legend span'), e => e.textContent)"
    )
    assert any(name.startswith(NASTY) for name in named)
    scripts = browser.run("return Array.from(document.scripts, s => s.textContent)")
    assert not [script for script in scripts if script.startswith("alert")]


@pytest.mark.parametrize("page", PAGES)
def test_a_phone_shows_all_without_scrolling_sideways(
    browser: Browser, files: dict[str, Path], page: str
) -> None:
    browser.open(files[page], width=360)
    assert browser.run("return document.scrollingElement.scrollWidth") <= 360
    if page == "rank":
        width = browser.run("return document.querySelector('#canvas').clientWidth")
        assert 300 < width <= 360
        assert (
            browser.run("return document.querySelector('#canvas').viewBox.baseVal.width") == width
        )
        wider = "const box = document.querySelector('.scroll'); return box.scrollWidth"
        assert browser.run(f"{wider} > box.clientWidth")


def test_a_phone_shows_what_matters_before_all_else(browser: Browser, tmp_path: Path) -> None:
    rows = [("MLP 54-13-11-9-7", 1007), ("MLP 54-16-7", 976), ("MLP 54-10-2-10-25-7", 1005)]
    ranking = made_ranking([made_result(name, parameters=count) for name, count in rows])
    page = tmp_path / "phone.html"
    page.write_bytes(rank_page(replace(ranking, warnings=("beware",) * 9)))
    browser.open(page, width=390)
    (right,) = browser.run(
        "return Array.from(document.querySelectorAll('#ranking thead th'))"
        ".filter(th => th.textContent === 'parameters').map(th => th.getBoundingClientRect().right)"
    )
    assert right <= 390
    assert (
        browser.run("return document.querySelector('.warnings').getBoundingClientRect().bottom")
        < 800
    )
    last = "document.querySelector('#ranking tbody tr:last-child')"
    assert browser.run(f"return {last}.getBoundingClientRect().bottom") < 800


def test_many_baselines_do_not_overflow(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "baselines.html"
    values = {name: BaselineValue(-4.805e6 / 7) for name in BASELINES}
    ranking = made_ranking([made_result(name) for name in ("MLP 54-10-2-10-25-7", "b")])
    page.write_bytes(rank_page(add_baselines(ranking, {m.name: values for m in ranking.models})))
    browser.open(page, width=1280)
    assert len(browser.find("#baselines table")) == 3
    wider = "Array.from(document.querySelectorAll('.scroll'), s => s.scrollWidth - s.clientWidth)"
    assert max(browser.run(f"return {wider}")) <= 0


def test_a_long_list_shows_its_first_rows_and_has_a_search(
    browser: Browser, files: dict[str, Path]
) -> None:
    browser.open(files["many"])
    assert len([row for row in browser.find("#ranking tbody tr") if row.is_displayed()]) == 12
    for place in ("#ranking", "#plot"):
        browser.press(f"{place} input[type=search]", " NUMBER 5")
        named = [name for name in browser.texts(f"{place} tbody th") if name]
        assert [int(name.split()[-1]) for name in named] == [5, *range(50, 60)]
    browser.click("#legend tr:nth-child(60) input")
    assert shown(browser)[-1].endswith("number 59")
    browser.press("#ranking input[type=search]", "x")
    assert not any(browser.texts("#ranking tbody th"))
    assert browser.console() == []


CONTRAST = """
const luminance = (colour) => {
  const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (element) => {
  for (let one = element; one; one = one.parentElement) {
    const colour = getComputedStyle(one).backgroundColor;
    if (!/^rgba\\(.*, 0\\)$/.test(colour)) return colour;
  }
};
const found = [];
for (const one of document.body.querySelectorAll("*")) {
  const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (!own || !one.getClientRects().length) continue;
  const style = getComputedStyle(one);
  const colour = one.tagName === "text" ? style.fill : style.color;
  const [a, b] = [luminance(colour), luminance(behind(one))].sort((x, y) => y - x);
  found.push([(a + 0.05) / (b + 0.05), one.outerHTML.slice(0, 80)]);
}
return found;
"""
"""The contrast of every text that is seen, as WCAG 2 has it."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", ["rank", "gate"])
def test_text_has_contrast_in_light_and_dark(
    browser: Browser, files: dict[str, Path], page: str, scheme: str
) -> None:
    browser.open(files[page], scheme=scheme)
    paper = browser.run("return getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") is (scheme == "light")
    found = browser.run(CONTRAST)
    assert len(found) > 50
    assert [one for one in found if one[0] < 4.5] == []


def test_without_scripts_tables_and_a_figure_are_there(
    browser: Browser, files: dict[str, Path]
) -> None:
    browser.command("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.open(files["rank"])
        tree = browser.command("DOMSnapshot.captureSnapshot", {"computedStyles": []})
    finally:
        browser.command("Emulation.setScriptExecutionDisabled", {"value": False})
    (page,) = tree["documents"]
    words = tree["strings"]
    drawn = {page["layout"]["nodeIndex"][i]: box for i, box in enumerate(page["layout"]["bounds"])}
    names = [words[name] for name in page["nodes"]["nodeName"]]
    image = names.index("IMG")
    assert min(drawn[image][2:]) > 200
    texts = {words[text] for text in page["layout"]["text"] if text >= 0}
    assert {"second 9", "> 12.4"} <= texts
    assert "BUTTON" not in [names[node] for node in drawn]
