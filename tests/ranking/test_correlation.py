"""Rank correlations: against scipy one sample at a time, and honest where little is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from sed2.ranking import correlation
from sed2.ranking.correlation import against_best, bootstrap_taus, correlate, spearman, tau_b

TIED = np.array([1.0, 2.0, 2.0, 3.0, 5.0, 5.0, 5.0, 8.0])
OTHER = np.array([2.0, 1.0, 2.0, 4.0, 4.0, 6.0, 5.0, 5.0])


def normal_pairs(models: int, rho: float, seed: int) -> np.ndarray:
    """(2, M) from a bivariate normal distribution, whose tau is 2 / pi asin(rho)."""
    x, noise = np.random.default_rng(seed).normal(size=(2, models))
    return np.stack([x, rho * x + math.sqrt(1 - rho**2) * noise])


def test_values_are_those_of_scipy_with_their_sign() -> None:
    assert tau_b(TIED, OTHER) == pytest.approx(stats.kendalltau(TIED, OTHER).statistic)
    assert spearman(TIED, OTHER) == pytest.approx(stats.spearmanr(TIED, OTHER).statistic)
    assert tau_b(TIED, -TIED) == spearman(TIED, -TIED) == pytest.approx(-1)
    assert correlate(TIED, -OTHER).value == -tau_b(TIED, OTHER)
    assert correlate(TIED, -OTHER, "spearman").value == -spearman(TIED, OTHER)


def test_every_resample_is_what_scipy_makes_of_it() -> None:
    counts = correlation._resample(len(TIED), 3, 60)
    assert (counts.sum(axis=1) == len(TIED)).all()
    taus = bootstrap_taus(np.stack([TIED, -OTHER]), OTHER, seed=3, resamples=60)
    rhos = correlation._spearmans(TIED, OTHER, counts)
    for r, count in enumerate(counts.astype(int)):
        x, y = np.repeat(TIED, count), np.repeat(OTHER, count)
        assert taus[r, 0] == pytest.approx(stats.kendalltau(x, y).statistic, nan_ok=True)
        assert taus[r, 1] == pytest.approx(stats.kendalltau(-y, y).statistic, nan_ok=True)
        assert rhos[r] == pytest.approx(stats.spearmanr(x, y).statistic, nan_ok=True)


def test_a_constant_resample_is_undefined() -> None:
    counts = np.array([[3.0, 0, 0], [1, 1, 1]])
    x, y = np.array([1.0, 2, 3]), np.array([1.0, 2, 3])
    np.testing.assert_array_equal(correlation._taus(x[None], y, counts)[:, 0], [np.nan, 1])
    np.testing.assert_allclose(correlation._spearmans(x, y, counts), [np.nan, 1])


@pytest.mark.parametrize("kind", ["kendall", "spearman"])
def test_undefined_values_are_left_out_and_counted(kind: correlation.Kind) -> None:
    gaps = [np.nan, *TIED, np.inf, 4.0], [1.0, *OTHER, 2.0, np.nan]
    got, want = correlate(*map(np.array, gaps), kind), correlate(TIED, OTHER, kind)
    assert (got.value, got.models) == (want.value, len(TIED))
    assert got.interval is not None
    np.testing.assert_array_equal(got.interval, want.interval)


def test_without_any_target_every_resample_is_undefined() -> None:
    taus = bootstrap_taus(np.ones((2, 3)), np.full(3, np.nan), resamples=5)
    np.testing.assert_array_equal(taus, np.full((5, 2), np.nan))


def test_a_measure_with_gaps_is_resampled_over_its_own_models() -> None:
    gap = np.where(np.arange(len(TIED)) == 4, np.nan, TIED)
    counts = correlation._resample(len(TIED), 0, 20)
    taus = bootstrap_taus(np.stack([gap, TIED]), OTHER, seed=0, resamples=20)
    for r, count in enumerate(counts.astype(int)):
        count[4] = 0
        x, y = np.repeat(TIED, count), np.repeat(OTHER, count)
        assert taus[r, 0] == pytest.approx(stats.kendalltau(x, y).statistic, nan_ok=True)
    np.testing.assert_array_equal(
        taus[:, 1], bootstrap_taus(TIED[None], OTHER, seed=0, resamples=20)[:, 0]
    )


@pytest.mark.parametrize(
    ("measure", "target", "why"),
    [
        ([1.0, 2.0], [1.0, 2.0], "fewer than 3 models"),
        ([1.0, 2.0, np.nan], [1.0, 2.0, 3.0], "fewer than 3 models"),
        ([1.0, 1.0, 1.0], [1.0, 2.0, 3.0], "alike"),
        ([1.0, 2.0, 3.0], [1.0, 1.0, 1.0], "alike"),
        ([], [], "fewer than 3 models"),
    ],
)
def test_what_is_undefined_says_why(measure: list[float], target: list[float], why: str) -> None:
    for kind in ("kendall", "spearman"):
        got = correlate(np.array(measure), np.array(target), kind)
        assert math.isnan(got.value)
        assert got.interval is None
        assert why in got.reason


def test_few_models_have_no_interval() -> None:
    four = correlate(np.arange(4.0), np.arange(4.0))
    assert (four.value, four.interval) == (1.0, None)
    assert "fewer than 5 models" in four.reason
    one_odd = correlate(np.array([0, 0, 0, 0, 0, 1.0]), np.arange(6.0))  # a third lack the odd one
    assert one_odd.value > 0
    assert one_odd.interval is None
    assert "alike" in one_odd.reason
    assert correlate(np.array([0, 1, 3, 2, 4.0]), np.arange(5.0)).interval is not None


@pytest.mark.parametrize("kind", ["kendall", "spearman"])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_perfect_order_has_no_interval_of_no_width(kind: correlation.Kind, sign: int) -> None:
    perfect = correlate(sign * np.arange(6.0), np.arange(6.0), kind)
    assert perfect.value == pytest.approx(sign)
    assert perfect.interval is None
    assert "all models agree" in perfect.reason
    reversed_ = against_best(np.arange(6.0), -np.arange(6.0)[None], np.arange(6.0))
    assert (reversed_.difference, reversed_.interval, reversed_.wins) == (2.0, None, False)
    itself = against_best(TIED, TIED[None], OTHER)
    np.testing.assert_array_equal(itself.interval, [0, 0])


def test_the_interval_holds_the_true_tau() -> None:
    """Of 300 data sets of 60 models, 95% give or take 4 standard errors and the percentile
    bootstrap's own lack of a percent or two."""
    truth = 2 / math.pi * math.asin(0.6)
    held = 0
    for seed in range(300):
        interval = correlate(*normal_pairs(60, 0.6, seed), seed=seed, resamples=500).interval
        assert interval is not None
        held += bool(interval[0] <= truth <= interval[1])
    assert 0.88 <= held / 300 <= 0.99


def test_the_same_seed_gives_the_same_interval() -> None:
    one, same, other = (correlate(TIED, OTHER, seed=seed).interval for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()  # type: ignore[union-attr]


def test_a_measure_that_is_the_target_wins_and_a_copy_of_the_best_does_not() -> None:
    target, better = normal_pairs(40, 0.5, seed=1)
    noise = np.random.default_rng(0).normal(size=(3, 40))
    verdict = against_best(target, np.vstack([noise, better]), target)
    assert verdict.wins
    assert verdict.best == 3
    assert verdict.difference == pytest.approx(1 - tau_b(better, target))
    copy = against_best(better, np.vstack([noise, better]), target)
    assert copy.difference == 0
    assert not copy.wins


def test_the_best_baseline_is_chosen_anew_in_every_resample() -> None:
    """Two baselines that are as good as each other, so that the resamples do not agree on one."""
    target, first = normal_pairs(30, 0.6, seed=2)
    second = 0.6 * target + 0.8 * np.random.default_rng(3).normal(size=30)
    measure = normal_pairs(30, 0.9, seed=2)[1]
    taus = bootstrap_taus(np.stack([measure, first, second]), target, seed=5, resamples=400)
    assert 0.2 < (taus[:, 1] > taus[:, 2]).mean() < 0.8
    verdict = against_best(measure, np.stack([first, second]), target, seed=5, resamples=400)
    want = np.quantile(taus[:, 0] - taus[:, 1:].max(axis=1), [0.025, 0.975])
    np.testing.assert_allclose(verdict.interval, want, rtol=1e-12)


def test_no_measure_of_noise_beats_noise() -> None:
    """A win by chance has a probability below 2.5%: of 100, more than 9 have one of 1e-3."""
    wins = 0
    for seed in range(100):
        target, measure, *baselines = np.random.default_rng(seed).normal(size=(6, 30))
        wins += against_best(measure, np.stack(baselines), target, resamples=300).wins
    assert wins <= 9


def test_gaps_of_a_baseline_are_its_own_and_gaps_of_the_measure_are_everybodys() -> None:
    target, measure = normal_pairs(30, 0.5, seed=4)
    empty, gap = np.full(30, np.nan), np.where(np.arange(30) < 5, np.nan, measure)
    assert against_best(gap, np.stack([measure, empty]), target).models == 25
    assert against_best(gap, np.stack([measure, empty]), target).difference == 0
    assert against_best(measure, np.stack([gap, empty]), target).models == 30


def test_a_baseline_of_two_models_is_not_the_best() -> None:
    """Two models only agree or disagree: its tau-b would be 1."""
    pair = np.where(np.isin(np.arange(8), (0, 3)), OTHER, np.nan)
    verdict = against_best(TIED, np.stack([pair, -OTHER]), OTHER)
    assert verdict.best == 1
    assert verdict.difference == pytest.approx(tau_b(TIED, OTHER) + 1)


def test_noise_that_few_models_have_takes_no_win_away() -> None:
    """Of 4 of 30 models it would be the best in so many resamples that nothing ever wins."""
    target, measure = normal_pairs(30, 0.9, seed=6)
    noise, few = np.random.default_rng(7).normal(size=(2, 30))
    few[4:] = np.nan
    alone = against_best(measure, noise[None], target, resamples=300)
    beside = against_best(measure, np.stack([noise, few]), target, resamples=300)
    assert alone.wins
    assert beside.wins
    np.testing.assert_array_equal(beside.interval, alone.interval)


def test_no_verdict_without_baselines_or_with_few_models() -> None:
    for verdict in (
        against_best(TIED, np.empty((0, 8)), OTHER),
        against_best(TIED, np.full((1, 8), np.nan), OTHER),
        against_best(TIED[:2], TIED[None, :2], OTHER[:2]),
    ):
        assert math.isnan(verdict.difference)
        assert (verdict.interval, verdict.wins, verdict.best) == (None, False, None)
    four = against_best(np.arange(4.0), -np.arange(4.0)[None], np.arange(4.0))
    assert (four.difference, four.interval, four.wins) == (2.0, None, False)
