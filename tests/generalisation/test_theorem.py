"""Theorem 5.1 and Lemma B.2 as numbers: a ladder from plain arithmetic to any dimension."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sed2.generalisation import theorem
from sed2.settings import Settings

dimensions = st.integers(1, 10**9)
constants = st.floats(0, 1e12)
radii = st.floats(1e-300, 0.999)


def covering_constant(d: int, lipschitz: float) -> float:
    """C_d as docs/concepts/measure.md writes it, without a logarithm."""
    alpha = math.pi ** (d / 2) / math.gamma(d / 2 + 1)
    c = alpha * (5 / 4) ** d * d ** (d / 2)
    return c * d ** (3 * d / 2) * (3 + 5 * math.sqrt(d) * lipschitz) ** (3 * d / 2)


@pytest.mark.parametrize(("d", "volume"), [(1, 2), (2, math.pi), (3, 4 / 3 * math.pi)])
def test_the_unit_ball_has_the_volume_that_is_known(d: int, volume: float) -> None:
    assert theorem.log_ball_volume(d) == pytest.approx(math.log(volume), rel=1e-12)


def test_in_one_dimension_the_constant_is_by_hand() -> None:
    """C_1 = 2 (5/4) (3 + 5 L)^(3/2) = 2.5 * 27 for L = 6/5."""
    assert theorem.log_covering_constant(1, 1.2) == pytest.approx(math.log(67.5), rel=1e-12)


@pytest.mark.parametrize("lipschitz", [0, 1e-9, 0.3, 1, 1e3])
@pytest.mark.parametrize("d", [1, 2, 3, 10, 30])
def test_the_logarithms_are_those_of_the_formulas(d: int, lipschitz: float) -> None:
    n, gamma, k, two_sed = 500, 0.7, 1.3, 0.8 * d
    eps = (math.log(n) / (gamma * n)) ** (3 / 8)
    c_d = covering_constant(d, lipschitz)
    covering = c_d * eps**-two_sed
    probability = 4 * c_d * eps**-two_sed * n ** (-k / gamma)
    assert theorem.log_radius(math.log(n), gamma) == pytest.approx(math.log(eps), rel=1e-12)
    assert theorem.log_covering_constant(d, lipschitz) == pytest.approx(math.log(c_d), rel=1e-12)
    got = theorem.log_covering_number(np.log([eps]), np.array([two_sed]), d, lipschitz)
    assert got[0] == pytest.approx(math.log(covering), rel=1e-12)
    assert theorem.log_probability(math.log(n), gamma, k, two_sed, d, lipschitz) == pytest.approx(
        math.log(probability), rel=1e-12, abs=1e-12
    )


@pytest.mark.parametrize("d", [200, 2_000, 20_000])
def test_in_high_dimensions_the_constant_is_that_of_whole_numbers(d: int) -> None:
    """For even d and L = 0 all of C_d but pi^(d/2) is a quotient of whole numbers."""
    above = 5**d * d ** (2 * d) * 3 ** (3 * d // 2)
    below = 4**d * math.factorial(d // 2)
    exact = d / 2 * math.log(math.pi) + math.log(above) - math.log(below)
    assert theorem.log_covering_constant(d, 0.0) == pytest.approx(exact, rel=1e-12)


def test_in_a_billion_dimensions_the_ball_follows_stirling() -> None:
    d = 10**9
    half = d / 2
    log_gamma = half * math.log(half) - half + math.log(2 * math.pi * half) / 2 + 1 / (12 * half)
    expected = half * math.log(math.pi) - log_gamma
    assert theorem.log_ball_volume(d) == pytest.approx(expected, rel=1e-12)


@given(d=dimensions, lipschitz=st.floats(0, 1e300), eps=radii, share=st.floats(0, 10))
def test_nothing_overflows(d: int, lipschitz: float, eps: float, share: float) -> None:
    log_eps, two_sed = np.log([eps]), np.array([share * d])
    assert np.isfinite(theorem.log_covering_number(log_eps, two_sed, d, lipschitz)).all()
    assert np.isfinite(theorem.log_cube_number(log_eps, d, 1e300)).all()
    assert math.isfinite(
        theorem.log_probability(math.log(2**63), 1e-300, 1e-300, share * d, d, lipschitz)
    )


@given(
    d=dimensions,
    lipschitz=constants,
    more=st.floats(1, 1e3),
    log_n=st.floats(3, 1e9),
    gamma=st.floats(0.5, 1),
    k=st.floats(1e-3, 1e3),
    share=st.floats(0, 1),
    step=st.floats(0, 1),
)
def test_the_bound_grows_with_l_and_with_2sed_and_shrinks_with_k(
    d: int,
    lipschitz: float,
    more: float,
    log_n: float,
    gamma: float,
    k: float,
    share: float,
    step: float,
) -> None:
    def bound(k: float, share: float, lipschitz: float) -> float:
        return theorem.log_probability(log_n, gamma, k, share * d, d, lipschitz)

    here = bound(k, share, lipschitz)
    slack = 1e-12 * max(abs(here), bound(0.0, share + step, lipschitz * more), k / gamma * log_n)
    assert bound(k, share, lipschitz * more) >= here - slack
    assert bound(k, share + step, lipschitz) >= here - slack
    assert bound(k * more, share, lipschitz) <= here + slack


@given(d=dimensions, lipschitz=constants, log_n=st.floats(3, 1e6), gamma=st.floats(0.5, 1))
def test_at_the_smallest_k_the_bound_is_one(
    d: int, lipschitz: float, log_n: float, gamma: float
) -> None:
    two_sed = 0.9 * d
    k = theorem.smallest_k(log_n, gamma, two_sed, d, lipschitz)
    at_k = theorem.log_probability(log_n, gamma, k, two_sed, d, lipschitz)
    assert at_k == pytest.approx(0, abs=1e-12 * k * log_n / gamma)
    assert theorem.log_probability(log_n, gamma, 1.01 * k, two_sed, d, lipschitz) < 0


@pytest.mark.parametrize("n", [3, 100, 10**5, 2**63 - 1])
def test_the_radius_is_that_of_the_settings(n: int) -> None:
    settings = Settings.model_validate({"n_train": n, "gamma": 0.9})
    assert settings.eps_n is not None
    assert theorem.log_radius(math.log(n), 0.9) == pytest.approx(math.log(settings.eps_n))


# How the bound behaves as n grows. n is given by its logarithm: gamma_0 speaks of the limit, and
# the constants are not outgrown before log n is as large as log d.


def largest(d: int, mu: float) -> float:
    """The bound on d_zeta that gamma_0 is made of: (11) for r = d and |log eps| >= 1."""
    return d * (1 + math.log1p(math.sqrt(mu)))


@given(d=st.integers(1, 10**6), mu=st.floats(0, 1e6), lipschitz=constants, k=st.floats(0.01, 100))
def test_with_the_bound_it_is_made_of_gamma_0_is_where_the_bound_stops_to_vanish(
    d: int, mu: float, lipschitz: float, k: float
) -> None:
    gamma_0 = theorem.gamma_0(k, d, mu)

    def slope(gamma: float) -> float:
        """d log P / d log n, in the limit."""
        near, far = (
            theorem.log_probability(log_n, gamma, k, largest(d, mu), d, lipschitz)
            for log_n in (1e12, 2e12)
        )
        return (far - near) / 1e12

    assert slope(0.99 * gamma_0) < 0
    assert slope(1.01 * gamma_0) > 0


@given(
    d=st.integers(1, 10**6),
    mu=st.floats(0, 1e6),
    zeta=st.floats(2 / 3, 0.99),
    share=st.floats(0, 1),
    factor=st.floats(0.5, 0.999),
)
def test_gamma_0_is_enough_for_the_bound_11(
    d: int, mu: float, zeta: float, share: float, factor: float
) -> None:
    """And more than enough: 8 K / (3 d), without mu, does as well."""
    rank, log_n = share * d, 1e9
    for gamma in (factor * theorem.gamma_0(1.0, d, mu), factor * 8 / (3 * d)):
        growth = math.log1p(math.sqrt(mu)) / abs(theorem.log_radius(log_n, gamma))
        two_sed = zeta * d + rank * (1 - zeta + growth)
        assert theorem.log_probability(log_n, gamma, 1.0, two_sed, d, 1.0) < -1e3


# That the lemma holds, for parameter spaces whose covering number is known.


@hypothesis_settings(deadline=None)
@given(
    waves=st.integers(0, 20),
    depth=st.floats(0, 1),
    zeta=st.floats(2 / 3, 0.999),
    eps=st.floats(1e-6, 0.9),
)
def test_lemma_b2_holds_on_an_interval(waves: int, depth: float, zeta: float, eps: float) -> None:
    """F = 1 + depth cos(2 pi waves theta) on [0, 1] is (2 pi waves depth)-Lipschitz with mean 1,
    and intervals of Fisher length 2 eps cover it, as many as its whole Fisher length asks for."""
    theta = (np.arange(20_000) + 0.5) / 20_000
    root = np.sqrt(1 + depth * np.cos(2 * np.pi * waves * theta) * (waves > 0))
    needed = math.ceil(root.mean() / (2 * eps))
    two_sed = zeta + math.log(1 + eps ** (zeta - 1) * root.mean()) / abs(math.log(eps))
    bound = theorem.log_covering_number(
        np.log([eps]), np.array([two_sed]), 1, 2 * math.pi * waves * depth
    )
    assert math.log(needed) <= bound[0]


@given(
    eigenvalues=st.lists(st.floats(0, 10), min_size=1, max_size=12).filter(lambda x: sum(x) > 0.1),
    zeta=st.floats(2 / 3, 0.999),
    eps=st.floats(1e-6, 0.9),
)
def test_lemma_b2_and_equal_cubes_hold_for_a_constant_fisher_matrix(
    eigenvalues: list[float], zeta: float, eps: float
) -> None:
    """Boxes with half diagonals of eps in the Fisher metric are a cover that can be counted."""
    d = len(eigenvalues)
    roots = np.sqrt(np.array(eigenvalues) * d / sum(eigenvalues))
    boxes = np.log(np.maximum(1, np.ceil(roots * math.sqrt(d) / (2 * eps)))).sum()
    two_sed = zeta * d + np.log1p(eps ** (zeta - 1) * roots).sum() / abs(math.log(eps))
    log_eps = np.log([eps])
    assert boxes <= theorem.log_covering_number(log_eps, np.array([two_sed]), d, 0.0)[0]
    cubes = theorem.log_cube_number(log_eps, d, roots.max() ** 2)[0]
    assert boxes <= cubes + 1e-9


def test_equal_cubes_by_hand() -> None:
    """In the plane with mu = 2: cubes of side eps, so 1 + 1 / eps to a side."""
    got = theorem.log_cube_number(np.log([0.1, 0.01]), 2, 2.0)
    np.testing.assert_allclose(got, np.log([11.0**2, 101.0**2]), rtol=1e-12)


def test_without_any_fisher_information_one_cube_does() -> None:
    np.testing.assert_array_equal(theorem.log_cube_number(np.log([0.1]), 7, 0.0), [0.0])


def test_an_unknown_eigenvalue_leaves_what_needs_it_unknown() -> None:
    assert math.isnan(theorem.log_cube_number(np.log([0.1]), 7, math.nan)[0])
    assert math.isnan(theorem.gamma_0(1.0, 7, math.nan))


def test_gamma_0_by_hand() -> None:
    """d = 2 and 1 + sqrt(mu) = e: 8 K / (3 * 2 * 2)."""
    assert theorem.gamma_0(3.0, 2, (math.e - 1) ** 2) == pytest.approx(2.0, rel=1e-12)
