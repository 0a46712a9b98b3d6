"""Figures: what a reader of the paper has to see in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sed2.ranking.results import Crossing
from sed2.report.figures.curves import DRAWN, colour_and_mark, draw_curves, places, rendered
from sed2.results import ModelResult
from tests.report.made import made_result, made_score
from tests.report.pages import made_three


def legend(results: list[ModelResult], crossings: Sequence[Crossing] = ()) -> list[str]:
    drawn = draw_curves(results, crossings).legends[0]
    return [text.get_text().strip() for text in drawn.get_texts()]


def axes_of(results: list[ModelResult]) -> Any:
    (axes,) = draw_curves(results).axes
    return axes


@pytest.mark.parametrize(
    ("file_format", "magic"), [("png", b"\x89PNG\r\n"), ("svg", b"<?xml"), ("pdf", b"%PDF-")]
)
def test_the_same_results_give_the_same_file(file_format: str, magic: bytes) -> None:
    first, second = (rendered(draw_curves([made_result()]), file_format) for _ in range(2))
    assert first.startswith(magic)
    assert first == second


def test_eps_is_logarithmic_and_both_axes_are_named() -> None:
    axes = axes_of([made_result()])
    assert axes.get_xscale() == "log"
    assert "varepsilon" in axes.get_xlabel()
    assert axes.get_ylabel() == "effective dimension"


def band_heights(axes: Any) -> list[tuple[float, float]]:
    heights = [band.get_paths() for band in axes.collections]
    drawn = [paths[0].vertices[:, 1] for paths in heights if paths and len(paths[0].vertices)]
    return [(values.min(), values.max()) for values in drawn]


def test_both_curves_and_the_interval_are_drawn() -> None:
    axes = axes_of([made_result(value=500, error=10)])
    lower, two = axes.get_lines()
    np.testing.assert_array_equal(lower.get_xdata(), [0.001, 0.01, 0.1])
    np.testing.assert_array_equal(lower.get_ydata(), [500] * 3)
    np.testing.assert_array_equal(two.get_ydata(), [501] * 3)
    assert (lower.get_linestyle(), two.get_linestyle()) == ("-", "--")
    assert band_heights(axes) == [(480, 520)]


def test_a_lower_estimate_has_a_fainter_band_between_dotted_lines() -> None:
    honest, lower = (
        axes_of([made_result(value=500, error=10, lower_estimate=flag)]) for flag in (False, True)
    )
    assert band_heights(lower) == [(480, 520)]
    dotted = [line for line in lower.get_lines() if line.get_linestyle() == ":"]
    assert [set(line.get_ydata()) for line in dotted] == [{480}, {520}]
    alphas = [
        [band.get_alpha() for band in axes.collections if band.get_paths()]
        for axes in (honest, lower)
    ]
    assert max(alphas[1]) < max(alphas[0])


def test_a_single_point_has_an_error_bar() -> None:
    (bar,) = axes_of([made_result(eps=(0.01,), value=500, error=10)]).containers
    assert bar.has_yerr


@pytest.mark.parametrize(("n_train", "side"), [(10_000, "right"), (10_000_000, "left")])
def test_eps_n_is_marked_where_there_is_room(n_train: int, side: str) -> None:
    result = made_result(n_train=n_train)
    axes = axes_of([result])
    assert list(axes.get_lines()[-1].get_xdata()) == [result.eps_n] * 2
    (text,) = axes.texts
    assert f"n = {n_train:,}" in text.get_text()
    assert text.get_horizontalalignment() == side


def test_without_n_train_nothing_is_marked() -> None:
    assert not axes_of([made_result()]).texts


def test_many_models_are_all_told_apart() -> None:
    assert len({colour_and_mark(place) for place in places([str(i) for i in range(56)])}) == 56
    assert len(set(places([f"{i * 2654435761 % 997}" for i in range(500)])[:56])) == 56
    lines = axes_of([made_result(str(i)) for i in range(DRAWN)]).get_lines()[::2]
    assert len({(line.get_color(), line.get_marker()) for line in lines}) == DRAWN


@pytest.mark.parametrize("n_train", [None, 10_000])
def test_a_model_has_its_colour_by_its_name_whatever_its_rank(n_train: int | None) -> None:
    names = ["MLP 5-4-2", "a", "b 10", "b 9"]
    figures = [
        draw_curves([made_result(name, n_train=n_train) for name in order])
        for order in (names, names[::-1])
    ]
    first, second = (
        {
            text.get_text(): line.get_color()
            for text, line in zip(its.texts, its.get_lines(), strict=False)
        }
        for its in (figure.legends[0] for figure in figures)
    )
    assert {name: first[name] for name in first if "(" in name} == {
        name: second[name] for name in second if "(" in name
    }


def test_where_two_curves_change_order_there_is_a_ring() -> None:
    ranking = made_three()
    results = [model.result for model in ranking.models]
    axes = draw_curves(results, ranking.crossings).axes[0]
    (ring,) = [line for line in axes.get_lines() if "change order" in str(line.get_label())]
    assert ring.get_xdata() == [0.02]
    share = np.log(0.02 / 0.01) / np.log(0.03 / 0.01)
    assert ring.get_ydata() == pytest.approx([28 - share])
    assert ring.get_markerfacecolor() == "none"
    of_others = replace(ranking.crossings[0], larger_above="not drawn")
    assert "change" not in "".join(legend(results, [of_others]))


def test_the_curves_have_their_score_at_eps_n_among_their_points() -> None:
    result = made_result(n_train=10_000)
    other = replace(result, score=made_score(500.0, 3.0), two_sed_score=made_score(502.0, 3.0))
    lower, two, _ = axes_of([other]).get_lines()
    assert list(lower.get_xdata()) == [0.001, 0.01, result.eps_n, 0.1]
    assert list(lower.get_ydata()) == [525.5, 525.5, 500.0, 525.5]
    assert list(two.get_ydata()) == [526.5, 526.5, 502.0, 526.5]
    on_grid = made_result(eps=(0.001, result.eps_n, 0.1), n_train=10_000)
    assert len(axes_of([on_grid]).get_lines()[0].get_xdata()) == 3


def test_no_line_is_named_that_is_hidden() -> None:
    assert legend([made_result(eps=(0.1,))])[1:] == ["lower 2sED; 95% interval"]
    assert legend([made_result(eps=(0.1,), lower_estimate=True)])[1:] == [
        "lower 2sED; ± 2 s.d. between seeds, where it is biased low (few effective draws)"
    ]
    assert "2sED (biased low: few effective draws)" in legend([made_result(eps=(0.1, 0.2))])


def test_the_legend_names_models_and_lines() -> None:
    assert legend([made_result("a"), made_result("b", parameters=1007)]) == [
        "a  (976 parameters)",
        "b  (1,007 parameters)",
        "lower 2sED, in its 95% interval",
        "2sED (biased low: few effective draws)",
    ]
    assert legend([made_result(two_error=1.0)])[-1] == "2sED"
    assert legend([made_result(lower_estimate=True)])[1:3] == [
        "lower 2sED",
        "± 2 s.d. between seeds, where it is biased low (few effective draws)",
    ]


def test_curves_that_coincide_are_said_to() -> None:
    assert legend([made_result(value=1e9)])[-1] == "lower 2sED = 2sED, in its 95% interval"


@pytest.mark.parametrize("name", ["_hidden", "$x", "$\\frac$", "模型", "a" * 300])
def test_any_name_is_drawn_and_in_the_legend(name: str) -> None:
    assert rendered(draw_curves([made_result(name)]), "png").startswith(b"\x89PNG")
    shown = legend([made_result(name)])[0].replace("\n", "").replace(" ", "")
    assert shown.replace("\\$", "$").startswith(name)


def test_undefined_errors_are_drawn_without_a_band() -> None:
    nan = float("nan")
    assert rendered(draw_curves([made_result(error=nan)]), "png").startswith(b"\x89PNG")
    assert rendered(draw_curves([made_result(error=nan, eps=(0.1,))]), "png").startswith(b"\x89PNG")


def test_of_many_models_the_first_are_drawn_and_the_others_counted() -> None:
    results = [made_result(f"m{n}") for n in range(DRAWN + 3)]
    labels = legend(results)
    assert sum(label.startswith("m") for label in labels) == DRAWN
    assert labels[-1] == "3 more models have no curve"
    assert "no curve" not in " ".join(legend(results[:DRAWN]))
