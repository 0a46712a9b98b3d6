"""`--until-decided`: what it adds, where it stops, and that decided orders stay."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import pytest

from sed2.errors import ResourceError, UsageError
from sed2.options import DecidingOptions
from sed2.ranking import deciding
from sed2.ranking.deciding import rank_until_decided, read_demand
from sed2.ranking.results import Demand
from sed2.results import ModelResult
from sed2.settings import Settings, resolve
from tests.report.made import made_curve, made_replicates, made_result, made_score

DEMAND = Demand(0.95, 800, 800)


@dataclass
class World:
    """Models whose scores are known, and whose errors shrink with the root of N or K."""

    values: dict[str, float]
    draws: float = 0.0
    """Error of the draws for K = 1."""
    inputs: float = 0.0
    """Error of the inputs for N = 1, each model's own."""
    largest: int = 10**9
    """K that fits memory."""
    noisy: str = ""
    """One model whose error of the draws is 30 times that of the others."""
    runs: list[tuple[str, int, int]] = field(default_factory=list)
    ahead: list[str] = field(default_factory=list)
    """What was told before each run."""

    def run(self, settings: Mapping[str, Settings], ahead: str = "") -> list[ModelResult]:
        self.ahead.append(ahead)
        return [self._run(name, its) for name, its in settings.items()]

    def _run(self, name: str, settings: Settings) -> ModelResult:
        n, k = settings.samples, settings.draws
        if k > self.largest:
            raise ResourceError("it does not fit", mend="Take less")
        self.runs.append((name, n, k))
        place, value = sorted(self.values).index(name), self.values[name]
        inputs = np.zeros(60)
        inputs[place] = self.inputs / math.sqrt(n)
        return replace(
            made_result(name, eps=(0.1, 0.2), size=1e6),
            settings=settings,
            inputs=n,
            lower_two_sed=made_curve(np.array([value, -value]), 0.0),  # not the score alone
            score=made_score(value, 0.0),
            replicates=made_replicates(
                2,
                draws=[self.draws / math.sqrt(k) * (30 if name == self.noisy else 1)],
                inputs=inputs,
                stream=place,
            ),
        )

    def settings(self) -> dict[str, Settings]:
        return {
            name: Settings.model_validate({"dataset": "made", "eps": [0.1]}) for name in self.values
        }


def test_what_is_decided_at_once_costs_nothing_more() -> None:
    world = World({"a": 3.0, "b": 2.0, "c": 1.0}, draws=1.0)
    ranking = rank_until_decided(world.settings(), world.run, DEMAND)
    assert len(world.runs) == 3
    assert [m.decided for m in ranking.models] == [True, True, None]
    assert ranking.warnings == ()


def test_only_what_is_not_told_apart_gets_more_and_the_same_for_all_of_it() -> None:
    world = World({"a": 3.0, "b": 2.9, "c": 1.0}, draws=1.0)
    ranking = rank_until_decided(world.settings(), world.run, DEMAND)
    assert [m.result.name for m in ranking.models] == ["a", "b", "c"]
    assert [m.decided for m in ranking.models] == [True, True, None]
    draws = [m.result.settings.draws for m in ranking.models]
    assert draws[0] == draws[1] > draws[2] == 100
    assert {m.result.settings.samples for m in ranking.models} == {100}
    assert sum(m.probability_best.score for m in ranking.models) == pytest.approx(1)


def test_models_below_a_clear_winner_are_told_apart_too() -> None:
    """That the first is ahead of the last says nothing of the second and the last."""
    world = World({"a": 3.0, "b": 1.1, "c": 1.0}, draws=1.0)
    ranking = rank_until_decided(world.settings(), world.run, DEMAND)
    draws = [m.result.settings.draws for m in ranking.models]
    assert draws[0] == 100 < draws[1] == draws[2]
    assert [m.decided for m in ranking.models] == [True, True, None]


@pytest.mark.parametrize("noisy", ["a", "c"])
def test_neighbours_that_are_told_apart_stay_where_a_third_may_come_between(noisy: str) -> None:
    """The two that are sure of each other are neighbours; the third is sure of neither."""
    world = World({"a": 3.0, "b": 2.0, "c": 1.0}, draws=1.0, noisy=noisy)
    rank_until_decided(world.settings(), world.run, Demand(0.95, 200, 100))
    assert sorted(world.runs) == [(name, 100, k) for name in "abc" for k in (100, 200)]


@pytest.mark.parametrize(("source", "grown"), [("draws", "draws"), ("inputs", "samples")])
def test_the_source_that_dominates_the_error_is_doubled_first(source: str, grown: str) -> None:
    world = World({"a": 3.0, "b": 2.9}, **{source: 1.0})
    ranking = rank_until_decided(world.settings(), world.run, DEMAND)
    assert all(m.decided for m in ranking.models[:-1])
    settings = ranking.models[0].result.settings
    other = {"draws": "samples", "samples": "draws"}[grown]
    assert getattr(settings, grown) > 100
    assert getattr(settings, other) == 100


def test_the_budget_is_kept_and_what_is_left_open_is_said() -> None:
    world = World({"a": 3.0, "b": 2.9999, "c": 1.0}, draws=1.0, inputs=0.5)
    ranking = rank_until_decided(world.settings(), world.run, Demand(0.95, 300, 150))
    assert max(k for _, _, k in world.runs) == 300
    assert max(n for _, n, _ in world.runs) == 150
    assert [m.decided for m in ranking.models] == [False, True, None]
    (warning,) = ranking.warnings
    assert warning.startswith("not decided at 0.95 within 300 draws and 150 inputs: ")
    assert "a and b" in warning or "b and a" in warning


def test_inputs_that_are_all_rows_are_not_asked_for_again() -> None:
    world = World({"a": 3.0, "b": 2.9999}, draws=1.0)
    rank_until_decided(world.settings(), world.run, DEMAND)
    assert {n for _, n, _ in world.runs} == {100}


def test_a_round_that_does_not_fit_memory_ends_it_with_what_there_is() -> None:
    world = World({"a": 3.0, "b": 2.9999}, draws=1.0, largest=200)
    ranking = rank_until_decided(world.settings(), world.run, DEMAND)
    assert ranking.models[0].result.settings.draws == 200
    assert ranking.models[0].decided is False
    assert any("it does not fit" in text for text in ranking.warnings)


def test_an_order_that_was_decided_stays() -> None:
    """b and c would overtake a with more draws, by which their targets grow."""

    class Growing(World):
        def _run(self, name: str, settings: Settings) -> ModelResult:
            result = super()._run(name, settings)
            value = result.score.value + (settings.draws > 100) * 100
            return replace(result, score=made_score(value, 0.0))

    world = Growing({"a": 3.0, "b": 2.0, "c": 1.95}, draws=1.0)
    ranking = rank_until_decided(world.settings(), world.run, DEMAND)
    assert ranking.models[0].result.name == "a"
    assert ranking.models[0].result.score.value < ranking.models[1].result.score.value
    assert [m.rank for m in ranking.models] == [1, 2, 3]
    assert ranking.models[0].probability_best.score > 0.99


def test_the_order_of_the_file_changes_nothing() -> None:
    values = {"a": 3.0, "b": 2.95, "c": 2.9, "d": 1.0}
    there, back = (
        rank_until_decided(world.settings(), world.run, DEMAND)
        for world in (World(values, draws=1.0), World(dict(reversed(values.items())), draws=1.0))
    )
    for one, other in zip(there.models, back.models, strict=True):
        assert one.result.name == other.result.name
        assert one.order_probability.score == pytest.approx(
            other.order_probability.score, nan_ok=True
        )


def test_the_budget_is_eight_times_what_is_given() -> None:
    settings = {"a": Settings(draws=30, samples=40)}
    assert read_demand(DecidingOptions(), settings) == Demand(0.95, 240, 320)
    given = {"decide_at": "0.9", "max_draws": "50", "max_samples": None}
    assert read_demand(resolve(given, {}, of=DecidingOptions), settings) == Demand(0.9, 50, 320)


@pytest.mark.parametrize("given", [{"decide_at": 0.5}, {"decide_at": "sure"}, {"max_draws": 0}])
def test_a_demand_that_means_nothing_is_refused(given: dict[str, object]) -> None:
    (name,) = given
    with pytest.raises(UsageError) as caught:
        read_demand(resolve(given, {}, of=DecidingOptions), {"a": Settings()})
    assert caught.value.where == name


def timed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> tuple[list[float], Callable[[Mapping[str, Settings], str], list[ModelResult]]]:
    """The clock, and `world.run` that takes a second for 20 draws of one model."""
    now = [0.0]
    monkeypatch.setattr("sed2.ranking.deciding.time.monotonic", lambda: now[0])

    def run(settings: Mapping[str, Settings], ahead: str) -> list[ModelResult]:
        now[0] += sum(its.draws for its in settings.values()) / 20
        return world.run(settings, ahead)

    return now, run


def test_a_step_that_would_not_fit_the_time_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first step takes 10 s, the next has twice the draws: 30 s in all."""
    world = World({"a": 100.0, "b": 100.1}, draws=50.0)
    now, run = timed(world, monkeypatch)
    for budget, draws in ((29, 100), (31, 200)):
        now[0] = 0
        ranking = rank_until_decided(world.settings(), run, replace(DEMAND, budget=budget))
        assert {model.result.settings.draws for model in ranking.models} == {draws}
        (stopped,) = [warning for warning in ranking.warnings if "stopped" in warning]
        assert f"s, and {budget} s are not to be exceeded" in stopped


def test_before_every_further_step_the_rest_is_forecast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 10 s for K = 100, the gap needs K = 800: 20, 40 and 80 s more, the first one included."""
    world = World({"a": 101.0, "b": 100.0}, draws=10.0)
    _, run = timed(world, monkeypatch)
    ranking = rank_until_decided(world.settings(), run, DEMAND)
    assert all(model.decided for model in ranking.models[:-1])
    assert world.ahead == [
        "",
        *(f"decided in about {seconds} s" for seconds in (140, 120, 80)),
    ]
    world.values["b"], world.ahead[:] = 100.9, []
    rank_until_decided(world.settings(), run, DEMAND)
    assert world.ahead[-1].startswith("at the limits, perhaps undecided, in about ")


def test_more_draws_are_more_of_the_whole_network_too() -> None:
    world = World({"a": 3.0, "b": 2.9}, draws=1.0)
    given = {
        name: its.model_copy(update={"end_to_end_draws": 20})
        for name, its in world.settings().items()
    }
    ranking = rank_until_decided(given, world.run, DEMAND)
    settings = ranking.models[0].result.settings
    assert settings.draws > 100
    assert settings.end_to_end_draws == settings.draws // 5


def test_clusters_are_split_where_every_order_across_is_decided() -> None:
    """As that definition has it, for a hundred made-up tables of what is decided."""
    rng = np.random.default_rng(3)
    for _ in range(100):
        count = int(rng.integers(1, 8))
        decided = rng.uniform(size=(count, count)) < rng.uniform(0.5, 1)

        class Made(deciding._Round):
            def is_decided(self, upper: int, lower: int, table: np.ndarray = decided) -> bool:
                assert upper < lower
                return bool(table[upper, lower])

        cuts = [cut for cut in range(1, count) if decided[:cut, cut:].all()]
        want = [range(a, b) for a, b in pairwise([0, *cuts, count])]
        round_ = Made(ranking=None, scores=[np.zeros(0)] * count, demand=None)  # type: ignore[arg-type]
        assert round_.clusters() == want
