"""The random numbers without JAX are those of JAX, to the last bit."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sed2.common import randomness, threefry

WORDS = st.integers(0, 2**32 - 1)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**63 - 1), stream=WORDS, draws=st.lists(WORDS, min_size=3, max_size=3))
def test_keys_and_numbers_are_those_of_jax(seed: int, stream: int, draws: list[int]) -> None:
    wanted = randomness.block_keys(seed, stream, jax.numpy.asarray(draws))
    keys = threefry.block_keys(seed, stream, np.array(draws))
    assert (keys == np.asarray(jax.random.key_data(wanted))).all()
    numbers = np.asarray(randomness.uniforms(wanted, 100))
    assert (threefry.uniforms(keys, 100) == numbers[:, :100]).all()


def test_normal_numbers_are_those_of_jax_to_rounding() -> None:
    """Where they are large, JAX's own are off by the rounding of 1 - u^2."""
    for uniform, off in ((np.linspace(-0.999, 0.999, 999), 1e-14), (np.array([-1 + 1e-9]), 1e-10)):
        wanted = np.asarray(randomness.to_normal(uniform))
        np.testing.assert_allclose(threefry.to_normal(uniform), wanted, rtol=off)


def test_another_generator_of_jax_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert threefry.is_jax_own()
    with jax.threefry_partitionable(False):
        assert not threefry.is_jax_own()
    with jax.default_prng_impl("rbg"):
        assert not threefry.is_jax_own()
    monkeypatch.delitem(threefry.sys.modules, "jax")
    assert threefry.is_jax_own()
    monkeypatch.setenv("JAX_THREEFRY_PARTITIONABLE", "0")
    assert not threefry.is_jax_own()
