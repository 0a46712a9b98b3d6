"""jacob_cov and naswot by hand."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from sed2.baselines.kernels import (
    CODE_ROWS,
    agreements,
    code_kernels,
    input_jacobians,
    jacob_cov,
    naswot,
)
from sed2.baselines.tracing import count_relus, relu_outputs
from tests.baselines.networks import two_layers

K = 1e-5


def test_jacobians_of_two_layers() -> None:
    rng = np.random.default_rng(0)
    first, second, x = rng.normal(size=(3, 4)), rng.normal(size=(4, 2)), rng.normal(size=(5, 3))
    want = (x @ first > 0) * second.sum(axis=1) @ first.T
    np.testing.assert_allclose(input_jacobians(two_layers(first, second), x), want, rtol=1e-12)


def test_jacob_cov_by_hand() -> None:
    """Two inputs of correlation 1/2: eigenvalues 3/2 and 1/2."""
    jacobians = np.array([[1.0, -1.0, 0.0], [1.0, 0.0, -1.0]])
    want = -sum(math.log(v + K) + 1 / (v + K) for v in (1.5, 0.5))
    assert jacob_cov(jacobians) == pytest.approx(want)
    assert jacob_cov(5 * jacobians + 7) == pytest.approx(want)


def test_jacob_cov_is_largest_for_inputs_that_do_not_correlate() -> None:
    apart = np.array([[1.0, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]])
    assert jacob_cov(apart) == pytest.approx(-3 * (math.log(1 + K) + 1 / (1 + K)))
    alike = np.repeat(apart[:1], 3, axis=0)
    want = -(math.log(3 + K) + 1 / (3 + K) + 2 * (math.log(K) + 1 / K))
    assert jacob_cov(alike) == pytest.approx(want, rel=1e-6)


@pytest.mark.parametrize("row", [[0.0, 0.0], [0.1, 0.1], [np.inf, 1.0]])
def test_jacob_cov_is_undefined_where_a_correlation_is(row: list[float]) -> None:
    assert math.isnan(jacob_cov(np.array([[1.0, 2.0], row])))


def test_naswot_by_hand() -> None:
    """Codes 110 and 100 agree in 2 of 3 units: det ((3, 2), (2, 3)) = 5."""
    different = agreements(jnp.array([[1.0, 1, 0], [1, 0, 0]]))
    np.testing.assert_array_equal(different, [[3, 2], [2, 3]])
    same = agreements(jnp.array([[1.0, 1, 0], [1, 1, 0]]))
    assert naswot(np.asarray(different)) == pytest.approx(math.log(5))
    # Two inputs with the same code have determinant 0, and the mean of 5 and 0 is 5/2.
    assert naswot(np.stack([different, same])) == pytest.approx(math.log(2.5))
    assert naswot(np.asarray(same)) == -math.inf


def test_large_singular_kernels_are_singular() -> None:
    """Six units give 8 inputs a rank of 7, but rounding makes of the determinant anything."""
    six = np.random.default_rng(1).integers(2, size=(8, 6)).astype(float)
    kernel = np.asarray(agreements(jnp.asarray(np.repeat(six, 33_333, axis=1))))
    assert np.linalg.det(kernel) > 1e20
    assert naswot(kernel) == -math.inf


def test_code_kernels_count_units_pair_by_pair() -> None:
    rng = np.random.default_rng(3)
    first, x = rng.normal(size=(3, 11)), rng.normal(size=(2 * CODE_ROWS + 3, 3))
    kernels = np.asarray(code_kernels(two_layers(first, rng.normal(size=(11, 2))), x))
    on = x @ first > 0
    assert kernels.shape == (2, CODE_ROWS, CODE_ROWS)
    for group, i, j in [(0, 0, 0), (0, 1, 5), (1, 2, 7), (1, 6, 3)]:
        start = group * CODE_ROWS
        assert kernels[group, i, j] == (on[start + i] == on[start + j]).sum()


def test_only_relus_are_seen() -> None:
    def function(x: jax.Array) -> jax.Array:
        y = nnx.relu(x) + jax.nn.relu(2 * x - 1)
        y = jax.nn.leaky_relu(y) + jax.nn.softplus(y) + jnp.tanh(y) + jax.nn.gelu(y)
        return y.sum()

    x = jnp.array([-1.0, 0.25, 3.0])
    assert count_relus(jax.make_jaxpr(function)(x).jaxpr) == (2, 0)
    found = jax.jit(lambda x: relu_outputs(function, x))(x)
    np.testing.assert_array_equal(found[0], [0, 0.25, 3])
    np.testing.assert_array_equal(found[1], [0, 0, 5])
    assert count_relus(jax.make_jaxpr(jax.jit(function))(x).jaxpr) == (0, 2)
