"""Forecasts of losses: exact for power laws, as wide as they missed, and honest probabilities."""

from __future__ import annotations

import numpy as np
import pytest

from sed2.selection.forecast import (
    EXPONENTS,
    Forecast,
    Miss,
    error_variance,
    extrapolate,
    forecast,
    miss,
    probabilities,
)


def power_laws(ends: list[float], epochs: int, exponent: float = EXPONENTS[12]) -> np.ndarray:
    t = np.arange(1, epochs + 1)
    return np.array([end + 0.5 * (1 + m) * t**-exponent for m, end in enumerate(ends)])


def test_a_power_law_is_continued_exactly() -> None:
    whole = power_laws([0.2, 0.4, 0.3], 64)
    got = extrapolate(whole[:, :8], 64)
    np.testing.assert_allclose(got, whole[:, -1] / whole[:, 7])


def test_of_one_or_two_epochs_nothing_is_continued() -> None:
    np.testing.assert_array_equal(extrapolate(power_laws([0.2, 0.4], 2), 64), 1)
    np.testing.assert_array_equal(extrapolate(power_laws([0.2, 0.4], 64), 64), 1)


def test_a_loss_that_rises_or_would_fall_below_zero_stays_a_loss() -> None:
    rising = np.array([[0.5, 0.6, 0.7, 0.8]])
    np.testing.assert_array_equal(extrapolate(rising, 100), 1)
    steep = np.array([[1.0, 0.7, 0.4, 0.1]])
    assert 0 < extrapolate(steep, 1000)[0] < 1


def test_what_was_trained_less_falls_as_the_others_do() -> None:
    """The first is at its end, 0.5 of its loss after two epochs; the second stopped there."""
    curves = [np.array([[2.0, 1.0, 0.7, 0.5]]), np.array([[2.0, 1.2]])]
    losses = [np.array([0.5]), np.array([1.1])]
    got = forecast(curves, losses, 4, variance=0.16 / (2**-0.5 - 0.5))
    np.testing.assert_allclose(np.exp(got.log_loss), [0.5, 0.6])
    np.testing.assert_allclose(got.std_error, [0, 0.4])


def test_the_error_holds_seeds_and_what_is_left() -> None:
    losses = np.exp(np.array([0.1, 0.3, 0.2]))  # a variance of 0.01
    seeds = 0.01 / 3 * (1 + 1 / (8 / 9) ** 3) / 2  # of its own and common, by the median
    curves = np.tile(losses[:, None], (1, 4))
    got = forecast([curves], [losses], 16, variance=0.64)
    assert got.std_error[0] == pytest.approx(np.sqrt(seeds + 0.64 * (1 / 2 - 1 / 4)))
    ended = forecast([curves], [losses], 4, variance=np.inf)
    assert ended.std_error[0] == pytest.approx(np.sqrt(seeds))
    further = forecast([curves], [losses], 5, variance=np.inf)
    assert further.std_error[0] == np.inf


def test_half_of_the_scatter_of_seeds_is_that_of_all_candidates() -> None:
    """The median of 0.01, 0.04 and 0.09, each with two degrees of freedom."""
    losses = [np.exp(scale * np.array([-1.0, 0, 1])) for scale in (0.1, 0.3, 0.2)]
    got = forecast([its[:, None] for its in losses], losses, 1, variance=0)
    common = 0.04 / (8 / 9) ** 3
    want = (np.array([0.01, 0.09, 0.04]) + common) / 6
    np.testing.assert_allclose(got.std_error**2, want)


def test_one_seed_has_no_scatter() -> None:
    got = forecast([np.ones((1, 2))] * 2, [np.ones(1)] * 2, 2, variance=0)
    np.testing.assert_array_equal(got.std_error, 0)


def test_what_all_missed_alike_counts_for_nothing() -> None:
    before = [np.array([[1.0, 1.0]]), np.array([[2.0, 2.0]])]
    now = [np.array([[1.0, 1.0, 0.7, 0.5]]), np.array([[2.0, 2.0, 1.5, 1.0]])]
    both = miss(before, now)
    assert both.left == pytest.approx(2**-0.5 - 0.5)
    assert error_variance([both]) == pytest.approx(0)
    now[1][0, -1] = np.exp(0.2)  # a miss of 0.2 more than the other
    two = Miss(np.array([0.1, -0.1]), both.left)
    got = miss(before, now)
    np.testing.assert_allclose(got.errors - got.errors[0], [0, 0.2])
    assert error_variance([got]) == pytest.approx(error_variance([two]))


def test_one_bad_miss_does_not_widen_all() -> None:
    """The variance is that of the normal numbers, to 4% by the formula and 8% by chance (three of
    its standard deviations), whatever one of 2,001 misses is."""
    errors = 0.1 * np.random.default_rng(0).normal(size=2001)
    errors[0] = 50.0
    assert error_variance([Miss(errors, 1 / 4)]) == pytest.approx(0.04, rel=0.12)


def test_of_one_candidate_nothing_is_known() -> None:
    assert error_variance([]) == np.inf
    assert error_variance([Miss(np.array([0.1]), 1.0)]) == np.inf
    chances, regrets = probabilities(Forecast(np.zeros(2), np.array([0.1, np.inf])), 0)
    assert np.isnan(chances).all()
    assert np.isnan(regrets).all()


def test_probabilities_are_those_of_students_t() -> None:
    """Two log-losses that differ by one standard deviation of their difference: P(t_3 < 1) = 0.804.
    The simulation's own error is 0.003. The regret is that of normal numbers."""
    found = Forecast(np.array([-0.1, 0.0]), np.array([0.06, 0.08]))
    chances, regrets = probabilities(found, 0)
    assert chances[0] == pytest.approx(0.804, abs=0.012)
    assert chances.sum() == pytest.approx(1)
    rng = np.random.default_rng(1)
    drawn = np.exp(found.log_loss + found.std_error * rng.normal(size=(200_000, 2)))
    want = (drawn[:, 0] - drawn.min(axis=1)).mean()
    assert regrets[0] == pytest.approx(want, rel=0.1)
    assert regrets[0] < regrets[1]


def test_ties_share_their_chance() -> None:
    chances, regrets = probabilities(Forecast(np.zeros(4), np.zeros(4)), 0)
    np.testing.assert_allclose(chances, 0.25)
    np.testing.assert_array_equal(regrets, 0)
