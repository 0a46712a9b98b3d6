"""Eigenvalues without vectors: LAPACK asked by JAX, against NumPy."""

import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sed2.fisher import roots


@pytest.fixture(params=[True, False], ids=["alone", "with vectors"])
def alone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    if not request.param:
        monkeypatch.setattr(roots, "_lapack_has_values_alone", lambda: False)
    return bool(request.param)


def test_they_are_those_of_numpy_over_leading_axes(alone: bool) -> None:
    factors = np.random.default_rng(1).normal(size=(2, 3, 9, 5))
    matrices = factors @ factors.swapaxes(-1, -2)  # of rank 5
    with jax.enable_x64(True):
        found = jax.vmap(jax.vmap(roots.symmetric_eigenvalues))(jnp.asarray(matrices))
    np.testing.assert_allclose(found, np.linalg.eigvalsh(matrices), rtol=1e-12, atol=1e-13)


def test_no_vectors_are_made(alone: bool) -> None:
    if jax.default_backend() != "cpu":
        pytest.skip("another device has its own solver")
    with jax.enable_x64(True):
        text = (
            jax.jit(lambda matrix: roots.symmetric_eigenvalues(matrix)).lower(np.eye(4)).as_text()
        )
    (mode,) = re.findall(r"mode = (\d+) : ui8", text)
    assert chr(int(mode)) == ("N" if alone else "V")


def test_where_jax_calls_something_else_its_own_function_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    roots._lapack_has_values_alone.cache_clear()
    monkeypatch.setattr(jnp.linalg, "eigvalsh", partial(jnp.sum, axis=0))
    try:
        assert not roots._lapack_has_values_alone()
    finally:
        roots._lapack_has_values_alone.cache_clear()
