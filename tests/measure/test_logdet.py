"""Log-determinants against the sum over eigenvalues, and their slope against a difference."""

from __future__ import annotations

import numpy as np
import pytest

from sed2.measure.logdet import log_determinants
from sed2.measure.spectra import Spectra
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
