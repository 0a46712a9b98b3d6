"""The gates of one model: when it is looked at again, and what decides."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from sed2.gating.judging import GateRun, judge_model, missing_model
from sed2.gating.outcome import GatedModel, Status
from sed2.results import ModelResult
from sed2.spec.schema import ModelSpec, load_spec
from tests.gating.made import made_rules, made_stored
from tests.report.made import made_replicates, made_result

MODEL = load_spec("MLP 54-16-7").models[0]
SAME = MODEL.sha256


@dataclass
class World:
    """A model whose score is known, and how many batches of it were asked for."""

    first: float
    later: float
    error: float = 1.0
    taken: list[int] = field(default_factory=list)
    lower: bool = False
    """Whether later batches are lower estimates."""

    def batch(self, number: int) -> ModelResult:
        self.taken.append(number)
        value = self.later + (-1) ** number if number else self.first
        result = made_result("a", value=value, error=self.error, eps=(0.1,))
        if self.lower and number:
            result = replace(result, score=replace(result.score, lower_estimate=True))
        return replace(result, replicates=made_replicates(1, inputs=(0.5, -0.5)))

    def judge(
        self,
        *,
        model: ModelSpec = MODEL,
        spec: str | None = None,
        answered: bool = False,
        known: bool = True,
        **rules: object,
    ) -> GatedModel:
        stored = made_stored(100.0, spec=spec or "0" * 64) if known else None
        run = GateRun(self.batch)
        return judge_model(model, 976, stored, made_rules(**rules), run, answered=answered)


def statuses(gated: GatedModel) -> dict[str, str]:
    return {check.kind: str(check.status) for check in gated.checks}


def test_what_is_clear_is_decided_by_one_batch() -> None:
    for value, status in ((105.0, Status.PASSED), (80.0, Status.FAILED)):
        world = World(value, value)
        gated = world.judge()
        assert (gated.status, world.taken) == (status, [0])
        assert gated.score is not None
        assert gated.score.draws == 100
        assert gated.ratio is not None
        assert gated.ratio.value == pytest.approx(value / 100)


@pytest.mark.parametrize(
    ("later", "status"),
    [(100.0, Status.PASSED), (90.0, Status.FAILED), (95.0, Status.UNDECIDED)],
)
def test_what_is_not_gets_all_draws_that_are_allowed(later: float, status: Status) -> None:
    world = World(95.0, later)
    gated = world.judge()
    assert (gated.status, world.taken) == (status, list(range(8)))
    assert gated.score is not None
    assert gated.score.draws == 800


def test_the_budget_is_kept() -> None:
    world = World(95.0, 100.0)
    assert world.judge(max_draws=350).status is Status.PASSED
    assert world.taken == [0, 1, 2]
    world = World(95.0, 100.0)
    assert world.judge(max_draws=199).status is Status.UNDECIDED
    assert world.taken == [0]


def test_an_answered_model_is_not_computed_whatever_its_error() -> None:
    world = World(0.0, 0.0, error=1e6)
    gated = world.judge(spec=SAME, answered=True)
    assert (gated.status, world.taken) == (Status.PASSED, [])
    assert gated.unchanged
    assert not gated.computed
    assert gated.ratio is not None
    assert (gated.ratio.value, gated.ratio.std_error) == (1.0, 0.0)


def test_more_than_what_it_was_is_never_reached_by_an_unchanged_model() -> None:
    gated = World(0.0, 0.0).judge(spec=SAME, answered=True, min_ratio=1.01)
    assert statuses(gated) == {"ratio": "failed"}


def test_an_unchanged_model_under_other_versions_is_computed_but_passes() -> None:
    world = World(50.0, 50.0)
    gated = world.judge(spec=SAME)
    assert (gated.status, world.taken) == (Status.PASSED, [0])
    assert gated.unchanged
    assert gated.computed


@pytest.mark.parametrize(("value", "unchanged"), [(99.0, True), (99.0 * (1 + 1e-5), False)])
def test_only_equal_numbers_show_that_ones_own_network_is_unchanged(
    value: float, unchanged: bool
) -> None:
    own = replace(MODEL, module="package.module:factory")
    gated = World(value, value).judge(model=own, spec=own.sha256)
    assert gated.unchanged is unchanged
    assert gated.status is Status.PASSED


def test_the_floor() -> None:
    assert statuses(World(105.0, 105.0).judge(min_score=90)) == {
        "ratio": "passed",
        "floor": "passed",
    }
    world = World(105.0, 105.0)
    assert statuses(world.judge(min_score=120)) == {"ratio": "passed", "floor": "failed"}
    assert world.taken == [0]
    world = World(105.0, 105.0)
    assert statuses(world.judge(min_score=105)) == {"ratio": "passed", "floor": "undecided"}
    assert world.taken == list(range(8))


def test_each_gate_says_what_it_held_against_what() -> None:
    ratio, floor = World(105.0, 105.0).judge(min_score=90).checks
    assert ratio.message == "score 105.0, 1.050 of the baseline's 100.0; at least 0.95 demanded"
    assert floor.message == "score 105.0, at least 90 demanded"


@pytest.mark.parametrize("lower", [False, True])
def test_a_score_is_a_lower_estimate_if_one_batch_is(lower: bool) -> None:
    gated = World(95.0, 95.0, lower=lower).judge()
    assert gated.score is not None
    assert gated.score.lower_estimate is lower
    assert gated.baseline is not None
    assert gated.baseline.lower_estimate is True


def test_the_floor_of_an_answered_model_is_held_against_its_stored_score() -> None:
    world = World(100.0, 100.0)
    gated = world.judge(spec=SAME, answered=True, min_score=50)
    assert (statuses(gated), world.taken) == ({"ratio": "passed", "floor": "passed"}, [])
    world = World(100.0, 100.0)
    gated = world.judge(spec=SAME, answered=True, min_score=100)
    assert statuses(gated) == {"ratio": "passed", "floor": "undecided"}
    assert world.taken == list(range(8))


def test_what_was_decided_stays_so() -> None:
    """The floor is passed at the first look; the later batches are below it."""
    gated = World(95.0, 40.0).judge(min_score=50)
    assert statuses(gated) == {"ratio": "failed", "floor": "passed"}


def test_no_draws_are_added_where_it_fails_anyway() -> None:
    world = World(95.0, 100.0)
    gated = world.judge(max_parameters=900)
    assert statuses(gated) == {"parameters": "failed", "ratio": "undecided"}
    assert gated.status is Status.FAILED
    assert world.taken == [0]


@pytest.mark.parametrize(("most", "status"), [(976, "passed"), (975, "failed")])
def test_the_number_of_parameters(most: int, status: str) -> None:
    assert statuses(World(105.0, 105.0).judge(max_parameters=most))["parameters"] == status


def test_a_new_model_fails_unless_allowed_and_costs_nothing_without_a_floor() -> None:
    world = World(100.0, 100.0)
    assert statuses(world.judge(known=False)) == {"new": "failed"}
    gated = world.judge(known=False, allow_new=True)
    assert (statuses(gated), gated.baseline, gated.ratio) == ({"new": "passed"}, None, None)
    assert world.taken == []
    gated = world.judge(known=False, allow_new=True, min_score=90)
    assert statuses(gated) == {"new": "passed", "floor": "passed"}
    assert world.taken == [0]


def test_a_missing_model_fails_unless_allowed() -> None:
    for allowed, status in ((False, "failed"), (True, "passed")):
        rules = made_rules(allow_missing=allowed)
        gated = missing_model("gone", made_stored(), rules, "s.yaml:1:1")
        assert statuses(gated) == {"missing": status}
        assert gated.parameters is None


def test_a_failure_is_worse_than_an_undecided_gate() -> None:
    order = [Status.PASSED, Status.UNDECIDED, Status.FAILED]
    for i, one in enumerate(order):
        for j, other in enumerate(order):
            assert Status.worst([one, other]) is order[max(i, j)]
    assert Status.worst([]) is Status.PASSED
