"""What Python shows of results: one line, a table, a data frame; and how their models are found."""

from __future__ import annotations

import copy
import math
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas
import pytest

import sed2
from sed2.baselines.results import BaselineValue
from sed2.common.display import Brief, Tabled
from sed2.errors import UsageError
from sed2.gating.outcome import Status
from sed2.report.documents.model import csv_text
from sed2.report.documents.stability import stability_csv
from sed2.results import Factors, SmcReport
from sed2.runs.loading import StoredRun
from sed2.training.result import Checkpoint
from tests.gating.made import made_baseline, made_gated
from tests.gating.made import made_result as made_gate
from tests.report.made import (
    made_bound,
    made_ranking,
    made_result,
    made_selection,
    made_trained,
    made_training,
)
from tests.report.test_stability import made_stability

BEST = made_result("MLP 54-16-7", value=600.0)
LOW = made_result("<b>low</b>", value=500.0, lower_estimate=True)
RANKING = made_ranking([BEST, replace(LOW, warnings=("too few draws",))])
TRAINED = made_trained([BEST, LOW], [(0.5, 0.7), (0.9, 1.1)], 2 * [{"naswot": BaselineValue(3.0)}])
GATE = made_gate([made_gated(), made_gated("b", Status.FAILED)])
SELECTION = made_selection()
TABLED = [BEST, RANKING, TRAINED, GATE, SELECTION, made_stability(), made_bound()]
LINES = {
    "Ranking(2 models, best MLP 54-16-7, P(best) 0.50, lower 2sED 600.0 (95%: 564.0 to 636.0), "
    "1 warning)": RANKING,
    "RankedModel(#1 MLP 54-16-7, lower 2sED 600.0 (95%: 564.0 to 636.0), P(best) 0.50, "
    "P(order) 0.88)": RANKING[0],
    "ModelResult(MLP 54-16-7, lower 2sED 600.0 (95%: 564.0 to 636.0), 976 parameters, all counted, "
    "3 eps, 0.001 to 0.1)": BEST,
    "Score(600.0 (95%: 564.0 to 636.0))": BEST.score,
    "Curve(3 points, 600 to 600)": BEST.lower_two_sed,
    "BlockShare(name='dense_1', parameters=864, rank=443, share=<3, 450 to 450>)": BEST.blocks[0],
    "Selection(3 models, a is chosen, P(best) 0.97: decided)": SELECTION,
    "SelectedModel(a, 3 epochs, forecast 0.5, P(best) 0.97)": SELECTION["a"],
    "GateResult(1 passed, 1 failed, s.yaml against b.json)": GATE,
    "GatedModel(failed, b, ratio 0.980)": GATE["b"],
    "Baseline(2 models, made, N = 100)": made_baseline(),
    "BoundResult(vacuous, MLP 54-16-7, P at most 10^10246.1 at eps_n = 0.03334, 1 warning)": (
        made_bound()
    ),
}


@pytest.mark.parametrize("line", LINES)
def test_the_decision_stands_first(line: str) -> None:
    assert repr(LINES[line]) == line


def test_a_study_says_whether_it_is_settled() -> None:
    study = made_stability()
    for settled, word in ((True, "settled, "), (False, "not settled, "), (None, "whether ")):
        line = repr(replace(study, verdict=replace(study.verdict, settled=settled)))
        assert line.startswith(f"StabilityResult({word}")
    assert "30 models" in repr(made_stability(30))


FACTORS = Factors(
    BEST.lower_two_sed, BEST.score, BEST.score, BEST.two_sed, np.ones(3), BEST.plan[0]
)
CHECKPOINT = Checkpoint(2, (np.ones((1, 3)),), np.ones((1, 2)))
PARTS = [
    *TABLED,
    *RANKING,
    *SELECTION,
    FACTORS,
    *GATE,
    BEST.replicates,
    BEST.score,
    BEST.blocks[0],
    RANKING[0].probability_best,
    made_training(0.5, 0.7),
    CHECKPOINT,
    made_stability(30).verdict,
    made_stability(30).sweeps[0],
    made_bound().covering,
    made_baseline(),
    StoredRun(RANKING, (), True, None),  # type: ignore[arg-type]
    SmcReport(*np.ones((6, 3))),
    replace(BEST.lower_two_sed, estimate=np.full(3, math.nan)),
]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: type(part).__name__)
def test_a_result_equals_its_copy_and_has_its_hash(part: Any) -> None:
    same = copy.deepcopy(part)
    assert part == same
    assert {part: 1}[same] == 1
    assert part not in ["text", None, *(other for other in PARTS if other is not part)]


def test_results_that_differ_in_one_number_differ() -> None:
    share = BEST.blocks[0].share.copy()
    share[-1] = np.nextafter(share[-1], 0)
    other = replace(BEST, blocks=(replace(BEST.blocks[0], share=share), BEST.blocks[1]))
    assert other != BEST
    assert made_ranking([other, LOW]) != made_ranking([BEST, LOW])
    assert BEST.lower_two_sed != replace(BEST.lower_two_sed, estimate=np.full(2, 600.0))
    assert replace(BEST, smc=SmcReport(*np.ones((6, 3)))) != BEST


def test_no_class_of_results_is_left_out() -> None:
    assert {type(part) for part in PARTS} >= {*subclasses(Brief)} - {Tabled}


def subclasses(kind: type) -> Iterator[type]:
    for each in kind.__subclasses__():
        yield from (each, *subclasses(each))


@pytest.mark.parametrize("part", PARTS, ids=lambda part: type(part).__name__)
def test_every_result_is_short(part: Any) -> None:
    assert repr(part).startswith(f"{type(part).__name__}(")
    assert len(repr(part)) <= 250
    assert "\n" not in repr(part)


@pytest.mark.parametrize("result", TABLED, ids=lambda result: type(result).__name__)
def test_a_notebook_has_a_table_of_text(result: Any) -> None:
    page = ElementTree.fromstring(f"<div>{result._repr_html_()}</div>")
    assert page.findtext("p/strong", "").startswith(type(result).__name__)
    widths = {len(row) for row in page.iter("tr")}
    assert len(widths) == 1  # as many cells as headers
    assert len(list(page.iter("li"))) >= 1
    models = getattr(result, "models", [result])
    if not isinstance(result, sed2.ModelResult | sed2.BoundResult):
        text = "".join(page.itertext())
        assert all(model.name in text for model in models)
        assert len(page.findall(".//tbody/tr")) == len(models)


def test_a_notebook_tells_the_warnings_and_the_baselines() -> None:
    assert "&lt;b&gt;low&lt;/b&gt;: too few draws" in RANKING._repr_html_()
    assert ">naswot<" in TRAINED._repr_html_()


def test_a_ranking_is_a_frame_of_its_models() -> None:
    frame = TRAINED.to_frame()
    assert list(frame["model"]) == ["MLP 54-16-7", "<b>low</b>"]
    assert list(frame["rank"]) == [1, 2]
    assert list(frame["score"]) == [600.0, 500.0]
    assert list(frame["score_std_error"].isna()) == [False, True]
    assert list(frame.iloc[0][["score_low", "score_high", "two_sed_score"]]) == [564, 636, 601]
    assert list(frame["probability_best"]) == [0.5, 0.5]
    assert list(frame["inputs"]) == list(frame["draws"]) == [100, 100]
    assert list(frame["train_loss"]) == [0.6, 1.0]
    assert list(frame["naswot"]) == [3.0, 3.0]


def test_frames_hold_what_csv_holds() -> None:
    for frame, text in (
        (BEST.to_frame(), csv_text([BEST])),
        (made_stability().to_frame(), stability_csv(made_stability())),
    ):
        assert frame.to_csv(index=False, lineterminator="\n") == text


def test_a_gate_and_a_bound_are_frames() -> None:
    gate, bound = GATE.to_frame(), made_bound()
    assert list(gate["name"]) == ["a", "b"]
    assert list(gate["status"]) == ["passed", "failed"]
    assert list(gate["ratio"]) == [0.98, 0.98]
    assert "checks" not in gate
    np.testing.assert_array_equal(bound.to_frame()["log_covering"], bound.covering.estimate)
    assert isinstance(gate, pandas.DataFrame)


def test_without_pandas_one_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UsageError, match=r"pandas, which is not installed\. .*pip install pandas"):
        RANKING.to_frame()


def test_models_are_found_by_place_and_name() -> None:
    assert [model.name for model in RANKING] == ["MLP 54-16-7", "<b>low</b>"]
    assert len(RANKING) == 2
    assert RANKING[-1] is RANKING["<b>low</b>"] is RANKING.models[1]
    assert RANKING[:1] == RANKING.models[:1]
    assert "MLP 54-16-7" in RANKING
    assert RANKING[0] in RANKING
    assert "MLP 54-16-8" not in RANKING
    with pytest.raises(KeyError, match=r"no model `MLP 54-16-8`\. Did you mean `MLP 54-16-7`"):
        RANKING["MLP 54-16-8"]
    with pytest.raises(IndexError):
        RANKING[2]
    study = made_stability()
    assert study[study.models[1].name] is study.models[1]
    assert len(GATE) == 2
