"""Dense blocks against the dense reference: the shortcut by unit changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.extend.core import jaxprs_in_params

from sed2.blocks.dense import Dense
from sed2.blocks.modules.activations import ACTIVATIONS
from sed2.blocks.modules.dense import DenseModule
from sed2.fisher.roots import Roots
from sed2.fisher.structured import empirical_roots, expected_roots
from sed2.fisher.ways import Way
from tests import reference

SIGMA = 0.01
AMPLITUDES = [1e1, 1e3, 1e6]  # 1 / eps


def module_and_inputs(
    spec: Dense, width: int, samples: int, seed: int
) -> tuple[DenseModule, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    module = spec.build((width,), nnx.Rngs(seed))
    x = rng.normal(size=(samples, width))
    noise = rng.normal(size=(samples, spec.features))
    return module, x, noise


def by_unit(units: int, batch: int | None = None, samples: int | None = None) -> Way:
    return Way("units", batch=batch or units, samples=samples or units, population=units)


def log_determinant(roots: Roots, amplitude: float) -> float:
    return float((roots.weights * np.log1p(amplitude * np.asarray(roots.values))).sum())


def assert_matches(roots: Roots, factor: np.ndarray) -> None:
    scale = 1 / np.sqrt(max((factor**2).sum() / factor.shape[1], 1e-300))  # as Fhat does
    for amplitude in AMPLITUDES:
        want = reference.log_determinant(factor, amplitude * scale)
        assert log_determinant(roots, amplitude * scale) == pytest.approx(want, rel=1e-10)


dense_specs = st.builds(
    Dense,
    features=st.sampled_from([1, 4]),
    bias=st.booleans(),
    activation=st.sampled_from(sorted(ACTIVATIONS)),
)


widths = st.sampled_from([1, 3, 7])
sample_sizes = st.sampled_from([1, 2, 12])


@settings(max_examples=15, deadline=None)
@given(spec=dense_specs, width=widths, samples=sample_sizes, seed=st.integers(0, 9))
def test_expected_equals_dense_fisher(spec: Dense, width: int, samples: int, seed: int) -> None:
    module, x, _ = module_and_inputs(spec, width, samples, seed)
    _, structure = module.linearise(x)
    roots = expected_roots(structure, np.ones(samples), SIGMA, by_unit(structure.units), np.ones(0))
    assert_matches(roots, reference.expected_factor(module, x, SIGMA))


@settings(max_examples=15, deadline=None)
@given(spec=dense_specs, width=widths, samples=sample_sizes, seed=st.integers(0, 9))
def test_empirical_equals_dense_fisher(spec: Dense, width: int, samples: int, seed: int) -> None:
    module, x, noise = module_and_inputs(spec, width, samples, seed)
    _, structure = module.linearise(x)
    roots = empirical_roots(structure, noise, np.ones(samples), SIGMA)
    assert_matches(roots, reference.empirical_factor(module, x, noise, SIGMA))


def test_empirical_folds_many_units() -> None:
    """So many units that the factor is folded in several pieces, the last one padded."""
    module, x, noise = module_and_inputs(Dense(features=23, activation="tanh"), 3, 5, seed=0)
    _, structure = module.linearise(x)
    roots = empirical_roots(structure, noise, np.ones(5), SIGMA)
    assert_matches(roots, reference.empirical_factor(module, x, noise, SIGMA))


@pytest.mark.parametrize("unit_batch", [1, 2, 3])
def test_unit_batches_change_nothing(unit_batch: int) -> None:
    module, x, _ = module_and_inputs(Dense(features=5, activation="relu"), 4, 9, seed=1)
    _, structure = module.linearise(x)
    whole = expected_roots(structure, np.ones(9), SIGMA, by_unit(5), np.ones(0))
    cut = expected_roots(structure, np.ones(9), SIGMA, by_unit(5, unit_batch), np.ones(0))
    np.testing.assert_allclose(cut.values, whole.values, rtol=1e-12)


def test_dead_units_and_constant_features_have_exact_zeros() -> None:
    spec = Dense(features=3, bias=True, activation="relu")
    module, x, _ = module_and_inputs(spec, 4, 20, seed=2)
    x[:, 1] = 0.0  # never seen
    x[:, 2] = 1.0  # the same as the bias
    module.linear.bias[...] = np.array([-1e3, 1e3, 1e3])  # unit 0 is dead
    _, structure = module.linearise(x)
    values = np.asarray(
        expected_roots(structure, np.ones(20), SIGMA, by_unit(3), np.ones(0)).values
    )
    assert np.count_nonzero(values, axis=1).tolist() == [0, 3, 3]
    assert np.isfinite(values).all()


def test_left_out_inputs_equal_their_absence() -> None:
    """Weights of sqrt(N/(N-m)) and 0 give the Fisher matrix of the inputs that are left."""
    module, x, _ = module_and_inputs(Dense(features=3, activation="tanh"), 6, 10, seed=3)
    weights = np.where(np.arange(10) % 5 == 2, 0.0, np.sqrt(10 / 8))
    _, structure = module.linearise(x)
    _, left = module.linearise(x[np.arange(10) % 5 != 2])
    got = expected_roots(structure, weights, SIGMA, by_unit(3), np.ones(0))
    want = expected_roots(left, np.ones(8), SIGMA, by_unit(3), np.ones(0))
    amplitude = 1e4
    assert log_determinant(got, amplitude) == pytest.approx(log_determinant(want, amplitude), 1e-12)


def test_a_sample_of_units_is_unbiased_and_its_weights_add_up() -> None:
    """The mean over all samples of one unit is the whole."""
    module, x, _ = module_and_inputs(Dense(features=4, activation="tanh"), 3, 9, seed=4)
    _, structure = module.linearise(x)
    whole = expected_roots(structure, np.ones(9), SIGMA, by_unit(4), np.ones(0))
    parts = [
        expected_roots(structure, np.ones(9), SIGMA, by_unit(4, samples=1), -np.eye(4)[unit])
        for unit in range(4)
    ]
    mean = np.mean([log_determinant(part, 100.0) for part in parts])
    assert mean == pytest.approx(log_determinant(whole, 100.0), rel=1e-12)


def largest_array(function: Callable[..., object], *arguments: object) -> int:
    """Numbers in the largest array that the traced program makes."""
    sizes = []

    def visit(jaxpr: Any) -> None:
        for equation in jaxpr.eqns:
            sizes.extend(variable.aval.size for variable in equation.outvars)
            for inner in jaxprs_in_params(equation.params):
                visit(inner)

    visit(jax.make_jaxpr(function)(*arguments).jaxpr)
    return max(sizes)


@pytest.mark.parametrize("estimator", ["expected", "empirical"])
def test_no_array_is_as_large_as_the_jacobian(estimator: str) -> None:
    """Counts, not times: no d_j x d_j matrix, and no per-sample gradient of the whole block."""
    samples, width, units = 10, 30, 200
    spec = Dense(features=units, activation="tanh")
    module, x, noise = module_and_inputs(spec, width, samples, seed=0)

    def values(x: jax.Array) -> jax.Array:
        _, structure = module.linearise(x)
        if estimator == "expected":
            return expected_roots(
                structure, np.ones(samples), SIGMA, by_unit(units, 4), np.ones(0)
            ).values
        return empirical_roots(structure, noise, np.ones(samples), SIGMA).values

    assert largest_array(values, x) < samples * spec.parameter_count((width,)) / 2
