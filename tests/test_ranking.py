"""Ranking: order, separation, crossings, and candidates that cannot be compared."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from sed2.errors import UsageError
from sed2.ranking import check_comparable, rank_results
from sed2.results import Curve, ModelResult, Score
from sed2.settings import Settings
from tests.cases import estimate_spec, gaussian_inputs

EPS = np.array([0.01, 0.1])


@pytest.fixture(scope="module")
def template() -> ModelResult:
    return estimate_spec("MLP 4-3-2", gaussian_inputs(9, 4), eps=EPS.tolist(), draws=3)


def made(template: ModelResult, name: str, curve: tuple[float, float], error: float) -> ModelResult:
    zero = np.zeros(2)
    return replace(
        template,
        name=name,
        lower_two_sed=Curve(np.array(curve), zero, zero, zero),
        score=Score(sum(curve) / 2, error, 0.0, 0.0),
    )


def test_largest_score_first_and_equal_scores_by_name(template: ModelResult) -> None:
    scores = {"c": 1, "a": 5, "b": 5}
    results = [made(template, name, (value, value), 1) for name, value in scores.items()]
    ranking = rank_results(results)
    assert [(m.rank, m.result.name) for m in ranking.models] == [(1, "a"), (2, "b"), (3, "c")]


def test_separation_is_in_standard_errors_of_the_difference(template: ModelResult) -> None:
    ranking = rank_results([made(template, "a", (9, 9), 3), made(template, "b", (4, 4), 4)])
    assert ranking.models[0].separation == pytest.approx(1.0)
    assert math.isnan(ranking.models[1].separation)


def test_crossing_is_interpolated_in_log_eps(template: ModelResult) -> None:
    ranking = rank_results([made(template, "a", (3, 3), 1), made(template, "b", (1, 4), 1)])
    (crossing,) = ranking.crossings
    assert crossing.eps == pytest.approx(10 ** (-2 + 2 / 3))
    assert (crossing.larger_below, crossing.larger_above) == ("a", "b")


def test_curves_that_do_not_cross(template: ModelResult) -> None:
    ranking = rank_results([made(template, "a", (3, 5), 1), made(template, "b", (1, 4), 1)])
    assert ranking.crossings == ()


def test_candidates_on_other_grids_are_refused() -> None:
    two = [Settings(dataset="x", eps=EPS.tolist()), Settings(dataset="x", eps=[0.5])]
    with pytest.raises(UsageError, match=r"`a` and `b` cannot be ranked together: `eps`"):
        check_comparable(["a", "b"], two)


def test_candidates_with_more_draws_of_their_own_are_ranked_with_a_note(
    template: ModelResult,
) -> None:
    other = replace(template, name="b", settings=template.settings.model_copy(update={"draws": 9}))
    check_comparable(["a", "b"], [template.settings, other.settings])
    assert rank_results([template, other]).warnings == ("candidates differ in their own `draws`",)
