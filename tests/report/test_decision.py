"""The decision: who leads, who is tied, who is out, and what to do next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sed2.ranking.results import Demand, Ranking
from sed2.report.decision import decision, headline, next_step
from tests.report.made import made_probability, made_ranking, made_result, made_trained


def ranked(order: list[float], best: list[float], decide_at: float = 0.95) -> Ranking:
    """Models a, b, c, ... with these probabilities of their orders, and of being the best."""
    results = [made_result(name) for name in "abcdefgh"[: len(best)]]
    ranking = made_ranking(results)
    models = [
        replace(
            model,
            probability_best=made_probability(result, chance),
            order_probability=made_probability(result, ahead),
        )
        for model, result, chance, ahead in zip(
            ranking.models, results, best, [*order, float("nan")], strict=True
        )
    ]
    return replace(ranking, models=tuple(models), decide_at=decide_at)


@pytest.mark.parametrize(
    ("order", "decide_at", "places"),
    [
        ([0.8, 0.97], 0.95, (1, 1, 3)),
        ([0.97, 0.8], 0.95, (1, 2, 2)),
        ([0.8, 0.97], 0.75, (1, 2, 3)),
        ([0.8, 0.8], 0.95, (1, 1, 1)),
        ([float("nan"), 0.97], 0.95, (1, 1, 3)),  # an undefined error tells nothing apart
    ],
)
def test_models_that_are_not_told_apart_share_a_place(
    order: list[float], decide_at: float, places: tuple[int, ...]
) -> None:
    assert ranked(order, [0.5, 0.3, 0.2], decide_at).places == places


def test_a_leader_is_to_be_trained() -> None:
    ranking = ranked([0.97, 0.8], [0.96, 0.03, 0.01])
    assert decision(ranking) == [
        "Train a: it is ahead of the next with P = 0.97.",
        "Leave out b and c: the best is among them with P = 0.04.",
    ]
    assert headline(ranking) == "a leads with P = 0.96: decided"
    assert next_step(ranking, "sed2 rank m.yaml") == (
        "Next, check it by training: sed2 rank m.yaml --train"
    )


def test_a_tie_is_told_with_what_tells_it_apart() -> None:
    ranking = ranked([0.8, 0.999], [0.8, 0.199, 0.001])
    assert decision(ranking) == [
        "Not decided: a or b. Their order has P = 0.80, below 0.95.",
        "Leave out c: it is the best with P < 0.01.",
    ]
    assert headline(ranking) == "a leads with P = 0.80: not decided, 2 of 3 are tied"
    assert next_step(ranking, "sed2 rank m.yaml") == (
        "Next, tell them apart with more draws: sed2 rank m.yaml --until-decided"
    )
    spent = replace(ranking, demand=Demand(0.95, 800, 800))
    assert next_step(spent, "sed2 rank m.yaml --until-decided") == (
        "Next, train the tied models, which tells them apart: "
        "sed2 rank m.yaml --until-decided --train"
    )
    assert next_step(ranking, "") is None


def test_many_are_counted() -> None:
    ranking = ranked([0.6] * 5 + [0.97, 0.6], [0.3, 0.2, 0.1, 0.1, 0.1, 0.1, 0.05, 0.05])
    assert decision(ranking) == [
        "Not decided: a, b, c, d and 2 more are tied. No order of neighbours among them has P "
        "0.95.",
        "Behind: g and h; the best is among them with P = 0.10.",
    ]


def test_there_is_nothing_to_decide_about_one() -> None:
    ranking = ranked([], [1.0])
    assert decision(ranking) == ["a is the only candidate."]
    assert next_step(ranking, "sed2 rank m.yaml") is None


def test_after_a_training_nothing_is_left_to_do() -> None:
    trained = made_trained([made_result("a"), made_result("b")], [[0.5], [0.6]])
    assert next_step(replace(trained, decide_at=0.8), "sed2 rank m.yaml --train") is None
