"""The stability study's tables and figure."""

from __future__ import annotations

import io

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from sed2.report.figures.curves import rendered
from sed2.report.figures.stability import draw_stability
from sed2.report.tables.stability import print_stability
from sed2.robustness.results import StabilityResult, Sweep
from sed2.robustness.verdict import judge
from tests.report.made import made_result


def made_stability(
    models: int = 3,
    seeds: int = 5,
    name: str = "MLP 54-13-11-9-7",
    sigmas: tuple[float, ...] = (0.001, 0.01, 1.0),
) -> StabilityResult:
    """A study with random scores."""
    rng = np.random.default_rng(0)
    names = [f"{name} {m}" for m in range(models)]
    sweeps = [
        Sweep(setting, grid, 1, 500.0 + 10 * rng.normal(size=(models, len(grid), seeds)))
        for setting, grid in (
            ("samples", (50, 100, 200, 500, 1000, 2000)),
            ("draws", (25, 100, 1000)),
            ("sigma", sigmas),
        )
    ]
    for sweep in sweeps:
        sweep.scores[:, 1] = sweeps[0].scores[:, 1]
    return StabilityResult(
        models=tuple(made_result(each) for each in names),
        seeds=tuple(range(seeds)),
        sweeps=tuple(sweeps),
        verdict=judge(names, *sweeps, 1000),
        warnings=(),
    )


def shown(result: StabilityResult, width: int) -> str:
    stream = io.StringIO()
    print_stability(
        Console(file=stream, width=width, force_terminal=True, color_system=None), result
    )
    return stream.getvalue()


@pytest.mark.parametrize("models", [1, 3, 30])
@pytest.mark.parametrize("width", [50, 80, 10_000])
def test_tables_are_whole_at_any_width(models: int, width: int) -> None:
    text = shown(made_stability(models), width)
    assert max(map(cell_len, text.splitlines())) <= width
    for part in ("N varies, K = 100", "K varies, N = 100", "sigma varies", "the seed varies"):
        assert part in text
    assert ("swapped" in text) == (models > 6)


def test_three_models_need_80_columns() -> None:
    assert "Left out" not in shown(made_stability(3), 80)


def test_the_limit_of_sigma_has_a_place() -> None:
    result = made_stability(sigmas=(0.0, 0.01, 1.0))
    assert any(line.strip().startswith("limit ") for line in shown(result, 200).splitlines())
    panel = draw_stability(result).axes[2]
    panel.figure.canvas.draw()
    xs = panel.transData.transform([(sigma, 500.0) for sigma in (0.0, 0.01, 1.0)])[:, 0]
    assert np.isfinite(xs).all()
    assert (np.diff(xs) > 10).all()


def test_an_order_counts_by_the_numbers_of_the_first_table() -> None:
    """At the base the order is 1 2 3 by definition."""
    lines = shown(made_stability(3), 200).splitlines()
    rows = [line.split() for line in lines if line.startswith((" 100*", "100*"))]
    assert [row[1:4] for row in rows] == [["1", "2", "3"]] * 2


@pytest.mark.parametrize(
    ("file_format", "magic"), [("png", b"\x89PNG\r\n"), ("svg", b"<?xml"), ("pdf", b"%PDF-")]
)
def test_the_same_result_gives_the_same_file(file_format: str, magic: bytes) -> None:
    first, second = (rendered(draw_stability(made_stability()), file_format) for _ in range(2))
    assert first.startswith(magic)
    assert first == second


def test_four_panels_with_the_means_their_scatter_and_the_base() -> None:
    result = made_stability()
    figure = draw_stability(result)
    assert len(figure.axes) == 4
    assert [axes.get_xscale() for axes in figure.axes] == ["log"] * 3 + ["linear"]
    for axes, sweep in zip(figure.axes, result.sweeps, strict=False):
        *curves, base = axes.get_lines()
        for m, curve in enumerate(curves):
            np.testing.assert_array_equal(curve.get_xdata(), sweep.grid)
            np.testing.assert_allclose(curve.get_ydata(), sweep.mean[m])
            heights = axes.collections[m].get_paths()[0].vertices[:, 1]
            assert heights.max() == pytest.approx((sweep.mean[m] + sweep.scatter[m]).max())
        assert list(base.get_xdata()) == [sweep.base_value] * 2
    for m, curve in enumerate(figure.axes[3].get_lines()):
        np.testing.assert_array_equal(curve.get_ydata(), result.base_scores[m])
    legend = [text.get_text().strip() for text in figure.legends[0].get_texts()]
    assert legend[3:] == ["mean ± standard deviation over 5 seeds", "the settings given"]


@pytest.mark.parametrize(
    ("models", "seeds", "name"), [(30, 2, "_x $"), (1, 1, "模型"), (2, 40, "a" * 99)]
)
def test_any_number_of_models_and_seeds_is_drawn(models: int, seeds: int, name: str) -> None:
    assert rendered(draw_stability(made_stability(models, seeds, name)), "png").startswith(
        b"\x89PNG"
    )
