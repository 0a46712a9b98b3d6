"""The decision: who leads, who is tied, who is out, and what to do next."""

from __future__ import annotations

from dataclasses import replace

from sed2.ranking.results import Demand, Ranking
from sed2.report.decision import decision, headline, next_step
from tests.report.made import made_probability, made_ranking, made_result, made_trained


def ranked(places: list[int], order: list[float], best: list[float]) -> Ranking:
    """Models a, b, c, ... with these places and probabilities."""
    results = [made_result(name) for name in "abcdefgh"[: len(best)]]
    ranking = made_ranking(results)
    models = [
        replace(
            model,
            place=place,
            probability_best=made_probability(result, chance),
            order_probability=made_probability(result, ahead),
        )
        for model, place, result, chance, ahead in zip(
            ranking.models, places, results, best, [*order, float("nan")], strict=True
        )
    ]
    return replace(ranking, models=tuple(models))


def test_a_leader_is_to_be_trained() -> None:
    ranking = ranked([1, 2, 3], [0.97, 0.8], [0.96, 0.03, 0.01])
    assert decision(ranking) == [
        "Train a: it is ahead of the next with P = 0.97.",
        "Leave out b and c: the best is among them with P = 0.04.",
    ]
    assert headline(ranking) == "a leads with P = 0.96: decided"
    assert next_step(ranking, "sed2 rank m.yaml") == (
        "Next, check it by training: sed2 rank m.yaml --train"
    )


def test_a_tie_is_told_with_what_tells_it_apart() -> None:
    ranking = ranked([1, 1, 3], [0.8, 0.999], [0.8, 0.199, 0.001])
    assert decision(ranking) == [
        "Not decided: a or b. Their order has P = 0.80, below 0.95.",
        "Leave out c: it is the best with P < 0.01.",
    ]
    assert headline(ranking) == "a leads with P = 0.80: not decided, 2 of 3 are tied"
    assert next_step(ranking, "sed2 rank m.yaml") == (
        "Next, tell them apart with more draws (about 9 times the work of this run, "
        "which may not suffice): sed2 rank m.yaml --until-decided"
    )
    spent = replace(ranking, demand=Demand(0.95, 800, 800))
    assert next_step(spent, "sed2 rank m.yaml --until-decided") == (
        "Next, train the tied models, which tells them apart: "
        "sed2 rank m.yaml --until-decided --train"
    )
    assert next_step(ranking, "") is None


def test_many_are_counted() -> None:
    places = [1, 1, 1, 1, 1, 1, 7, 7]
    ranking = ranked(places, [0.6] * 7, [0.3, 0.2, 0.1, 0.1, 0.1, 0.1, 0.05, 0.05])
    assert decision(ranking) == [
        "Not decided: a, b, c, d and 2 more are tied: a is ahead of each with less than P = 0.95.",
        "Behind: g and h; the best is among them with P = 0.10.",
    ]


def test_there_is_nothing_to_decide_about_one() -> None:
    ranking = ranked([1], [], [1.0])
    assert decision(ranking) == ["a is the only candidate."]
    assert next_step(ranking, "sed2 rank m.yaml") is None


def test_after_a_training_nothing_is_left_to_do() -> None:
    trained = made_trained([made_result("a"), made_result("b")], [[0.5], [0.6]])
    assert next_step(trained, "sed2 rank m.yaml --train") is None


def test_a_probability_just_below_the_one_asked_for_does_not_read_as_equal() -> None:
    ranking = ranked([1, 1, 3], [0.9496, 0.999], [0.949, 0.05, 0.001])
    assert "Their order has P = 0.949, below 0.95." in decision(ranking)[0]
