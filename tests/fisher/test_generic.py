"""Every way to a spectrum, both estimators, both likelihoods, against the dense reference."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from sed2.blocks.freeze import freeze
from sed2.fisher import generic
from sed2.fisher.generic import generic_roots
from sed2.fisher.likelihood import output_rows
from sed2.fisher.roots import Roots
from sed2.fisher.ways import Way
from tests import networks, reference

SIGMA = 0.05
AMPLITUDES = [1e1, 1e3, 1e6]


class Net(nnx.Module):
    """Two layers with a batch norm between them and no structure: 5 -> 4 -> 3."""

    def __init__(self, rngs: nnx.Rngs, hidden: int = 4) -> None:
        self.first = nnx.Linear(5, hidden, param_dtype=float, rngs=rngs)
        self.norm = nnx.BatchNorm(hidden, param_dtype=float, rngs=rngs)
        self.dropout = nnx.Dropout(0.5, rngs=rngs)
        self.last = nnx.Linear(hidden, 3, param_dtype=float, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.last(self.dropout(jax.nn.relu(self.norm(self.first(x)))))


def setting(samples: int, hidden: int = 4) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(samples, 5))
    arrays = {
        "x": x,
        "uniform": rng.uniform(-1, 1, size=(samples, 3)),
        "noise": rng.normal(size=(samples, 3)),
    }
    module = freeze(Net(nnx.Rngs(0), hidden), jnp.asarray(x))
    return {"module": module} | {name: jnp.asarray(array) for name, array in arrays.items()}


def way(name: Any, batch: int = 3, samples: int = 1, steps: int = 0) -> Way:
    return Way(name, batch=batch, samples=samples, population=1, steps=steps)


def roots_of(
    of: dict[str, Any], likelihood: str, fisher: str, by: Way, probes: Any = None
) -> Roots:
    module, x = of["module"], of["x"]
    rows = output_rows(
        likelihood, fisher, module(x), of["uniform"], of["noise"], jnp.ones(len(x)), SIGMA
    )
    return generic_roots(module, x, rows, by, None if probes is None else jnp.asarray(probes))


def log_determinant(roots: Roots, amplitude: float) -> float:
    return float((roots.weights * np.log1p(amplitude * np.asarray(roots.values))).sum())


def factor_of(of: dict[str, Any], likelihood: str, fisher: str) -> np.ndarray:
    module, x = of["module"], of["x"]
    if likelihood == "categorical":
        if fisher == "expected":
            return reference.categorical_factor(module, x)
        classes = reference.draw_classes(module, x, of["uniform"][:, 0])
        return reference.categorical_scores(module, x, classes)
    if fisher == "expected":
        return reference.expected_factor(module, x, SIGMA)
    return reference.empirical_factor(module, x, of["noise"], SIGMA)


@pytest.mark.parametrize("samples", [2, 40])
@pytest.mark.parametrize("fisher", ["expected", "empirical"])
@pytest.mark.parametrize("likelihood", ["gaussian", "categorical"])
def test_jacobian_equals_the_dense_fisher(samples: int, fisher: str, likelihood: str) -> None:
    of = setting(samples)
    factor = factor_of(of, likelihood, fisher)
    got = roots_of(of, likelihood, fisher, way("jacobian"))
    for amplitude in AMPLITUDES:
        want = reference.log_determinant(factor, amplitude)
        assert log_determinant(got, amplitude) == pytest.approx(want, rel=1e-9)


@pytest.mark.parametrize("fisher", ["expected", "empirical"])
@pytest.mark.parametrize("likelihood", ["gaussian", "categorical"])
def test_gram_equals_the_dense_fisher(fisher: str, likelihood: str) -> None:
    """Formed, it keeps half the digits: at 1/eps = 1e3 the log-determinant is good to 1e-6."""
    of = setting(6, hidden=9)
    factor = factor_of(of, likelihood, fisher)
    scale = 1 / np.linalg.svd(factor, compute_uv=False).max()
    got = roots_of(of, likelihood, fisher, way("gram"))
    for amplitude, precision in ((1e1, 1e-9), (1e3, 1e-6)):
        want = reference.log_determinant(factor, amplitude * scale)
        assert log_determinant(got, amplitude * scale) == pytest.approx(want, rel=precision)


@pytest.mark.parametrize("samples", [6, 40])
@pytest.mark.parametrize("likelihood", ["gaussian", "categorical"])
def test_all_lanczos_steps_over_all_basis_vectors_are_exact(samples: int, likelihood: str) -> None:
    """With as many steps as rows the quadrature is exact, and the 2^n sign vectors' mean is the
    trace; as many random ones leave the noise of probes only, which a constant f does not have."""
    of = setting(samples)
    factor = factor_of(of, likelihood, "expected")
    size = min(factor.shape)
    signs = np.random.default_rng(1).uniform(-1, 1, size=64 * size)
    got = roots_of(of, likelihood, "expected", way("lanczos", samples=64, steps=size), signs)
    np.testing.assert_allclose(np.asarray(got.weights).sum(), size, rtol=1e-12)
    eigenvalues, vectors = np.linalg.eigh(
        factor.T @ factor if factor.shape[1] == size else factor @ factor.T
    )
    probes = np.where(signs.reshape(64, size) > 0, 1.0, -1.0)
    logs = np.log1p(10 * np.sqrt(np.maximum(eigenvalues, 0)))
    want = ((probes @ vectors) ** 2 @ logs).mean()
    assert log_determinant(got, 10) == pytest.approx(want, rel=1e-6)


def test_lanczos_survives_an_exhausted_krylov_space() -> None:
    """One input: the rank is 3, and all steps are taken."""
    of = setting(1, hidden=9)
    of["module"].norm.bias[...] = jnp.linspace(-1, 1, 9) + 0.1  # or rounding would decide the ReLUs
    factor = factor_of(of, "gaussian", "expected")
    signs = np.random.default_rng(1).uniform(-1, 1, size=400 * 3)
    got = roots_of(of, "gaussian", "expected", way("lanczos", samples=400, steps=3), signs)
    assert np.isfinite(np.asarray(got.values)).all()
    want = reference.log_determinant(factor, 10)
    assert log_determinant(got, 10) == pytest.approx(want, rel=0.1)


@pytest.mark.parametrize("inputs", [3, 7])
@pytest.mark.parametrize("network", ["Shift", "TwoScales", "Projection"])
def test_lanczos_is_exact_where_the_eigenvalues_are_few(network: str, inputs: int) -> None:
    """A quadrature of as many nodes as there are eigenvalues has no error of its own: each probe
    gives z^T f(F) z, at half the steps too. What a step more would compute is rounding alone, of
    any size: which, hangs on the numbers, so a few are tried."""
    x = jnp.asarray(np.random.default_rng(3).normal(size=(inputs, 54)))
    module = getattr(networks, network)(54)
    for sigma in (0.03, 0.05, 0.07):
        rows = output_rows("gaussian", "expected", module(x), x, x, jnp.ones(inputs), sigma)
        factor = reference.expected_factor(module, x, sigma)
        size = min(factor.shape)
        gram = factor.T @ factor if factor.shape[1] == size else factor @ factor.T
        eigenvalues, vectors = np.linalg.eigh(gram)
        values = np.sqrt(np.where(eigenvalues > 1e-13 * eigenvalues.max(), eigenvalues, 0))
        numbers = np.random.default_rng(1).uniform(-1, 1, size=2 * size)
        probes = np.where(numbers.reshape(2, size) > 0, 1.0, -1.0)
        by = way("lanczos", samples=2, steps=min(30, size))
        got = generic_roots(module, x, rows, by, jnp.asarray(numbers))
        for amplitude in (0.1, 10.0):
            want = ((probes @ vectors) ** 2 @ np.log1p(amplitude * values)).mean()
            for rule in (got, got.below, got.coarse, got.coarse.below):
                assert log_determinant(rule, amplitude) == pytest.approx(want, rel=1e-9)


def test_of_many_eigenvalues_the_products_are_single_and_no_vectors_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same rules to what single precision allows, and not to more: it is what was done."""
    of = setting(40)
    signs = np.random.default_rng(1).uniform(-1, 1, size=64 * 47)
    by = way("lanczos", samples=64, steps=6)
    double = roots_of(of, "gaussian", "expected", by, signs)
    monkeypatch.setattr(generic, "FEW", 10)
    single = roots_of(of, "gaussian", "expected", by, signs)
    for got, want in ((single, double), (single.below, double.below)):
        assert got.values.dtype == float
        assert log_determinant(got, 10) == pytest.approx(log_determinant(want, 10), rel=1e-4)
    assert log_determinant(single, 10) != pytest.approx(log_determinant(double, 10), rel=1e-12)


EVERY_WAY = [way("jacobian"), way("gram"), way("lanczos", samples=2, steps=5)]


@pytest.mark.parametrize("by", EVERY_WAY, ids=lambda by: by.name)
def test_no_influence_gives_zeros(by: Way) -> None:
    of = setting(5)
    got = generic_roots(of["module"], of["x"], lambda out, n: 0.0 * out, by, jnp.ones(30))
    assert log_determinant(got, 1e6) == 0


@pytest.mark.parametrize("by", EVERY_WAY, ids=lambda by: by.name)
def test_numbers_that_are_not_finite_stay_visible(by: Way) -> None:
    of = setting(5)
    got = generic_roots(of["module"], of["x"], lambda out, n: jnp.inf * out, by, jnp.ones(30))
    assert not np.isfinite(np.asarray(got.values)).all()
