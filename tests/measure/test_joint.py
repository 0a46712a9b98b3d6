"""Joint 2sED: its definition, and its errors by the delta method."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sed2.errors import UsageError
from sed2.measure.intervals import Measured, measured
from sed2.measure.joint import geometric_mean
from sed2.results import Replicates
from sed2.settings import Settings, resolve
from tests.cases import estimate_spec, gaussian_inputs
from tests.report.made import made_replicates

MLP, X = "MLP 3-2-2", gaussian_inputs(30, 3)


def made(seed: int, lower: bool = False) -> Measured:
    """On a grid of two points, with deviations of every source and a bias."""
    rng = np.random.default_rng(seed)
    replicates = Replicates(
        draws=rng.normal(size=(5, 3)),
        draws_freedom=4 + seed,
        inputs=rng.normal(size=(4, 3)),
        inputs_own=rng.uniform(size=3),
        spectra=rng.uniform(size=3),
        stream=seed,
    )
    values = rng.uniform(50, 100, size=3)
    return measured(values, replicates, rng.uniform(size=3), np.array([False, lower, lower]), 9)


def values(of: Measured) -> np.ndarray:
    return np.append(of.curve.estimate, of.score.value)


def moved(of: Measured, by: np.ndarray) -> Measured:
    """The same without deviations, at another place."""
    none = np.zeros(3)
    return measured(values(of) + by, made_replicates(2), none, none.astype(bool), 9)


@pytest.mark.parametrize("weights", [None, np.array([0.25, 0.75])])
def test_the_errors_are_those_of_the_delta_method(weights: np.ndarray | None) -> None:
    """Each deviation is the derivative of the joint value along it: by central differences."""
    lower, whole = made(0), made(1)
    got = geometric_mean(lower, whole, weights)
    if weights is None:
        np.testing.assert_allclose(values(got), np.sqrt(values(lower) * values(whole)))
    else:
        on_grid = np.sqrt(lower.curve.estimate * whole.curve.estimate)
        np.testing.assert_allclose(values(got), [*on_grid, on_grid @ weights])
    still, step = np.zeros(3), 1e-5

    def along(of_lower: np.ndarray, of_whole: np.ndarray) -> np.ndarray:
        ahead, back = (
            values(
                geometric_mean(
                    moved(lower, sign * step * of_lower),
                    moved(whole, sign * step * of_whole),
                    weights,
                )
            )
            for sign in (1, -1)
        )
        return (ahead - back) / (2 * step)

    a, b = lower.replicates, whole.replicates
    want = [*(along(each, still) for each in a.draws), *(along(still, each) for each in b.draws)]
    np.testing.assert_allclose(got.replicates.draws, want, rtol=1e-6)
    want = [along(*both) for both in zip(a.inputs, b.inputs, strict=True)]
    np.testing.assert_allclose(got.replicates.inputs, want, rtol=1e-6)
    for name in ("inputs_own", "spectra"):
        own = along(getattr(a, name), still), along(still, getattr(b, name))
        np.testing.assert_allclose(getattr(got.replicates, name), np.hypot(*own), rtol=1e-6)
    assert got.replicates.draws_freedom == 4
    low, high = got.curve.interval[0]  # the upper end is further away, by twice the bias
    assert high - got.curve.estimate[0] > got.curve.estimate[0] - low


def test_it_is_biased_low_where_a_factor_is() -> None:
    got = geometric_mean(made(0), made(1, lower=True), None)
    assert got.curve.lower_estimate.tolist() == [False, True]
    assert got.score.lower_estimate
    assert np.isnan(got.score.interval).all()


def test_without_any_fisher_information_it_is_zero() -> None:
    none = replace(made(0).replicates, draws=np.zeros((5, 3)), inputs=np.zeros((4, 3)))
    zero = measured(np.zeros(3), none, np.zeros(3), np.zeros(3, bool), 9)
    got = geometric_mean(zero, zero, None)
    np.testing.assert_array_equal(values(got), 0)
    np.testing.assert_array_equal(got.replicates.draws, 0)


def test_a_score_has_its_factors_of_the_two_chains() -> None:
    """Each equal to that of its own chain, alone."""
    its = {"draws": 12, "samples": 20, "eps": "0.1,0.3", "n_train": 1000}
    lower = estimate_spec(MLP, X, **its)
    whole = estimate_spec(MLP, X, chain="end-to-end", **its | {"draws": 10})
    joint = estimate_spec(MLP, X, score="joint", **its)
    assert joint.factors
    assert joint.eps_n is not None
    assert joint.factors.lower.value == lower.score.value
    assert joint.factors.end_to_end.value == whole.two_sed_score.value
    assert joint.score.value == pytest.approx(np.sqrt(lower.score.value * whole.score.value))
    np.testing.assert_array_equal(joint.lower_two_sed.estimate, lower.lower_two_sed.estimate)
    want = np.sqrt(lower.lower_two_sed.estimate * whole.two_sed.estimate)
    np.testing.assert_allclose(joint.curve.estimate, want)
    end = estimate_spec(MLP, X, score="end-to-end", **its)
    assert end.score.value == whole.score.value
    np.testing.assert_array_equal(end.curve.estimate, whole.two_sed.estimate)
    np.testing.assert_array_equal(end.replicates.draws, whole.replicates.draws)


def test_its_standard_error_is_the_scatter_over_seeds() -> None:
    """Of 60 seeds; the scatter itself is known to 9%, so a right error fails below 0.7 or above 1.4
    in one of some 10,000 choices of the seeds."""
    found = [
        estimate_spec(MLP, X, score="joint", eps="0.5", draws=40, samples=15, seed=seed).score
        for seed in range(60)
    ]
    scatter = np.std([score.value for score in found], ddof=1)
    said = np.sqrt(np.mean([score.scatter**2 for score in found]))
    assert 0.7 < said / scatter < 1.4


def test_eps_is_0_3_unless_something_else_is_said() -> None:
    assert Settings(score="joint").eps == (0.3,)
    assert Settings(score="end-to-end").eps == (0.3,)
    assert Settings(score="joint", eps=0.1).eps == (0.1,)
    assert resolve({"score": "joint"}, {"SED2_EPS": "0.2"}).eps == (0.2,)
    assert len(Settings(score="lower").eps) > 1


def test_the_whole_network_has_no_blocks_to_compare_with() -> None:
    with pytest.raises(UsageError, match=r"`score` joint .* `chain` end-to-end") as caught:
        resolve({"score": "joint", "chain": "end-to-end"}, {})
    assert caught.value.where in {"score", "chain"}


@pytest.mark.parametrize(
    ("draws", "given", "whole"),
    [(100, None, 10), (400, None, 40), (30, None, 10), (4, None, 4), (100, 25, 25), (4, 7, 7)],
)
def test_the_whole_network_has_a_tenth_of_the_draws(
    draws: int, given: int | None, whole: int
) -> None:
    settings = Settings(score="joint", draws=draws, end_to_end_draws=given)
    assert [its.draws for its in settings.by_chain] == [draws, whole]
    assert {its.end_to_end_draws for its in settings.by_chain} == {None}
