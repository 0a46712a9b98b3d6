"""The stability study on models whose scores are known: what is computed, and the verdict."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sed2
from sed2.common.progress import Progress, Report
from sed2.errors import UsageError
from sed2.report.tables.stability import sentence, sigma_sentence
from sed2.results import ModelResult
from sed2.robustness.results import StabilityResult, Sweep
from sed2.robustness.study import Grids, check_shared, read_grids, study
from sed2.settings import Settings
from sed2.spec.schema import load_spec
from sed2.tasks import Task
from tests.report.made import made_result, made_score

Known = Callable[[Settings], float]
SMALL = {"samples": "10,20,40,80", "draws": "10,100,400", "sigma": "0.01,0.1"}
NOISE = (1.0, -2.0, 0.0, 2.0, -1.0)
"""What the seeds add to a score."""


def grids(seeds: int = 5, **given: str) -> Grids:
    return read_grids({**SMALL, **given}, seeds)  # type: ignore[dict-item]


def studied(
    scores: Mapping[str, Known], of: Grids | None = None, rows: int = 1000, **settings: Any
) -> StabilityResult:
    """The study with these functions of the settings for models."""
    own = Settings.model_validate({"dataset": "made", "samples": 20, "draws": 100, **settings})
    models = [replace(load_spec("MLP 4-3-2").models[0], name=name) for name in scores]

    def run(task: Task, its: Settings, report: Report) -> ModelResult:
        made = made_result(task.model.name)
        return replace(made, settings=its, score=made_score(scores[task.model.name](its), 0.0))

    return study(models, [own] * len(models), of or grids(), rows, MadeUp(run))


class MadeUp:
    """A workplace of a function of the settings."""

    device = ""

    def __init__(self, run: Callable[[Task, Settings, Report], ModelResult]) -> None:
        self._run = run

    def announce(self, tasks: Sequence[Task], progress: Progress) -> None:
        """Nothing is prepared."""

    def values(self, tasks: Sequence[Task], progress: Progress) -> list[Any]:
        return [tuple(self._each(task, progress)) for task in tasks]

    def _each(self, task: Task, progress: Progress) -> Iterator[ModelResult]:
        for draws in task.own:
            settings = task.settings.model_copy(update={"draws": draws})
            first = draws == task.own[0]  # whose work serves the others
            report = partial(progress, task.title) if first else lambda done, total: None
            yield self._run(task, settings, report)


def far_apart(its: Settings) -> float:
    return 100 + its.samples + NOISE[its.seed]


def test_a_clear_order_is_settled() -> None:
    result = studied({"b": lambda its: 50 + NOISE[its.seed], "a": far_apart})
    verdict = result.verdict
    assert verdict.settled is True
    assert verdict.order == ("a", "b")
    assert (verdict.agreeing, verdict.tau) == (5, 1.0)
    assert (verdict.samples, verdict.draws) == (10, 10)
    assert sentence(result) == (
        "The ranking a > b is settled at N = 20, K = 100: all 5 seeds agree on it, here and at "
        "every larger N and every larger K of the grids (two equal models would be ordered alike "
        "by 5 seeds in 1 of 16 cases)."
    )


def test_what_larger_n_and_k_would_settle_is_told() -> None:
    """a leads by N / 20, which the seeds may outweigh by twice 10 / sqrt(K)."""
    result = studied(
        {
            "a": lambda its: its.samples / 20 + NOISE[its.seed] * 10.5 / math.sqrt(its.draws),
            "b": lambda its: 0.0,
        }
    )
    verdict = result.verdict
    assert verdict.settled is False
    assert verdict.agreeing == 3
    assert verdict.samples == 80
    assert verdict.draws is None  # at K = 400 the worst seed is 0.05 behind
    assert verdict.draws_extrapolated == pytest.approx(400 * 1.05**2)
    assert sentence(result) == (
        "The ranking is not settled at N = 20, K = 100: 3 of 5 seeds agree with the largest N on "
        "a > b (Kendall's tau between seeds: -0.20); at K = 100, all seeds agree on it at N = 80, "
        "the largest tried; at N = 20, all seeds would from about K = 450 on, extrapolated by "
        "1/sqrt(K)."
    )


def test_a_larger_k_is_extrapolated_by_the_square_root_law() -> None:
    """A gap of 1, the worst seed 2.5 below at K = 400, so level at 400 * 2.5^2 = 2,500."""
    deviations = (-2.5, 1.0, 0.5, 0.5, 0.5)
    result = studied(
        {
            "a": lambda its: 1 + deviations[its.seed] * math.sqrt(400 / its.draws),
            "b": lambda its: 0.0,
        }
    )
    # The sign of the mean gap: 1 > 2 * 1.42 / sqrt(5) does not hold, so nothing is claimed.
    assert math.isnan(result.verdict.draws_extrapolated)
    assert "no setting of the grids settles a against b" in sentence(result)

    deviations = (-1.5, 0.5, 0.5, 0.25, 0.25)  # 1 > 2 * 0.85 / sqrt(5) = 0.76
    result = studied(
        {
            "a": lambda its: 1 + deviations[its.seed] * math.sqrt(400 / its.draws),
            "b": lambda its: 0.0,
        }
    )
    verdict = result.verdict
    assert verdict.settled is False
    assert verdict.draws is None
    assert verdict.draws_extrapolated == pytest.approx(400 * 1.5**2)
    assert verdict.never == ()
    assert "all seeds would from about K = 900 on, extrapolated by 1/sqrt(K)." in sentence(result)
    assert "at K = 100, no N of the grid settles a against b; at N = 20, all seeds" in sentence(
        result
    )


def test_equal_models_are_never_settled() -> None:
    result = studied({"a": lambda its: NOISE[its.seed], "b": lambda its: 0.0})
    assert result.verdict.settled is False
    assert [(p.ahead, p.behind) for p in result.verdict.never] == [("a", "b")]
    assert sentence(result).endswith("no setting of the grids settles a against b.")


def test_an_order_that_turns_with_n_is_not_settled_however_clear() -> None:
    """All seeds agree at the base, and all on the opposite at the largest N."""
    result = studied({"a": lambda its: its.samples, "b": lambda its: 50.0})
    assert result.verdict.settled is False
    assert result.verdict.order == ("a", "b")
    assert (result.verdict.agreeing, result.verdict.tau) == (0, 1.0)
    assert result.verdict.samples == 80
    assert result.verdict.draws is None
    assert "no K of the grid settles a against b" in sentence(result)


def test_an_order_that_turns_with_k_is_not_settled() -> None:
    result = studied({"a": lambda its: its.draws, "b": lambda its: 50.0})
    assert result.verdict.settled is True  # below the base the order does not matter
    result = studied({"a": lambda its: its.draws, "b": lambda its: 150.0})
    assert result.verdict.settled is False


def test_one_seed_settles_nothing() -> None:
    result = studied({"a": far_apart, "b": lambda its: 0.0}, grids(seeds=1))
    assert result.verdict.settled is None
    assert "cannot be told: one seed says nothing of another; give --seeds 2" in sentence(result)
    assert math.isnan(result.verdict.tau)
    assert np.isnan(result.sweeps[0].scatter).all()


@pytest.mark.parametrize(
    ("grid", "missing"), [({"samples": "10"}, "no larger N"), ({"draws": "10"}, "no larger K")]
)
def test_nothing_is_settled_where_nothing_larger_was_tried(
    grid: dict[str, str], missing: str
) -> None:
    result = studied({"a": far_apart, "b": lambda its: 0.0}, grids(**grid))
    assert result.verdict.settled is None
    assert missing in sentence(result)


def test_all_rows_are_all_inputs_there_are() -> None:
    result = studied({"a": far_apart, "b": lambda its: 0.0}, rows=20)
    assert result.sweeps[0].grid == (10, 20)
    assert result.verdict.settled is True
    assert "the grid of N is cut to the 20 rows of the data" in result.warnings
    beyond = studied({"a": far_apart, "b": lambda its: 0.0}, rows=15)
    assert beyond.sweeps[0].grid == (10, 15)
    assert beyond.sweeps[0].base_value == 15


def test_one_model_has_curves_but_no_ranking() -> None:
    result = studied({"a": far_apart})
    assert result.verdict.settled is None
    assert "one model has no ranking" in sentence(result)
    assert result.verdict.samples is result.verdict.draws is None
    assert math.isnan(result.verdict.draws_extrapolated)
    assert "One model" in sigma_sentence(result)


def test_sigma_that_changes_the_order_is_named() -> None:
    result = studied({"a": lambda its: 1.0, "b": lambda its: 20 * its.noise}, sigma=0.01)
    assert result.verdict.settled is True
    assert result.verdict.sigma_changes == (0.1,)
    assert sigma_sentence(result).endswith("another than at sigma = 0.01 for sigma = 0.1.")
    same = studied({"a": lambda its: 1.0, "b": lambda its: its.noise}, sigma=0.01)
    assert same.verdict.sigma_changes == ()


def test_the_limit_is_the_smallest_sigma() -> None:
    its_limit = {"a": lambda its: 1.0, "b": lambda its: 2.0 * (its.sigma == "limit")}
    result = studied(its_limit, grids(sigma="limit,0.01"), sigma=0.01)
    assert result.sweeps[2].grid == (0, 0.01)
    assert sigma_sentence(result).endswith("another than at sigma = 0.01 for sigma = limit.")
    result = studied(its_limit, sigma="limit")
    assert (result.sweeps[2].grid, result.sweeps[2].base) == ((0, 0.01, 0.1), 0)
    assert sigma_sentence(result).endswith("at sigma = limit for sigma = 0.01 and 0.1.")


def test_of_many_models_the_worst_pair_decides() -> None:
    """c against b needs N = 80; a is far ahead of both."""
    result = studied(
        {
            "a": far_apart,
            "b": lambda its: its.samples / 20 + NOISE[its.seed],
            "c": lambda its: 0.0,
        }
    )
    assert result.verdict.order == ("a", "b", "c")
    assert [pair.samples for pair in result.verdict.pairs] == [10, 80]
    assert [pair.agreeing for pair in result.verdict.pairs] == [5, 3]
    assert result.verdict.samples == 80


def test_every_point_is_computed_once_under_every_seed_without_the_error_of_inputs() -> None:
    seen: list[Settings] = []

    def note(its: Settings) -> float:
        seen.append(its)
        return 0.0

    result = studied({"a": note}, grids(seeds=2), seed=3, sigma=0.01, input_groups=7)
    points = [(s.samples, s.draws, s.sigma, s.seed) for s in seen]
    assert len(points) == len(set(points)) == 2 * (4 + 3 + 2 - 2)
    assert {s.seed for s in seen} == set(result.seeds) == {3, 4}
    assert {s.input_groups for s in seen} == {0}
    assert points[0] == (20, 100, 0.01, 3)  # the base comes first
    assert {p[0] for p in points if p[1:3] == (100, 0.01)} == {10, 20, 40, 80}


def test_the_base_joins_the_grids() -> None:
    result = studied({"a": far_apart}, samples=33, draws=7, sigma=0.5)
    for sweep, grid in zip(
        result.sweeps,
        [(10, 20, 33, 40, 80), (7, 10, 100, 400), (0.01, 0.1, 0.5)],
        strict=True,
    ):
        assert sweep.grid == grid
    assert [sweep.base_value for sweep in result.sweeps] == [33, 7, 0.5]
    base = [sweep.scores[:, sweep.base] for sweep in result.sweeps]
    np.testing.assert_array_equal(base[0], base[1])
    np.testing.assert_array_equal(base[0], base[2])


def test_progress_is_the_share_of_all_the_work() -> None:
    reports: list[tuple[str, int, int]] = []
    model = load_spec("MLP 4-3-2").models[0]

    def run(_: Task, its: Settings, report: Report) -> ModelResult:
        report(1, 2)
        report(2, 2)
        return replace(made_result(), settings=its)

    settings = Settings.model_validate({"dataset": "made", "samples": 20, "draws": 100})
    study([model], [settings], grids(), 1000, MadeUp(run), lambda *each: reports.append(each))
    done = [each[1] for each in reports]
    assert done == sorted(done)
    (total,) = {each[2] for each in reports}
    assert done[-1] == total
    assert {each[0] for each in reports} == {model.name}


def test_kendalls_tau_by_hand() -> None:
    """Three models, three seeds: pairs of seeds with 1, -1/3 and -1/3."""
    scores = np.array([[3.0, 3, 1], [2, 2, 3], [1, 1, 2]])[:, None, :]
    (tau,) = Sweep("samples", (1,), 0, scores).tau
    assert tau == pytest.approx((1 - 1 / 3 - 1 / 3) / 3)


@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.integers(2, 5))
def test_tau_is_one_exactly_where_all_seeds_agree(seed: int, models: int, seeds: int) -> None:
    scores = np.random.default_rng(seed).normal(size=(models, 1, seeds))
    sweep = Sweep("samples", (1,), 0, scores)
    orders = {tuple(np.argsort(scores[:, 0, s])) for s in range(seeds)}
    assert (sweep.tau[0] > 1 - 1e-12) == (len(orders) == 1)


def test_grids_are_read_in_any_form() -> None:
    read = read_grids({"samples": [5, 10], "draws": "7, 1e2", "sigma": np.array([0.1, 1.0])}, "3")
    assert read.values == {"samples": (5, 10), "draws": (7, 100), "sigma": (0.1, 1.0)}
    assert read.seeds == 3
    assert read_grids({}, None).values["sigma"] == (1e-4, 1e-3, 1e-2, 1e-1, 1)
    assert read_grids({"draws": 9}, None).values["draws"] == (9,)


BAD = {
    "unsorted": ({"samples": "100,50"}, None, "samples_grid", "ascend, but 50 follows 100"),
    "repeated": ({"draws": "50,50"}, None, "draws_grid", "ascend, but 50 follows 50"),
    "zero": ({"samples": "0,50"}, None, "samples_grid", "at least 1, not 0"),
    "empty": ({"sigma": ""}, None, "sigma_grid", "from 1 to 100 numbers, not 0"),
    "empty list": ({"sigma": []}, None, "sigma_grid", "from 1 to 100 numbers, not 0"),
    "a gap": ({"samples": "50,,100"}, None, "samples_grid", "whole number"),
    "words": ({"draws": "few"}, None, "draws_grid", '"few"'),
    "a fraction": ({"draws": "2.5"}, None, "draws_grid", "2.5"),
    "negative": ({"sigma": "-1"}, None, "sigma_grid", "above 0"),
    "limit last": ({"sigma": "0.1,limit"}, None, "sigma_grid", "ascend, but 0 follows 0.1"),
    "too many": ({"draws": list(range(1, 102))}, None, "draws_grid", "not 101"),
    "no seed": ({}, 0, "seeds", "from 1 to 1,000"),
    "seeds in words": ({}, "five", "seeds", "`five`"),
    "half a seed": ({}, 2.5, "seeds", "`2.5`"),
}


@pytest.mark.parametrize(("given", "seeds", "flag", "part"), BAD.values(), ids=BAD)
def test_bad_grids_are_refused(given: Any, seeds: Any, flag: str, part: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_grids(given, seeds)
    assert str(caught.value).startswith(f"{flag}: ")
    assert part in str(caught.value)


@pytest.mark.parametrize("field", ["samples", "draws", "sigma", "seed"])
def test_models_with_a_base_of_their_own_are_refused(field: str) -> None:
    two = [Settings(dataset="x"), Settings.model_validate({"dataset": "x", field: 7})]
    with pytest.raises(UsageError, match=f"`a` and `b` have no base to vary from: `{field}`"):
        check_shared(["a", "b"], two, 5)


def test_seeds_beyond_the_last_one_are_refused() -> None:
    with pytest.raises(UsageError, match="seed"):
        check_shared(["a"], [Settings(seed=2**63 - 3)], 5)


@pytest.mark.parametrize("own", [{}, {"score": "joint", "end_to_end_draws": 2}])
def test_the_python_api_gives_the_scores_of_rank(own: dict[str, Any]) -> None:
    settings: dict[str, Any] = {"dataset": "covertype", "samples": 4, "draws": 3, "eps": "0.1,0.01"}
    settings |= own
    spec = {"models": ["MLP 54-2-7", "MLP 54-4-7"]}
    result = sed2.stability(
        spec, samples_grid=[4, 6], draws_grid="3,5", sigma_grid=0.01, seeds=2, **settings
    )
    for k, draws in enumerate((3, 5)):
        for seed in (0, 1):
            ranking = sed2.rank(spec, **settings | {"draws": draws, "seed": seed})
            want = {model.result.name: model.result.score.value for model in ranking.models}
            got = result.sweeps[1].scores[:, k, seed]
            for model, score in zip(result.models, got, strict=True):
                assert score == pytest.approx(want[model.name], rel=1e-12)
