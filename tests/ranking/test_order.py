"""Ranking: order, separation, crossings, and candidates that cannot be compared."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from sed2.errors import UsageError
from sed2.ranking.order import LEADING, check_comparable, rank_results
from sed2.results import ModelResult
from sed2.settings import Settings
from tests.report.made import made_curve, made_replicates, made_result, made_score

EPS = np.array([0.01, 0.1])


def made(name: str, curve: tuple[float, float], *, stream: int = 0, **kinds: object) -> ModelResult:
    """A result with chosen values and chosen replicates, the same at all eps."""
    result = made_result(name, eps=EPS.tolist(), draws=10**6, size=1e6)
    return replace(
        result,
        lower_two_sed=made_curve(np.array(curve, float), 0.0),
        score=made_score(sum(curve) / 2, 0.0),
        replicates=made_replicates(2, stream=stream, **kinds),
    )


def test_largest_score_first_and_equal_scores_by_name() -> None:
    scores = {"c": 1, "a": 5, "b": 5}
    results = [made(name, (value, value)) for name, value in scores.items()]
    ranking = rank_results(results)
    assert [(m.rank, m.result.name) for m in ranking.models] == [(1, "a"), (2, "b"), (3, "c")]


def test_separation_is_in_standard_errors_of_the_difference() -> None:
    ranking = rank_results([made("a", (9, 9), draws=[3.0]), made("b", (4, 4), draws=[0.0, 4.0])])
    assert ranking.models[0].separation == pytest.approx(1.0)
    assert math.isnan(ranking.models[1].separation)


def test_what_moves_all_models_alike_separates_them_none_the_less() -> None:
    """The same inputs: only the difference of their deviations counts."""
    moved = [made("a", (9, 9), inputs=[30.0, -4.0]), made("b", (4, 4), inputs=[30.0, 1.0])]
    assert rank_results(moved).models[0].separation == pytest.approx(1.0)


def test_crossing_is_interpolated_in_log_eps() -> None:
    (crossing,) = rank_results([made("a", (3, 3)), made("b", (1, 4))]).crossings
    assert crossing.eps == pytest.approx(10 ** (-2 + 2 / 3))
    assert (crossing.larger_below, crossing.larger_above) == ("a", "b")
    assert crossing.eps_interval == pytest.approx((crossing.eps, crossing.eps))
    assert crossing.probability > 0.999


def test_of_many_models_the_best_are_asked_for_crossings() -> None:
    """Each crosses the one before it, and the last two are beyond those that are asked."""
    results = [made(f"m{n:02}", (-n, -n) if n % 2 else (-n - 3, -n)) for n in range(LEADING + 2)]
    ranking = rank_results(results)
    rank = {model.result.name: model.rank for model in ranking.models}
    found = [max(rank[c.larger_below], rank[c.larger_above]) for c in ranking.crossings]
    assert max(found) == LEADING
    few = rank_results([model.result for model in ranking.models[:LEADING]])
    assert few.crossings == ranking.crossings


def test_the_interval_of_a_crossing_is_that_of_the_gap() -> None:
    """The gap is 2 + x at eps 0.01 and -1 + x at 0.1, x normal of s.d. 0.2: the curves cross at
    (2 + x) / 3 of the way."""
    (crossing,) = rank_results([made("a", (3, 3), draws=[0.2]), made("b", (1, 4))]).crossings
    want = [10 ** (-2 + (2 + z * 0.2) / 3) for z in (-1.96, 1.96)]
    assert crossing.eps_interval == pytest.approx(want, rel=0.05)
    assert crossing.probability > 0.999


def test_a_crossing_is_as_probable_as_both_signs_of_the_gap() -> None:
    """The gap is 1 + x and -1 + x: of both signs where |x| < 1."""
    (crossing,) = rank_results([made("a", (1, -1), draws=[1.0]), made("b", (0, 0))]).crossings
    assert crossing.probability == pytest.approx(0.683, abs=0.03)  # 4 standard deviations


def test_curves_that_do_not_cross() -> None:
    assert rank_results([made("a", (3, 5)), made("b", (1, 4))]).crossings == ()


def test_candidates_on_other_grids_are_refused() -> None:
    two = [Settings(dataset="x", eps=EPS.tolist()), Settings(dataset="x", eps=[0.5])]
    with pytest.raises(UsageError, match=r"`a` and `b` cannot be ranked together: `eps`"):
        check_comparable(["a", "b"], two)


def test_candidates_with_more_draws_of_their_own_are_ranked_with_a_note() -> None:
    one, other = made("a", (1, 1)), made("b", (2, 2))
    other = replace(other, settings=other.settings.model_copy(update={"draws": 9}))
    check_comparable(["a", "b"], [one.settings, other.settings])
    assert rank_results([one, other]).warnings == ("candidates differ in their own `draws`",)


def test_company_changes_no_number_of_two_neighbours() -> None:
    pair = [made("a", (5, 5), draws=[1.0], stream=1), made("b", (4, 4), draws=[1.0], stream=2)]
    third = made("c", (1, 1), draws=[1.0], stream=3)
    alone, together = rank_results(pair), rank_results([third, *pair])
    assert alone.models[0].order_probability.score == together.models[0].order_probability.score
    assert alone.models[0].separation == together.models[0].separation


def test_one_model_is_the_best_and_has_no_next() -> None:
    (model,) = rank_results([made("a", (5, 5), draws=[1.0])]).models
    assert model.probability_best.score == 1
    assert math.isnan(model.order_probability.score)
    assert np.isnan(model.order_probability.curve).all()


def test_models_that_are_not_told_apart_share_a_place() -> None:
    """Each gap of 1 has P = 0.76 (errors of 1 each), of 2 0.92, of 3 0.98."""
    results = [made(n, (-i, -i), draws=[1.0], stream=i) for i, n in enumerate("abcde")]
    assert [model.place for model in rank_results(results)] == [1, 1, 1, 4, 4]
    assert [model.place for model in rank_results(results, 0.9)] == [1, 1, 3, 3, 5]
    assert [model.place for model in rank_results(results, 0.7)] == [1, 2, 3, 4, 5]
