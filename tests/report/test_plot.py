"""Figures: what a reader of the paper has to see in them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sed2.report.figures.curves import DRAWN, curves_figure, draw_curves
from sed2.results import ModelResult
from tests.report.made import made_result


def legend(results: list[ModelResult]) -> list[str]:
    return [text.get_text().strip() for text in draw_curves(results).legends[0].get_texts()]


def axes_of(results: list[ModelResult]) -> Any:
    (axes,) = draw_curves(results).axes
    return axes


@pytest.mark.parametrize(
    ("file_format", "magic"), [("png", b"\x89PNG\r\n"), ("svg", b"<?xml"), ("pdf", b"%PDF-")]
)
def test_the_same_results_give_the_same_file(file_format: str, magic: bytes) -> None:
    first, second = (curves_figure([made_result()], file_format) for _ in range(2))
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
    lines = axes_of([made_result(str(i)) for i in range(56)]).get_lines()[::2]
    assert len({(line.get_color(), line.get_marker()) for line in lines}) == 56


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
    assert curves_figure([made_result(name)], "png").startswith(b"\x89PNG")
    shown = legend([made_result(name)])[0].replace("\n", "").replace(" ", "")
    assert shown.replace("\\$", "$").startswith(name)


def test_undefined_errors_are_drawn_without_a_band() -> None:
    nan = float("nan")
    assert curves_figure([made_result(error=nan)], "png").startswith(b"\x89PNG")
    assert curves_figure([made_result(error=nan, eps=(0.1,))], "png").startswith(b"\x89PNG")


def test_of_many_models_the_first_are_drawn_and_the_others_counted() -> None:
    results = [made_result(f"m{n}") for n in range(DRAWN + 3)]
    labels = legend(results)
    assert sum(label.startswith("m") for label in labels) == DRAWN
    assert labels[-1] == "3 more models are not drawn"
    assert "not drawn" not in " ".join(legend(results[:DRAWN]))
