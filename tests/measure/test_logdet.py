"""Log-determinants against the sum over eigenvalues, and their slope against a difference."""

from __future__ import annotations

import numpy as np
import pytest

from sed2.measure.logdet import log_determinants
from sed2.measure.spectra import BlockSpectrum, Spectra
from tests.cases import block_spectrum, spectra


@pytest.mark.parametrize("zeta", [0.0, 0.7])
def test_values_are_the_sum_over_normalised_eigenvalues(zeta: float) -> None:
    of = spectra(0)
    eps = np.array([1e-6, 0.1])
    got = log_determinants(of, eps, zeta)
    scale = of.parameters / np.mean(
        [sum((b.roots[k] ** 2).sum() for b in of.blocks) for k in range(6)]
    )
    for e, k, j in np.ndindex(2, 6, 2):
        eigenvalues = scale * of.blocks[j].roots[k].ravel() ** 2
        want = np.log(1 + eps[e] ** (zeta - 1) * np.sqrt(eigenvalues)).sum()
        assert got.values[e, k, j] == pytest.approx(want, rel=1e-13)


def test_multiplicity_repeats_eigenvalues() -> None:
    roots = np.array([[[3.0, 1.0]]])
    repeated = Spectra((block_spectrum("a", 6, roots, 3.0),))
    written_out = Spectra((block_spectrum("a", 6, np.tile(roots, (1, 3, 1))),))
    eps = np.array([0.01])
    np.testing.assert_allclose(
        log_determinants(repeated, eps, 0).values, log_determinants(written_out, eps, 0).values
    )


def test_slopes_are_the_derivative_by_the_log_of_the_normaliser() -> None:
    of, eps, step = spectra(1), np.array([0.01, 0.5]), 1e-5
    up, down = (
        log_determinants(of, eps, 0, of.scale * np.exp(sign * step)).values for sign in (1, -1)
    )
    np.testing.assert_allclose(
        log_determinants(of, eps, 0).slopes, (up - down) / (2 * step), rtol=1e-7
    )


def test_log1p_keeps_tiny_eigenvalues() -> None:
    of = Spectra((block_spectrum("a", 2, np.array([[[1.0, 1e-20]]])),))
    got = log_determinants(of, np.array([0.5]), 0).values[0, 0, 0]
    assert got - np.log1p(2 * np.sqrt(2)) == pytest.approx(0, abs=1e-15)


def sampled(roots: np.ndarray, population: int) -> Spectra:
    """A block of which so many units (K, units, 1) of a population are known."""
    draws, units, _ = roots.shape
    weights, sampling = np.full((1, 1, 1), population / units), 1 - units / population
    return Spectra((BlockSpectrum("a", 2 * population, roots, weights, np.ones(draws), sampling),))


def test_two_errors_of_sampled_units_hold_the_sum_over_all() -> None:
    """5 of 40 units in 4,000 samples: 95% within 1.96 errors, which Student's t has widened. Chance
    alone leaves 94% to 96% in 3 of 1,000 seeds."""
    rng, eps = np.random.default_rng(0), np.array([0.1])
    units = np.exp(0.2 * rng.normal(size=40))
    chosen = rng.permuted(np.tile(np.arange(40), (4000, 1)), axis=1)[:, :5]
    got = log_determinants(sampled(units[chosen][..., None], 40), eps, 0, scale=1.0)
    exact = np.log1p(10 * units).sum()
    off = np.abs(got.values[0, :, 0] - exact) / np.sqrt(got.variances[0, :, 0])
    assert 0.94 < (off < 1.96).mean() < 0.96


def test_one_sampled_unit_says_nothing_of_its_error_and_all_have_none() -> None:
    eps, roots = np.array([0.1, 0.5]), np.ones((3, 1, 1))
    assert np.isnan(log_determinants(sampled(roots, 2), eps, 0).variances).all()
    assert not log_determinants(sampled(roots, 1), eps, 0).variances.any()
