"""Tables: in order, whole at any width, plain in a pipe."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import takewhile

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from sed2.data.catalogue import DATASETS
from sed2.ranking.results import Crossing, Demand
from sed2.report.layout import folded
from sed2.report.tables import cells as tables
from sed2.report.tables.checked import print_checked, print_plan
from sed2.report.tables.datasets import print_datasets
from sed2.report.tables.model import print_compute
from sed2.report.tables.ranking import print_rank, ranking_warnings
from sed2.results import BlockPlan, Checked
from tests.report.made import made_probability, made_ranking, made_result


def shown(draw: Callable[[Console], None], width: int) -> str:
    """What a terminal of this width shows."""
    stream = io.StringIO()
    draw(Console(file=stream, width=width, force_terminal=True, color_system=None, emoji=False))
    return stream.getvalue()


def header_of(text: str) -> str:
    """The headers of the ranking."""
    return " ".join(next(line for line in text.splitlines() if line.startswith("#  ")).split())


def rank_rows(text: str) -> list[list[str]]:
    """The words of the lines that begin with a rank, in the order printed."""
    return [line.split() for line in text.splitlines() if re.match(r"\d+  ", line)]


CROSSING = Crossing(0.0243, "small", "large", (0.01, 0.05), 0.75)
RESULTS = [
    made_result("MLP 54-13-11-9-7", parameters=1007, value=538.04, error=18.64),
    made_result("MLP 54-16-7", parameters=976, value=525.46, error=17.96),
    made_result("MLP 54-10-2-10-25-7", parameters=1005, value=431.42, error=11.51),
]


def test_the_ranking_is_printed_in_rank_order_with_its_numbers() -> None:
    text = shown(lambda console: print_rank(console, made_ranking(RESULTS)), 100)
    header = header_of(text)
    assert header == "# model lower 2sED 95% interval P(best) P(order) parameters 2sED"
    assert [" ".join(row) for row in rank_rows(text)] == [
        "1 MLP 54-13-11-9-7 538.0 500.8 to 575.3 0.33 0.88 1,007 > 539.0",
        "2 MLP 54-16-7 525.5 489.5 to 561.4 0.33 0.88 976 > 526.5",
        "3 MLP 54-10-2-10-25-7 431.4 408.4 to 454.4 0.33 – 1,005 > 432.4",
    ]


@pytest.mark.parametrize("width", [50, 60, 80])
def test_a_narrow_ranking_keeps_what_matters_whole(width: int) -> None:
    text = shown(lambda console: print_rank(console, made_ranking(RESULTS)), width)
    assert max(map(cell_len, text.splitlines())) <= width
    for row, result in zip(rank_rows(text), RESULTS, strict=True):
        for number in (
            f"{result.score.value:.1f}",
            *(f"{bound:.1f}" for bound in result.score.interval),
        ):
            assert number in row
    header = header_of(text)
    assert "P(best)" in header
    assert ("P(order)" in header) == (width > 50)
    assert ("parameters 2sED" in header) == (width == 80)


@pytest.mark.parametrize("width", [20, 50, 60, 80])
def test_no_number_of_a_name_is_broken_in_two(width: int) -> None:
    text = shown(lambda console: print_rank(console, made_ranking(RESULTS)), width)
    table = text[text.index("#  model") :].splitlines()[2:]
    for line in takewhile(lambda line: not line.startswith(("Left", "Ordered")), table):
        name = line[3:].split("   ")[0].strip()
        assert not re.search(r"\d$", name) or any(r.name.endswith(name) for r in RESULTS), name


@given(st.text(max_size=60), st.integers(2, 30))
def test_what_is_folded_is_whole(text: str, width: int) -> None:
    lines = folded(text, width)
    assert "".join(lines).replace(" ", "") == re.sub(r"\s", "", text) or not text.isprintable()
    assert all(cell_len(line) <= width for line in lines)


def test_a_narrow_ranking_names_what_it_leaves_out_and_explains_the_rest_only() -> None:
    text = shown(lambda console: print_rank(console, made_ranking(RESULTS)), 50)
    assert "Left out at this width: P(order), parameters, 2sED." in " ".join(text.split())
    assert "P(best): probability of being ahead of all others." in " ".join(text.split())
    assert "P(order): " not in text


def test_a_score_that_is_a_lower_estimate_has_no_interval_and_a_modest_claim() -> None:
    lower = [made_result("a", value=538.04, lower_estimate=True), made_result("b")]
    text = shown(lambda console: print_rank(console, made_ranking(lower)), 200)
    rows = [" ".join(row) for row in rank_rows(text)]
    assert rows[0] == "1 a > 538.0 ± 18.0 0.50 0.88 > 539.0"
    assert "biased low, >: too few effective draws for an honest error" in text
    assert "P is about these settings" in text
    assert "another seed at the same N and K" in text
    honest = [made_result("a", two_error=1.0), made_result("b", two_error=1.0)]
    text = shown(lambda console: print_rank(console, made_ranking(honest)), 200)
    assert "biased low" not in text
    assert "P is about the limit of many draws, at this N." in text


@pytest.mark.parametrize(
    ("probability", "words"),
    [(0.99988, "> 0.99"), (0.9901, "> 0.99"), (0.99, "0.99"), (0.5, "0.50"), (0.0001, "< 0.01")],
)
def test_no_probability_is_a_certainty(probability: float, words: str) -> None:
    ranking = made_ranking(RESULTS)
    sure = replace(ranking.models[0], order_probability=made_probability(RESULTS[0], probability))
    ranking = replace(ranking, models=(sure, *ranking.models[1:]))
    text = shown(lambda console: print_rank(console, ranking), 100)
    assert words in " ".join(rank_rows(text)[0])


def test_what_until_decided_came_to_is_told() -> None:
    grown = [replace(r, settings=r.settings.model_copy(update={"draws": 400})) for r in RESULTS]
    ranking = made_ranking(grown)
    models = [
        replace(m, decided=d) for m, d in zip(ranking.models, (False, True, None), strict=True)
    ]
    ranking = replace(
        ranking, models=tuple(models), demand=Demand(0.95, 400, 800), settings=RESULTS[0].settings
    )
    text = shown(lambda console: print_rank(console, ranking), 200)
    assert " ".join(rank_rows(text)[0]).endswith("0.88 100 400 1,007 > 539.0")
    assert "1 of 2 orders decided at P = 0.95" in text
    assert "Not decided: MLP 54-13-11-9-7 / MLP 54-16-7." in text
    assert "Began with: made, N = 100 inputs, K = 100 draws" in text


@pytest.mark.parametrize("width", [50, 60, 80, 200])
def test_the_curve_is_whole_at_any_width(width: int) -> None:
    result = made_result(eps=(0.001, 0.00316, 0.1), value=532.3, error=18.4)
    text = shown(lambda console: print_compute(console, result), width)
    assert max(map(cell_len, text.splitlines())) <= width
    for eps in ("0.001", "0.00316", "0.1"):
        (row,) = [line.split() for line in text.splitlines() if line.split()[:1] == [eps]]
        assert row[:5] == [eps, "532.3", "495.5", "to", "569.1"]
        assert (row[5:9] == [">", "533.3", "biased", "low"]) == (width > 50)
    assert ("bracket: at most this" in text) == (width >= 80)
    assert ("at most: the bound" in text) == (width > 80)


@hypothesis_settings(deadline=None)
@given(
    width=st.integers(20, 140),
    value=st.floats(0, 1e12),
    error=st.floats(0, 1e6) | st.just(math.nan),
    parameters=st.integers(112, 10**12),
)
def test_no_number_is_ever_cut(width: int, value: float, error: float, parameters: int) -> None:
    result = made_result(value=value, error=error, parameters=parameters)
    text = shown(lambda console: print_rank(console, made_ranking([result])), width)
    header, row = header_of(text).split(), rank_rows(text)[0]
    if "parameters" in header:
        assert f"{parameters:,}" in row
    if "lower" in header:
        assert f"{value:.1f}" in row
    if "interval" in header:
        bounds = ["–"] if math.isnan(error) else [f"{b:.1f}" for b in result.score.interval]
        assert set(bounds) <= set(row)
    assert "…" not in text


def test_a_table_of_the_curve_names_the_points_it_skips() -> None:
    eps = [10 ** (-3 + i / 12) for i in range(25)]
    text = shown(lambda console: print_compute(console, made_result(eps=eps)), 80)
    assert "9 of 25 points; all with --csv or --json." in text
    assert sum("525.5" in line for line in text.splitlines()) == 9


def test_shares_of_the_blocks_sum_to_the_whole() -> None:
    text = shown(lambda console: print_compute(console, made_result(value=400)), 80)
    assert "dense_1         864   443              300.0  75%" in text
    assert "dense_2         112   112              100.0  25%" in text


def test_a_model_of_no_dimension_has_no_shares_to_divide() -> None:
    text = shown(lambda console: print_compute(console, made_result(value=0.0)), 80)
    assert "0%" in text
    assert "nan" not in text


def test_2sed_without_an_honest_error_is_said_to_be_a_lower_estimate() -> None:
    few = shown(lambda console: print_compute(console, made_result()), 80)
    many = shown(lambda console: print_compute(console, made_result(two_error=2.0)), 80)
    assert "> 526.5" in few
    assert "biased low" in few.splitlines()[3]
    assert ">: too few effective draws" in few
    assert ">" not in many
    assert "biased low" not in many


def test_an_undefined_interval_is_a_dash() -> None:
    undefined = made_result(error=math.nan, two_error=2.0)
    text = shown(lambda console: print_compute(console, undefined), 80)
    assert text.splitlines()[3].split()[:3] == ["0.001", "525.5", "–"]
    assert "nan" not in text


def test_eps_n_and_its_score_are_told() -> None:
    result = made_result(n_train=10_000)
    text = shown(lambda console: print_compute(console, result), 100)
    assert (
        "At eps_n = 0.07271 (Theorem 5.1, n = 10,000): lower 2sED 525.5 (95%: 489.5 to 561.5)."
        in text
    )
    text = shown(lambda console: print_rank(console, made_ranking([result])), 100)
    assert "Ordered by lower 2sED at eps_n = 0.07271 (Theorem 5.1, n = 10,000)." in text


def test_what_orders_the_models_is_told() -> None:
    for eps, words in (
        ((0.001, 0.1), "averaged over eps 0.001 to 0.1 in log eps"),
        ((0.05,), "at eps = 0.05"),
    ):
        ranking = made_ranking([made_result(eps=eps)])
        text = shown(lambda console, it=ranking: print_rank(console, it), 100)
        assert f"Ordered by lower 2sED {words}." in text


def test_crossings_are_told() -> None:
    ranking = replace(made_ranking(RESULTS), crossings=(CROSSING,))
    text = shown(lambda console: print_rank(console, ranking), 100)
    assert "The order changes near eps 0.024 (95%: 0.01 to 0.05; P = 0.75): small leads " in text
    unsure = replace(CROSSING, eps_interval=(math.nan, math.nan), probability=math.nan)
    ranking = replace(ranking, crossings=(unsure,))
    text = shown(lambda console: print_rank(console, ranking), 100)
    assert "The order changes near eps 0.024: small leads below, large above." in text


def test_of_many_crossings_some_are_told() -> None:
    each = tuple(replace(CROSSING, eps=0.01 + n / 1000) for n in range(13))
    text = shown(
        lambda console: print_rank(console, replace(made_ranking(RESULTS), crossings=each)),
        100,
    )
    assert text.count("The order changes near eps") == 10
    assert "3 more changes of order, at larger eps, are in --json and --html." in text
    assert "Changes of order are told of the first" not in text


def test_of_many_models_it_is_told_which_are_asked_for_crossings() -> None:
    ranking = made_ranking([made_result(f"m{n}") for n in range(21)])
    text = shown(lambda console: print_rank(console, ranking), 100)
    assert "Changes of order are told of the first 20 models." in text


@pytest.mark.parametrize("name", ["[red]bold[/]", "[/]", ":rocket:", "back\\", "模型 α"])
def test_a_name_is_text_and_nothing_else(name: str) -> None:
    for draw in (
        lambda console: print_rank(console, made_ranking([made_result(name)])),
        lambda console: print_compute(console, made_result(name)),
        lambda console: print_checked(console, [Checked(name, 9, (3,), (2,), 1, ())]),
    ):
        assert name in shown(draw, 100)


def test_a_warning_of_several_models_is_said_once() -> None:
    results = [replace(result, warnings=("beware",)) for result in RESULTS]
    ranking = replace(made_ranking([*results, made_result("last")]), warnings=("of all",))
    assert ranking_warnings(ranking) == [
        "of all",
        "MLP 54-13-11-9-7, MLP 54-16-7, MLP 54-10-2-10-25-7: beware",
    ]


def test_checked_models_show_their_shapes() -> None:
    checked = [Checked("conv", 1234, (3, 32, 32), (10,), 2, (), "kind\n::")]
    text = shown(lambda console: print_checked(console, checked), 60)
    assert "conv        1,234  3 x 32 x 32  10           2" in text
    assert "The column `kind\\n::` is the label, all others are inputs." in " ".join(text.split())
    assert "1 model: no fault found." in text


@pytest.mark.parametrize("width", [50, 80])
def test_names_of_data_sets_are_whole(width: int) -> None:
    rows = [(info, False) for info in DATASETS.values()]
    text = shown(lambda console: print_datasets(console, rows), width)
    for info in DATASETS.values():
        assert info.name in text
        assert f"{info.rows:,}" in text


def test_a_plan_tells_the_way_of_each_block() -> None:
    plan = [BlockPlan("conv_1", 1000, "by unit, 8 of 64 at random", 2 * 10**9, 3e9)]
    told = shown(lambda console: print_plan(console, "net", plan), 80)
    for part in ("net", "conv_1", "1,000", "2", "3", "8 of 64"):
        assert part in told


def test_the_settings_behind_the_numbers_are_told() -> None:
    settings = made_result(zeta=0.5, prior="uniform:-1:1").settings
    assert tables.describe(settings, 77) == (
        "made, N = 77 inputs, K = 100 draws, expected Fisher, prior uniform:-1:1, "
        "gaussian likelihood, chain blocks, sigma limit, "
        "zeta 0.5, seed 0."
    )


def test_a_warning_that_differs_in_numbers_is_said_once_as_well() -> None:
    said = ("sigma 0.01 is large for dense_3 (0.05)", "sigma 0.01 is large for dense_4 (0.024)")
    models = [replace(made_result(n), warnings=said[i:]) for i, n in enumerate("ab")]
    assert ranking_warnings(made_ranking(models)) == [f"a, b: {said[0]} (a; the others are alike)"]
