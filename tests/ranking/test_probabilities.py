"""Joint simulation: probabilities that are known in closed form, and what must always hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy import stats

from sed2.ranking.probabilities import (
    SIMULATIONS,
    Best,
    probability_ahead,
    simulate,
    variance_of_difference,
)
from sed2.results import ModelResult
from tests.report.made import made_replicates, made_result

CLOSE = 4 * 0.5 / np.sqrt(SIMULATIONS)
"""Four standard deviations of a simulated probability, at most."""


def made(value: float, *, stream: int, draws_taken: int = 10**6, **kinds: object) -> ModelResult:
    result = made_result(value=value, eps=(0.1,), draws=draws_taken, size=1e6)
    return replace(result, replicates=made_replicates(1, stream=stream, **kinds))


def ahead(first: ModelResult, second: ModelResult) -> float:
    return float(probability_ahead(simulate(first), simulate(second))[-1])


def best_of(simulated: list[np.ndarray]) -> np.ndarray:
    best = Best()
    for one in simulated:
        best.add(one)
    return best.probabilities


def test_two_models_with_normal_errors() -> None:
    """P = Phi(gap / sqrt(s_1^2 + s_2^2)), from replicates of any number."""
    first = made(10.0, stream=1, draws=[1.0, 2.0, 2.0])
    second = made(6.0, stream=2, draws=[4.0])
    assert ahead(first, second) == pytest.approx(stats.norm.cdf(4 / 5), abs=CLOSE)


def test_few_groups_of_inputs_have_the_tails_of_student() -> None:
    inputs = np.full(4, 0.5)  # of variance 1, on 3 degrees of freedom
    first = made(2.0, stream=1, inputs=inputs)
    second = made(0.0, stream=2, inputs=0 * inputs)
    assert ahead(first, second) == pytest.approx(stats.t(3).cdf(2.0), abs=CLOSE)


def test_what_the_same_inputs_do_to_both_cancels() -> None:
    first, second = (made(v, stream=v, inputs=[50.0, -70.0, 20.0]) for v in (2, 1))
    assert ahead(first, second) > 0.999
    np.testing.assert_array_equal(variance_of_difference(first, second), 0)


def test_what_the_inputs_do_to_a_model_alone_does_not_cancel() -> None:
    first, second = (made(v, stream=v, inputs=[50.0, -70.0], own=2.0) for v in (4, 1))
    assert ahead(first, second) == pytest.approx(stats.norm.cdf(3 / np.sqrt(8)), abs=CLOSE)
    assert variance_of_difference(first, second)[1, -1] == pytest.approx(8)


def test_other_inputs_cancel_nothing() -> None:
    first, second = (made(v, stream=v, inputs=[50.0, -70.0, 20.0]) for v in (2, 1))
    second = replace(second, settings=second.settings.model_copy(update={"seed": 1}))
    assert ahead(first, second) == pytest.approx(0.5, abs=0.05)
    variance = variance_of_difference(first, second)[1, -1]
    assert variance == pytest.approx(2 * (50**2 + 70**2 + 20**2))


def test_sampled_spectra_count() -> None:
    first = made(1.0, stream=1)
    first = replace(first, replicates=replace(first.replicates, spectra=np.array([2.0, 2.0])))
    second = made(0.0, stream=2)
    assert ahead(first, second) == pytest.approx(stats.norm.cdf(0.5), abs=CLOSE)


def test_a_model_and_its_double_are_even() -> None:
    first, second = (made(1.0, stream=1, draws=[1.0]) for _ in range(2))
    assert ahead(first, second) == 0.5
    best = best_of([simulate(first), simulate(second)])
    np.testing.assert_allclose(best, 0.5)


def test_errors_move_a_whole_curve_at_once() -> None:
    result = made(1.0, stream=1, draws=[3.0], inputs=[2.0, 1.0])
    simulated = simulate(result)
    np.testing.assert_allclose(simulated[:, 0], simulated[:, 1])


@pytest.mark.parametrize("kind", ["draws", "inputs"])
def test_an_undefined_error_gives_no_probability(kind: str) -> None:
    first, second = made(2.0, stream=1, **{kind: [np.nan]}), made(1.0, stream=2)
    assert np.isnan(ahead(first, second))
    assert np.isnan(best_of([simulate(first), simulate(second)])).all()


@hypothesis_settings(deadline=None, max_examples=15)
@given(st.lists(st.tuples(st.floats(-3, 3), st.floats(0, 2)), min_size=2, max_size=5))
def test_probabilities_are_those_of_a_partition(models: list[tuple[float, float]]) -> None:
    """Those of being the best sum to one, none is certain, and an order reversed has 1 - p."""
    simulated = [
        simulate(made(value, stream=i, draws=[error])) for i, (value, error) in enumerate(models)
    ]
    best = best_of(simulated)
    np.testing.assert_allclose(best.sum(axis=0), 1)
    assert ((best > 0) & (best < 1)).all()
    one, other = simulated[:2]
    np.testing.assert_allclose(probability_ahead(one, other), 1 - probability_ahead(other, one))
    if len(models) == 2:
        np.testing.assert_allclose(best[0], probability_ahead(one, other))


def test_models_one_by_one_come_to_the_same_as_all_at_once() -> None:
    """Small whole numbers, so that many are tied, in any order and with several eps."""
    rng = np.random.default_rng(5)
    for models in (1, 2, 7):
        simulated = rng.integers(0, 4, size=(models, 50, 3)).astype(float)
        tops = simulated == simulated.max(axis=0)
        count = (tops / tops.sum(axis=0)).sum(axis=1)
        np.testing.assert_allclose(best_of(list(simulated)), (count + 1 / models) / 51)
