"""Trainings, baselines and correlations as tables, documents and figures."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from sed2.baselines.results import BaselineValue
from sed2.ranking.results import Demand, Ranking
from sed2.report.documents.ranking import csv_columns, rank_document
from sed2.report.documents.text import _finite
from sed2.report.figures.curves import rendered
from sed2.report.figures.training import draw_ranking
from sed2.report.html.pages import rank_page
from sed2.report.tables.ranking import print_rank, ranking_warnings
from sed2.report.tables.training import accuracy_cell, loss_cell
from tests.report.made import made_ranking, made_result, made_trained, made_training
from tests.report.test_tables import header_of, shown

RESULTS = [
    made_result("MLP 54-13-11-9-7", parameters=1007, value=538.04),
    made_result("MLP 54-16-7", parameters=976, value=525.46),
    made_result("MLP 54-10-2-10-25-7", parameters=1005, value=431.42),
]
LOSSES = [[0.55, 0.56], [0.54, 0.53], [0.7, 0.69]]
NAN = float("nan")


def trained(**others: Any) -> Ranking:
    return made_trained(RESULTS, LOSSES, **others)


def with_baselines() -> Ranking:
    names = ("parameters", "flops", "narrowest_width", "two_sed_end_to_end", "jacob_cov")
    rows = ((1007, 2014, 9, 187.25, -5.1e6), (976, 1952, 16, 215.5, -4.8e6), (1005, 2010, 2, 86, 0))
    values = [
        {name: BaselineValue(float(v)) for name, v in zip(names, row, strict=True)} for row in rows
    ]
    values[2]["jacob_cov"] = BaselineValue(NAN, "the outputs do not depend on some input")
    return trained(baselines=values)


def printed(ranking: Ranking, width: int) -> str:
    def draw(console: Console) -> None:
        print_rank(console, ranking)

    return shown(draw, width)


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("losses", "text"),
    [
        ([0.5, 0.7], "0.600 ± 0.100"),
        ([0.5], "0.500"),
        ([0.5, 0.5], "0.500 ± 0.000"),
        ([1.2e-5], "1.2e-05"),
        ([0.5, math.nan], "diverged"),
    ],
)
def test_a_loss_with_its_error(losses: list[float], text: str) -> None:
    assert loss_cell(made_training(*losses)) == text


def test_an_accuracy_in_percent() -> None:
    assert accuracy_cell(made_training(0.5, 0.7)) == "85.0%"
    assert accuracy_cell(made_training(0.5, math.inf)) == "–"


def test_the_loss_stands_beside_the_score_at_any_width() -> None:
    for width in (65, 80, 300):
        text = printed(trained(), width)
        assert header_of(text).startswith("# model lower 2sED 95% interval train loss")
        assert "0.535 ± 0.005" in text
        assert max(map(cell_len, text.splitlines())) <= width
    assert "train loss: cross entropy on the 500 rows trained on, mean of 2 seeds" in words(text)
    assert "3 epochs of Adam, learning rate 0.001, batches of 64." in words(text)


def test_an_untrained_ranking_says_nothing_of_training() -> None:
    text = printed(made_ranking(RESULTS), 200)
    for word in ("train", "tau-b", "accuracy"):
        assert word not in text


def test_few_models_have_a_correlation_and_the_reason_why_no_interval() -> None:
    text = printed(trained(), 200)
    row = next(line for line in text.splitlines() if line.startswith("lower 2sED  "))
    assert row.split()[2:] == ["0.33", "–", "0.50", "–", "3", "–"]
    assert "–: fewer than 5 models, too few for an interval." in text


def test_decided_ranks_are_said_to_stand_for_the_scores() -> None:
    of_ranks = "stands for the ranks that were decided"
    assert of_ranks not in words(printed(trained(), 200))
    assert of_ranks in words(printed(replace(trained(), demand=Demand(0.95, 100, 100)), 200))


def test_baselines_stand_in_the_same_table_where_there_is_room() -> None:
    text = printed(with_baselines(), 300)
    header = header_of(text)
    assert header.split().count("parameters") == 1
    assert "two_sed_end_to_end" in header
    assert "jacob_cov of MLP 54-10-2-10-25-7: the outputs do not depend on some input." in text


@pytest.mark.parametrize("width", [40, 60, 80])
def test_baselines_are_whole_at_any_width(width: int) -> None:
    text = printed(with_baselines(), width)
    assert max(map(cell_len, text.splitlines())) <= width
    below = text.partition("seed 0.")[2]
    assert "Left out" not in below
    for word in ("parameters", "two_sed_end_to_end", "jacob_cov", "1,007", "187.2", "-4,800,000"):
        assert word in below


def test_the_verdict_names_the_best_baseline() -> None:
    text = words(printed(with_baselines(), 300))
    assert (
        "Whether the score beats the best baseline, narrowest_width, cannot be told: the "
        "difference of their tau-b is -0.67, and has no interval." in text
    )
    for name in ("parameters", "flops", "narrowest_width", "two_sed_end_to_end"):
        assert re.search(rf"{name} +-?\d\.\d\d", printed(with_baselines(), 300))


def test_the_document_has_losses_and_correlations() -> None:
    document = json.loads(json.dumps(_finite(rank_document(with_baselines())), allow_nan=False))
    training = document["models"][1]["training"]
    assert training["loss"] == pytest.approx(0.535)
    assert training["final_loss"] == [0.54, 0.53]
    assert np.shape(training["loss_by_epoch"]) == (2, 3)
    assert training["diverged"] == [False, False]
    assert training["settings"]["learning_rate"] == 1e-3
    assert document["models"][2]["baselines"]["jacob_cov"] == {
        "value": None,
        "reason": "the outputs do not depend on some input",
        "cost": {"cpu_seconds": None, "compilation_seconds": None},
    }
    correlation = document["correlation"]
    assert next(iter(correlation["measures"])) == "score"
    assert correlation["measures"]["score"]["kendall"]["value"] == pytest.approx(1 / 3)
    assert correlation["measures"]["score"]["kendall"]["interval_95"] is None
    assert correlation["measures"]["jacob_cov"]["kendall"]["value"] is None
    assert correlation["measures"]["jacob_cov"]["kendall"]["models"] == 2
    verdict = correlation["against_best_baseline"]
    assert verdict["baseline"] == "narrowest_width"
    assert verdict["wins"] is False


def test_a_diverged_training_is_null_and_warned_of() -> None:
    ranking = made_trained(RESULTS, [[0.5, math.inf], [0.5, 0.5], [0.6, 0.6]])
    document = json.loads(json.dumps(_finite(rank_document(ranking)), allow_nan=False))
    training = document["models"][0]["training"]
    assert training["loss"] is None
    assert training["final_loss"] == [0.5, None]
    assert training["diverged"] == [False, True]
    assert document["correlation"]["measures"]["score"]["kendall"]["models"] == 2
    assert any("diverged" in warning for warning in document["models"][0]["warnings"])
    assert any("MLP 54-13-11-9-7: the training diverged" in w for w in ranking_warnings(ranking))


def test_the_csv_has_no_column_twice() -> None:
    columns = csv_columns(with_baselines().models[0])
    assert "parameters" not in columns
    assert columns["train_loss"] == pytest.approx(0.555)
    assert columns["narrowest_width"] == 9
    assert csv_columns(made_ranking(RESULTS).models[0]) == {}


def test_the_figure_shows_epochs_and_losses_in_the_colours_of_the_curves() -> None:
    curves, epochs, against = draw_ranking(trained()).axes
    assert curves.get_xscale() == "log"
    for i, (line, losses) in enumerate(zip(epochs.get_lines(), LOSSES, strict=True)):
        np.testing.assert_allclose(line.get_ydata()[-1], np.mean(losses))
        assert line.get_color() == curves.get_lines()[2 * i].get_color()
        point = against.containers[i].lines[0]
        assert point.get_xdata()[0] == RESULTS[i].score.value
        assert point.get_ydata()[0] == np.mean(losses)
        assert point.get_color() == line.get_color()
    assert "tau-b with -loss: 0.33 (3 models)" in against.get_title()
    decided = replace(trained(), demand=Demand(0.95, 100, 100))
    assert "tau-b of the ranks" in draw_ranking(decided).axes[2].get_title()


def test_the_figure_of_the_untrained_is_that_of_the_curves() -> None:
    assert len(draw_ranking(made_ranking(RESULTS)).axes) == 1
    first, second = (rendered(draw_ranking(trained()), "png") for _ in range(2))
    assert first == second


def test_what_diverged_is_not_drawn() -> None:
    _, epochs, against = draw_ranking(
        made_trained(RESULTS, [[0.5, math.nan], [0.5, 0.5], [0.6, 0.6]])
    ).axes
    assert len(against.containers) == 2
    assert len(epochs.get_lines()) == 3


def test_scores_are_drawn_against_sizes_where_these_differ() -> None:
    results = [made_result(n, parameters=p) for n, p in (("a", 900), ("b", 500), ("c", 400))]
    ranking = made_ranking(results)
    models = [replace(m, flops=2.0 * m.result.parameters) for m in ranking.models]
    ranking = replace(ranking, models=tuple(models))
    labels = [axes.get_xlabel() for axes in draw_ranking(ranking).axes[1:]]
    assert labels == ["parameters (line: Pareto front)", "FLOPs of one input (line: Pareto front)"]
    assert "parameters FLOPs front" in header_of(printed(ranking, 200))
    assert b"with Pareto fronts" in rank_page(ranking)
    assert b"with Pareto fronts" not in rank_page(made_ranking([made_result()] * 3))
