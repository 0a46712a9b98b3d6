"""Sampled spectra keep what their error bars promise."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from sed2.blocks.dense import Dense
from sed2.fisher.generic import generic_roots
from sed2.fisher.roots import Roots
from sed2.fisher.structured import expected_roots
from sed2.fisher.ways import Way
from sed2.measure.logdet import log_determinants
from sed2.measure.spectra import BlockSpectrum, Spectra
from tests import reference

EPS = np.array([1e-3, 0.03, 0.3])
RUNS = 50
SAMPLES, WIDTH, UNITS = 30, 12, 30


def module_and_inputs() -> tuple[nnx.Module, jax.Array]:
    rng = np.random.default_rng(0)
    module = Dense(features=UNITS, activation="gelu").build((WIDTH,), nnx.Rngs(0))
    return module, jnp.asarray(rng.normal(size=(SAMPLES, WIDTH)))


def values_and_errors(roots: Roots, way: Way, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """(E, K) of runs that are taken for draws."""

    def spectrum(of: Roots) -> BlockSpectrum:
        return BlockSpectrum(
            "block",
            UNITS * (WIDTH + 1),
            np.asarray(of.values),
            np.asarray(of.weights),
            np.ones(RUNS),
            way.sampling,
            *(spectrum(rule) if rule else None for rule in (of.below, of.coarse)),
        )

    logdets = log_determinants(Spectra((spectrum(roots),)), EPS, 0.0, scale)
    return logdets.values[:, :, 0], np.sqrt(logdets.variances[:, :, 0])


def exact_values() -> tuple[np.ndarray, float]:
    factor = reference.expected_factor(*module_and_inputs(), 1.0)
    scale = factor.shape[1] / (factor**2).sum()
    return np.array([reference.log_determinant(factor, np.sqrt(scale) / e) for e in EPS]), scale


def check_coverage(values: np.ndarray, errors: np.ndarray, exact: np.ndarray) -> None:
    """At least 90% within two standard errors: if the true share is 95%, fewer than 45 of 50 come
    out with probability 0.04; the seed is fixed. And the error is of use: below 20%."""
    inside = np.abs(values - exact[:, None]) <= 2 * errors
    assert (inside.mean(axis=1) >= 0.9).all(), inside.mean(axis=1)
    assert (np.median(errors, axis=1) < 0.2 * exact).all()


def test_a_sample_of_units_covers_the_exact_value() -> None:
    module, x = module_and_inputs()
    way = Way("units", batch=8, samples=8, population=UNITS)
    uniform = jnp.asarray(np.random.default_rng(1).uniform(size=(RUNS, UNITS)))
    _, structure = module.linearise(x)
    roots = jax.vmap(lambda u: expected_roots(structure, jnp.ones(SAMPLES), 1.0, way, u))(uniform)
    exact, scale = exact_values()
    check_coverage(*values_and_errors(roots, way, scale), exact)


@pytest.mark.parametrize("probes", [1, 2, 4])
def test_lanczos_quadrature_covers_the_exact_value(probes: int) -> None:
    """40 steps of 390: the rest is told by the gap between two rules. One probe tells its noise by
    a bound."""
    module, x = module_and_inputs()
    way = Way("lanczos", batch=1, samples=probes, population=math.inf, steps=40)
    size = UNITS * (WIDTH + 1)
    signs = jnp.asarray(np.random.default_rng(2).uniform(-1, 1, size=(RUNS, probes * size)))

    def rows(outputs: jax.Array, n: jax.Array) -> jax.Array:
        return outputs / jnp.sqrt(SAMPLES)

    roots = jax.jit(jax.vmap(lambda u: generic_roots(module, x, rows, way, u)))(signs)
    exact, scale = exact_values()
    check_coverage(*values_and_errors(roots, way, scale), exact)


def test_too_few_lanczos_steps_are_told_by_the_error() -> None:
    """Three steps: far off at small eps, and the error says so."""
    module, x = module_and_inputs()
    way = Way("lanczos", batch=1, samples=4, population=math.inf, steps=3)
    size = UNITS * (WIDTH + 1)
    signs = jnp.asarray(np.random.default_rng(3).uniform(-1, 1, size=(RUNS, 4 * size)))

    def rows(outputs: jax.Array, n: jax.Array) -> jax.Array:
        return outputs / jnp.sqrt(SAMPLES)

    roots = jax.jit(jax.vmap(lambda u: generic_roots(module, x, rows, way, u)))(signs)
    exact, scale = exact_values()
    values, errors = values_and_errors(roots, way, scale)
    assert np.median(np.abs(values[0] - exact[0])) > 0.01 * exact[0]
    assert (np.abs(values[0] - exact[0]) <= 3 * errors[0]).mean() > 0.9
