"""2sED and lower 2sED as functions of spectra: the facts of docs/concepts/measure.md, section 5."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sed2.measure.logdet import log_determinants
from sed2.measure.spectra import Spectra
from sed2.measure.two_sed import (
    lower_two_sed,
    lower_two_sed_terms,
    trace_bracket,
    two_sed,
    upper_bound,
)
from tests import reference
from tests.cases import block_spectrum, spectra

EPS = np.array([1e-3, 0.03, 0.3])
seeds = st.integers(0, 2**32 - 1)
draw_numbers = st.integers(1, 8)
zetas = st.floats(0, 0.95)
block_sizes = st.lists(st.integers(1, 6), min_size=1, max_size=4).map(tuple)


def both(of: Spectra, eps: np.ndarray, zeta: float) -> tuple[np.ndarray, np.ndarray]:
    values = log_determinants(of, eps, zeta).values
    return two_sed(values, eps, zeta, of.parameters), lower_two_sed(
        values, eps, zeta, of.parameters
    )


@given(seed=seeds, draws=draw_numbers, sizes=block_sizes, zeta=zetas)
def test_both_follow_their_definitions(
    seed: int, draws: int, sizes: tuple[int, ...], zeta: float
) -> None:
    of = spectra(seed, draws, sizes)
    full, lower = both(of, EPS, zeta)
    values = log_determinants(of, EPS, zeta).values
    for e, eps in enumerate(EPS):
        assert full[e] == pytest.approx(reference.two_sed(values[e], eps, zeta, of.parameters))
        assert lower[e] == pytest.approx(
            reference.lower_two_sed(values[e], eps, zeta, of.parameters)
        )


def test_the_upper_bound_is_that_of_equal_eigenvalues_where_eps_is_small() -> None:
    """r roots of sqrt(mu): c r log(1 + a sqrt(mu)) is c r (log a + log(1 + sqrt(mu))), or
    nearly so where mu is large."""
    eps, zeta, rank, mu = np.array([1e-3, 1e-2]), 0.25, 7, 1e12
    values = np.full((2, 1, 1), rank * np.log1p(eps ** (zeta - 1) * np.sqrt(mu))[:, None, None])
    want = two_sed(values, eps, zeta, 10)
    np.testing.assert_allclose(upper_bound(eps, zeta, 10, rank, mu), want, rtol=1e-5)
    assert (upper_bound(eps, zeta, 10, rank, mu) >= want).all()


@given(seed=seeds, draws=draw_numbers, sizes=block_sizes, zeta=zetas, spread=st.floats(0, 8))
def test_lower_is_at_most_full_and_both_keep_their_bounds(
    seed: int, draws: int, sizes: tuple[int, ...], zeta: float, spread: float
) -> None:
    of = spectra(seed, draws, sizes, spread)
    full, lower = both(of, EPS, zeta)
    top = upper_bound(EPS, zeta, of.parameters, of.max_rank, of.max_eigenvalue)
    slack = 1e-9 * of.parameters
    assert (zeta * of.parameters - slack <= lower).all()
    assert (lower <= full + slack).all()
    assert (full <= top + slack).all()


@given(seed=seeds, draws=draw_numbers, size=st.integers(1, 6), zeta=zetas)
def test_lower_equals_full_for_one_block(seed: int, draws: int, size: int, zeta: float) -> None:
    full, lower = both(spectra(seed, draws, (size,)), EPS, zeta)
    np.testing.assert_allclose(lower, full, rtol=1e-12)


@given(seed=seeds, sizes=block_sizes, zeta=zetas)
def test_lower_equals_full_for_one_draw(seed: int, sizes: tuple[int, ...], zeta: float) -> None:
    full, lower = both(spectra(seed, 1, sizes), EPS, zeta)
    np.testing.assert_allclose(lower, full, rtol=1e-12)


@given(seed=seeds, draws=draw_numbers, sizes=block_sizes, zeta=st.floats(0, 0.5))
def test_vanishing_eps_counts_the_rank(
    seed: int, draws: int, sizes: tuple[int, ...], zeta: float
) -> None:
    """d_zeta(eps) -> zeta d + (1 - zeta) r, at the speed 1/|log eps|."""
    of = spectra(seed, draws, sizes, spread=0.1)
    eps = np.array([1e-300])
    limit = zeta * of.parameters + (1 - zeta) * sum(sizes)
    for value in both(of, eps, zeta):
        assert value[0] == pytest.approx(limit, rel=0.01)


def test_terms_add_up_to_the_lower_two_sed() -> None:
    of = spectra(3, sizes=(2, 5, 4))
    values = log_determinants(of, EPS, 0.4).values
    terms = lower_two_sed_terms(values, EPS)
    assert terms.shape == (3, 3)
    np.testing.assert_allclose(
        0.4 * of.parameters + terms.sum(axis=1), lower_two_sed(values, EPS, 0.4, of.parameters)
    )


def test_later_blocks_are_weighted_by_the_earlier_ones() -> None:
    """By hand: draw 1 has e^10 times the weight of draw 0 for block 2, none more for block 1."""
    logdets = np.array([[[0.0, 1.0], [10.0, 5.0]]])
    eps = np.array([np.exp(-2.0)])
    first, second = lower_two_sed_terms(logdets, eps)[0] * 2
    assert first == pytest.approx(np.log((1 + np.exp(10)) / 2))
    assert second == pytest.approx((1 + 5 * np.exp(10)) / (1 + np.exp(10)))


def test_huge_log_determinants_do_not_overflow() -> None:
    logdets = np.array([[[1e6, 2e6], [1e6 + 1, 2e6]]])
    eps = np.array([np.exp(-1.0)])
    assert two_sed(logdets, eps, 0.0, 1)[0] == pytest.approx(3e6 + np.log((1 + np.e) / 2))
    assert np.isfinite(lower_two_sed(logdets, eps, 0.0, 1)).all()


@pytest.mark.parametrize("zeta", [0.0, 0.5])
def test_zero_fisher_gives_zeta_d(zeta: float) -> None:
    of = Spectra((block_spectrum("dead", 7, np.zeros((3, 2, 2))),))
    for value in both(of, EPS, zeta):
        np.testing.assert_array_equal(value, zeta * 7)
    np.testing.assert_array_equal(upper_bound(EPS, zeta, 7, 0, 0.0), zeta * 7)


def traces_and_ranks(of: Spectra) -> tuple[np.ndarray, np.ndarray]:
    """(K, L) of Fhat, by block."""
    traces = of.scale * np.stack([block.traces for block in of.blocks], axis=1)
    return traces, np.stack([block.ranks for block in of.blocks], axis=1)


@given(seed=seeds, sizes=block_sizes, zeta=zetas, spread=st.floats(0, 8), dead=st.booleans())
def test_no_determinant_is_above_its_bracket(
    seed: int, sizes: tuple[int, ...], zeta: float, spread: float, dead: bool
) -> None:
    """Draw by draw: logdet <= by block and rank <= by rank <= by d."""
    of = spectra(seed, 1, sizes, spread)
    if dead:
        of = Spectra((*of.blocks, block_spectrum("dead", 3, np.zeros((1, 1, 2)))))
    traces, ranks = traces_and_ranks(of)
    d, whole, rank = of.parameters, traces.sum(axis=1, keepdims=True), ranks.sum(axis=1)[:, None]
    chain = [
        two_sed(log_determinants(of, EPS, zeta).values, EPS, zeta, d),
        trace_bracket(traces, ranks, EPS, zeta, d),
        trace_bracket(whole, rank, EPS, zeta, d),
        trace_bracket(whole, np.array(d), EPS, zeta, d),
    ]
    for smaller, larger in pairwise(chain):
        assert (smaller <= larger + 1e-9 * d).all()


@given(seed=seeds, draws=draw_numbers, sizes=block_sizes, zeta=zetas, spread=st.floats(0, 8))
def test_two_sed_is_within_its_brackets_and_they_within_the_bound(
    seed: int, draws: int, sizes: tuple[int, ...], zeta: float, spread: float
) -> None:
    of = spectra(seed, draws, sizes, spread)
    traces, ranks = traces_and_ranks(of)
    d, slack = of.parameters, 1e-9 * of.parameters
    full, _ = both(of, EPS, zeta)
    by_block = trace_bracket(traces, ranks, EPS, zeta, d)
    by_trace = trace_bracket(traces.sum(axis=1, keepdims=True), np.array(d), EPS, zeta, d)
    assert (full <= by_block + slack).all()
    assert (by_block <= by_trace + slack).all()
    assert (by_block <= upper_bound(EPS, zeta, d, of.max_rank, of.max_eigenvalue) + slack).all()


@pytest.mark.parametrize("c", [1e-3, 1.0, 50.0])
def test_brackets_are_the_value_itself_where_all_eigenvalues_are_equal(c: float) -> None:
    """F = c I: normalised to I, so 2sED = zeta d + d log(1 + a) / |log eps|."""
    of = Spectra(tuple(block_spectrum("b", d, np.full((4, 1, d), np.sqrt(c))) for d in (3, 5)))
    traces, ranks = traces_and_ranks(of)
    want = 0.2 * 8 + 8 * np.log1p(EPS**-0.8) / np.abs(np.log(EPS))
    full, _ = both(of, EPS, 0.2)
    np.testing.assert_allclose(full, want, rtol=1e-12)
    np.testing.assert_allclose(trace_bracket(traces, ranks, EPS, 0.2, 8), want, rtol=1e-12)
    whole = traces.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(trace_bracket(whole, np.array(8), EPS, 0.2, 8), want, rtol=1e-12)


def test_the_mean_trace_alone_bounds_nothing() -> None:
    """E[t] = d throughout, and the bracket grows beyond all bounds as the trace gets rarer."""
    values = []
    for draws in (1, 100, 10_000):
        traces = np.zeros((draws, 1))
        traces[0] = 3 * draws
        values.append(trace_bracket(traces, np.array(3), np.array([0.5]), 0.0, 3)[0])
    assert values[0] < values[1] < values[2]
