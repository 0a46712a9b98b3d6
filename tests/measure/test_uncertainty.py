"""Standard errors: against the known variance of a mean, and against the scatter of seeds."""

from __future__ import annotations

import numpy as np
import pytest

from sed2.measure.logdet import LogDets
from sed2.measure.two_sed import lower_two_sed, two_sed
from sed2.measure.uncertainty import (
    Jackknife,
    Variance,
    bootstrap_draws,
    renormalised,
    sampling_errors,
)
from tests.cases import estimate_spec, gaussian_inputs

EPS = np.array([np.exp(-1.0)])  # |log eps| = 1


def logdets(values: np.ndarray, slopes: float = 0.0, traces: np.ndarray | None = None) -> LogDets:
    draws = values.shape[1]
    return LogDets(
        values,
        np.full_like(values, slopes),
        np.zeros_like(values),
        np.ones(draws) if traces is None else traces,
        10,
    )


def test_bootstrap_of_nearly_equal_draws_is_the_error_of_their_mean() -> None:
    """For small scatter a log-mean-exp is a mean, whose standard error is s / sqrt(K)."""
    rng = np.random.default_rng(0)
    values = 5 + 1e-3 * rng.normal(size=(1, 200, 1))
    two, lower = bootstrap_draws(logdets(values), EPS, 0.0, rng)
    want = values.std(ddof=1) / np.sqrt(200)
    assert two.std(axis=0, ddof=1)[0] == pytest.approx(want, rel=0.2)  # 4 standard deviations of 5%
    assert lower.std(axis=0, ddof=1)[0] == pytest.approx(want, rel=0.2)


def test_bootstrap_carries_the_error_of_the_normaliser() -> None:
    """Equal log-determinants, scattered traces: only the normaliser moves."""
    rng = np.random.default_rng(1)
    traces = np.exp(0.1 * rng.normal(size=400))
    replicates, _ = bootstrap_draws(
        logdets(np.zeros((1, 400, 1)), slopes=3.0, traces=traces), EPS, 0.0, rng
    )
    want = 3.0 * traces.std(ddof=1) / traces.mean() / np.sqrt(400)
    assert replicates.std(axis=0, ddof=1)[0] == pytest.approx(want, rel=0.2)


def test_bootstrap_is_the_same_replicate_by_replicate() -> None:
    """All at once, in several batches, and one by one as it is written."""
    rng = np.random.default_rng(1)
    shape, eps = (5, 400, 3), np.geomspace(1e-3, 0.1, 5)
    some = LogDets(
        rng.uniform(50, 90, shape),
        rng.uniform(0, 9, shape),
        np.zeros(shape),
        rng.uniform(1, 2, shape[1]),
        200,
    )
    found = bootstrap_draws(some, eps, 0.1, np.random.default_rng(2))
    rng = np.random.default_rng(2)
    for two, lower in zip(*found, strict=True):
        chosen = rng.integers(shape[1], size=shape[1])
        ratio = some.traces[chosen].mean() / some.traces.mean()
        values = renormalised(some.values[:, chosen], some.slopes[:, chosen], ratio)
        np.testing.assert_allclose(two, two_sed(values, eps, 0.1, 200), rtol=1e-12)
        np.testing.assert_allclose(lower, lower_two_sed(values, eps, 0.1, 200), rtol=1e-12)


def test_one_draw_has_no_error() -> None:
    two, lower = bootstrap_draws(logdets(np.ones((1, 1, 2))), EPS, 0.0, np.random.default_rng(0))
    assert np.isnan(two.std(axis=0, ddof=1)).all()
    assert np.isnan(lower.std(axis=0, ddof=1)).all()


def test_exact_spectra_have_no_error_of_their_own() -> None:
    for errors in sampling_errors(logdets(np.ones((1, 5, 2))), EPS):
        np.testing.assert_array_equal(errors, [0.0])


@pytest.mark.parametrize("variance", [0.01, 1.0, 100.0])
def test_noise_of_spectra_scatters_and_lifts_a_log_mean_exp(variance: float) -> None:
    """By half its variance or, where that is more, by the largest of K normal numbers at most.

    Against 2,000 simulations, which know a root mean square to 2%: the error stated is no smaller,
    nor more than twice as large."""
    draws, rng = 20, np.random.default_rng(0)
    flat = np.zeros((1, draws, 1))
    noisy = LogDets(flat, flat, np.full_like(flat, variance), np.ones(draws), 10)
    lift = min(variance / 2, np.sqrt(2 * variance * np.log(draws)))
    two, lower = sampling_errors(noisy, EPS)
    assert two == lower == pytest.approx(np.sqrt(variance / draws + lift**2))
    found = np.log(np.exp(rng.normal(0, np.sqrt(variance), (2000, draws))).mean(axis=1))
    rms = np.sqrt(np.square(found).mean())
    assert 0.95 * rms < two[0] < 2 * rms


def test_noise_of_the_blocks_adds_up_block_by_block() -> None:
    """2sED has the log-mean-exp of their sum; lower 2sED of the first alone, and a mean of each
    later one, which noise does not lift."""
    rng = np.random.default_rng(1)
    values, noise = rng.normal(size=(1, 6, 3)), rng.uniform(0.1, 0.2, size=(1, 6, 3))
    eps = np.array([np.exp(-2.0)])
    two, lower = sampling_errors(LogDets(values, values, noise, np.ones(6), 10), eps)

    def weights(blocks: int) -> np.ndarray:
        density = np.exp(values[0, :, :blocks].sum(axis=1))
        return density / density.sum()

    full, first = weights(3), weights(1)
    whole = noise[0].sum(axis=1)
    of_two = full**2 @ whole + (full @ whole / 2) ** 2
    of_lower = first**2 @ noise[0, :, 0] + (first @ noise[0, :, 0] / 2) ** 2
    of_lower += weights(1) ** 2 @ noise[0, :, 1] + weights(2) ** 2 @ noise[0, :, 2]
    np.testing.assert_allclose([two[0], lower[0]], np.sqrt([of_two, of_lower]) / 2)


def test_jackknife_items_leave_each_group_out_once_at_full_weight() -> None:
    plan = Jackknife.plan(draws=7, samples=10, rows=100, groups=5)
    assert (plan.draws, plan.groups) == (2, 5)
    whole, left_out = plan.series(7, 10)
    assert whole.draws.tolist() == list(range(7))
    assert whole.weights.tolist() == [[1.0] * 10] * 7
    assert left_out.draws.tolist() == [*[0] * 5, *[1] * 5]
    np.testing.assert_allclose((left_out.weights**2).sum(axis=1), 10)
    assert ((left_out.weights[:5] == 0).sum(axis=0) == 1).all()
    assert (left_out.weights[:5] == left_out.weights[5:]).all()


@pytest.mark.parametrize(("samples", "rows", "groups"), [(10, 10, 5), (1, 10, 5), (10, 99, 1)])
def test_no_jackknife_where_it_says_nothing(samples: int, rows: int, groups: int) -> None:
    plan = Jackknife.plan(draws=7, samples=samples, rows=rows, groups=groups)
    assert [each.count for each in plan.series(7, samples)] == [7, 0]


def test_jackknife_of_a_mean_over_inputs_is_its_variance() -> None:
    """For a log-determinant that is the weighted mean of the inputs, the answer is s^2 / N."""
    rng = np.random.default_rng(2)
    samples, draws = 100, 50
    shared, own = rng.normal(size=samples), 2 * rng.normal(size=(draws, samples))
    plan = Jackknife.plan(draws * 10, samples, 10_000, 10)
    assert plan.draws == draws
    weights = plan.series(0, samples)[1].weights
    means = np.einsum("bn,bn->b", weights**2, np.repeat(shared + own, 10, axis=0)) / samples
    got = plan.variance(
        logdets(means[None, :, None]), np.ones(draws), np.ones((1, 1)), np.zeros((1, draws, 1))
    )
    whole = np.square(got.deviations).sum() - got.noise[0]
    assert whole == pytest.approx(1 / samples, rel=1.5)  # 9 degrees of freedom
    assert got.noise[0] * draws == pytest.approx(4 / samples, rel=0.3)


def test_what_the_inputs_do_to_few_draws_is_added_to_the_deviations() -> None:
    """Where fewer draws carry the value than are in the jackknife's mean."""
    of = Variance(np.ones((3, 4)), np.full(4, 2.0), np.full(4, 5.0))
    np.testing.assert_allclose(of.own(np.array([1.0, 2.0, 5.0, 99.0])) ** 2, [8, 3, 0, 0])


def test_draws_are_weighted_in_the_jackknife_until_half_are_effective() -> None:
    """Equal log-weights make a plain mean; others a tilted one, and of such that one draw would
    carry, half of the draws still count."""
    rng = np.random.default_rng(3)
    plan = Jackknife.plan(draws=60, samples=20, rows=10_000, groups=10)
    values = rng.normal(size=(1, plan.extra, 1))
    by_draw = values.reshape(plan.draws, 10)

    def mean(log_weights: np.ndarray) -> tuple[np.ndarray, float]:
        logs = log_weights[None, :, None]
        got = plan.variance(logdets(values), np.ones(60), np.ones((1, 1)), logs)
        return got.deviations[:, 0], float(got.draws[0])

    def wanted(weights: np.ndarray) -> np.ndarray:
        of = weights / weights.sum() @ (by_draw - by_draw.mean(axis=1, keepdims=True))
        return np.sqrt(0.9 * (1 - 20 / 10_000)) * of

    logs = np.array([0.5, 0.0, -0.5, 0.0, 0.5, 0.0])
    for some in (np.zeros(6), logs):
        got, draws = mean(some)
        np.testing.assert_allclose(got, wanted(np.exp(some)), rtol=1e-9)
        assert draws == pytest.approx(np.exp(some).sum() ** 2 / np.exp(2 * some).sum())
    assert mean(100 * np.arange(6.0))[1] == pytest.approx(3, rel=1e-3)


def test_a_normaliser_that_follows_the_draw_is_no_noise() -> None:
    """Where every log-determinant moves as its own trace, a mean over draws stays put: what each
    adds by its value it takes by its trace."""
    rng = np.random.default_rng(5)
    plan = Jackknife.plan(draws=200, samples=40, rows=10**9, groups=10)
    traces = 1 + 1e-3 * rng.normal(size=plan.extra)
    values = np.log(traces)[None, :, None]
    of = LogDets(values, np.ones_like(values), 0 * values, traces, 10)
    got = plan.variance(of, np.ones(200), np.ones((1, 1)), np.zeros((1, 200, 1)))
    alone = plan.variance(
        logdets(values, traces=traces), np.ones(200), np.ones((1, 1)), np.zeros((1, 200, 1))
    )
    assert np.abs(got.deviations).max() < 1e-2 * np.abs(alone.deviations).max()
    assert got.noise[0] < 1e-4 * alone.noise[0]


def test_inputs_that_are_most_rows_vary_less() -> None:
    """Drawn without replacement, the variance of a mean is (1 - N / rows) s^2 / N."""
    values = np.random.default_rng(4).normal(size=(1, 40, 1))
    many, few = (
        Jackknife.plan(40, 20, rows, 10).variance(
            logdets(values), np.ones(4), np.ones((1, 1)), np.zeros((1, 4, 1))
        )
        for rows in (10**9, 25)
    )
    np.testing.assert_allclose(few.noise, 0.2 * many.noise, rtol=1e-6)
    np.testing.assert_allclose(few.deviations**2, 0.2 * many.deviations**2, rtol=1e-6)


def test_renormalising_is_first_order_in_the_log_of_the_trace() -> None:
    np.testing.assert_allclose(renormalised(np.array(5.0), np.array(2.0), np.exp(0.1)), 4.8)


def test_a_measure_has_no_error_where_few_draws_carry_it() -> None:
    result = estimate_spec("MLP 4-40-3", gaussian_inputs(50, 4), samples=30, draws=50)
    for curve, sizes in (
        (result.two_sed, result.effective_sample_size),
        (result.lower_two_sed, result.lower_effective_sample_size),
    ):
        assert sizes.min() < 10
        assert curve.lower_estimate[sizes < 10].all()
        assert np.isnan(curve.std_error[curve.lower_estimate]).all()
        assert np.isnan(curve.interval[curve.lower_estimate]).all()
        assert np.isfinite(curve.scatter).all()
    assert any("effective sample size" in text for text in result.warnings)


def test_errors_match_the_scatter_of_seeds() -> None:
    """16 seeds: the scatter's own relative error is 1/sqrt(30) = 18%, so a ratio outside
    (0.5, 2) has a chance below 1 in 1,000 if the error is right; the seeds are fixed."""
    x = gaussian_inputs(2_000, 6)
    results = [
        estimate_spec("MLP 6-8-4", x, samples=60, draws=60, eps=[0.05], seed=seed)
        for seed in range(16)
    ]
    scatter = np.std([r.lower_two_sed.estimate[0] for r in results], ddof=1)
    stated = np.sqrt(np.mean([r.lower_two_sed.scatter[0] ** 2 for r in results]))
    assert 0.5 < stated / scatter < 2
