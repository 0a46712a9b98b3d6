"""Probabilities that are known in closed form, and how often they are right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from sed2.errors import NumericsError
from sed2.gating.evidence import MIN_BATCHES, Evidence, probability_at_least, std_error_of_ratio
from sed2.measure.intervals import NORMAL
from sed2.results import ModelResult
from tests.report.made import made_replicates, made_result


def batch(value: float, error: float = 1.0, **kinds: object) -> ModelResult:
    result = made_result(value=value, error=error, eps=(0.1,))
    return replace(result, replicates=made_replicates(1, **kinds))


def test_normal_errors_of_the_draws_add_up() -> None:
    new, base = Evidence((10.0,), draws=3.0), Evidence((4.0,), draws=2.0)
    expected = stats.norm.cdf((10 - 2 * 4) / np.hypot(3, 2 * 2))
    assert probability_at_least(new, 2.0, base) == pytest.approx(expected, abs=1e-6)


def test_few_groups_of_inputs_have_the_tails_of_student() -> None:
    new = Evidence((2.0,), inputs=(0.5, -0.5, 0.5, -0.5))
    base = Evidence((0.0,), inputs=(0.0, 0.0, 0.0, 0.0))
    assert probability_at_least(new, 1.0, base) == pytest.approx(stats.t(3).cdf(2.0))


def test_what_the_same_inputs_do_to_both_cancels() -> None:
    new = Evidence((9.6,), draws=0.1, inputs=(50.0, -70.0, 20.0))
    base = Evidence((10.0,), inputs=(100.0, -140.0, 40.0))
    assert probability_at_least(new, 0.5, base) > 0.999
    assert probability_at_least(new, 0.95, base) < 0.6
    assert (
        std_error_of_ratio(Evidence((5.0,), inputs=(1.0, -2.0)), Evidence((5.0,), inputs=(1, -2)))
        == 0
    )


def test_against_a_number_nothing_cancels() -> None:
    new = Evidence((3.0,), inputs=(1.0, 1.0, 1.0, 1.0, 0.0))
    assert probability_at_least(new, 1.0, Evidence((1.0,))) == pytest.approx(stats.t(4).cdf(1.0))


@pytest.mark.parametrize(("gap", "expected"), [(-1e-9, 0.0), (0.0, 1.0), (1e-9, 1.0)])
def test_without_any_error_it_is_known(gap: float, expected: float) -> None:
    assert probability_at_least(Evidence((1 + gap,)), 1.0, Evidence((1.0,))) == expected


def test_degrees_of_freedom_are_those_of_welch_and_satterthwaite() -> None:
    """Two independent samples: scipy's t-test with unequal variances."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(1.0, 1, size=5), rng.normal(0.8, 3, size=8)
    first, second = (
        Evidence(tuple(x), draws=stats.sem(x), draws_freedom=len(x) - 1.0) for x in (a, b)
    )
    expected = 1 - stats.ttest_ind(a, b, equal_var=False, alternative="greater").pvalue
    assert probability_at_least(first, 1.0, second) == pytest.approx(expected)


def test_few_batches_have_the_error_of_the_bootstrap_and_of_their_own_inputs() -> None:
    one = Evidence.of([batch(10.0, 3.0, own=2.0, inputs=[1.0, -1.0])])
    assert (one.value, one.draws, one.inputs_own, one.inputs) == (10.0, 3.0, 2.0, (1.0, -1.0))
    two = Evidence.of([batch(10.0, 3.0, own=2.0), batch(12.0, 4.0)])
    assert two.value == 11
    assert two.draws == pytest.approx(5 / 2)
    assert two.inputs_own == pytest.approx(2 / np.sqrt(2))


def test_few_batches_have_the_freedom_of_the_draws_that_carry_them() -> None:
    """Effective draws of 1 and 3 of each batch: of 2 and 4 degrees of freedom."""
    batches = [
        replace(batch(10.0, 3.0), lower_effective_sample_size=np.array([size]))
        for size in (1.0, 3.0)
    ]
    assert Evidence.of(batches[:1]).draws_freedom == 2
    assert Evidence.of(batches).draws_freedom == pytest.approx(18**2 / (81 / 2 + 81 / 4))
    many = replace(batches[0], lower_effective_sample_size=np.array([1e9]))
    assert Evidence.of([many]).draws_freedom == NORMAL


def test_many_batches_have_the_error_of_their_spread() -> None:
    values = [10.0, 12.0, 9.0, 13.0, 11.5]
    found = Evidence.of([batch(value, 100.0, own=100.0, inputs=[1.0, -1.0]) for value in values])
    assert len(values) >= MIN_BATCHES
    assert found.batches == tuple(values)
    assert found.draws == pytest.approx(stats.sem(values))
    assert found.draws_freedom == 4
    assert found.inputs_own == 0
    assert found.inputs == (1.0, -1.0)


def test_an_undefined_error_is_refused() -> None:
    with pytest.raises(NumericsError, match="undefined"):
        Evidence.of([batch(10.0, float("nan"))])


def test_on_the_edge_a_pass_is_as_rare_as_is_said() -> None:
    """5,000 trials in which the ratio is exactly the one demanded: a share of 5% has a standard
    error of 0.31%, so five of these are exceeded by chance in one of a million seeds."""
    rng = np.random.default_rng(1)
    trials, groups, factor = 5_000, 10, 0.95
    passed = 0

    def error(values: np.ndarray) -> float:
        return float(values.std(ddof=1) / len(values) ** 0.5)  # much faster than scipy's

    for _ in range(trials):
        effect = rng.normal(size=groups)  # of the inputs, on both
        own = 0.1 * rng.normal(size=groups)  # of the inputs, on the new model alone
        base = 100 + effect.sum() + rng.normal(size=4)
        new = factor * 100 + factor * effect.sum() + own.sum() + rng.normal(size=8)
        sides = (
            Evidence(tuple(values), error(values), len(values) - 1.0, tuple(inputs))
            for values, inputs in (
                (new, factor * effect + 0.1 * rng.normal(size=groups)),
                (base, effect),
            )
        )
        passed += probability_at_least(next(sides), factor, next(sides)) >= 0.95
    assert abs(passed / trials - 0.05) < 5 * 0.0031
