"""Equinox modules: the same outputs and parameters, or a clear word."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

eqx = pytest.importorskip("equinox", reason="Equinox is not installed: pip install equinox")

import sed2  # noqa: E402
from sed2.errors import SpecError  # noqa: E402
from sed2.frameworks.registry import adopt  # noqa: E402
from sed2.spec.module import from_network  # noqa: E402
from tests.frameworks.nets import flat, ready, sizes  # noqa: E402


class Images(eqx.Module):  # type: ignore[misc, name-defined]
    """Of one image (C, H, W), with a dropout that asks for a key."""

    conv: Any
    drop: Any
    head: Any

    def __init__(self, classes: int = 3, *, key: jax.Array) -> None:
        one, other = jax.random.split(key)
        self.conv = eqx.nn.Conv2d(3, 4, 3, key=one)
        self.drop = eqx.nn.Dropout(0.5)
        self.head = eqx.nn.Linear(4, classes, key=other)

    def __call__(self, x: jax.Array, *, key: jax.Array) -> jax.Array:
        x = self.drop(jax.nn.relu(self.conv(x)), key=key)
        return self.head(x.mean((1, 2)))


def mlp(key: jax.Array) -> Any:
    return eqx.nn.MLP(4, 2, 5, 1, key=key)


def test_outputs_and_parameters_are_those_of_equinox() -> None:
    theirs = Images(key=jax.random.key(0))
    ours = adopt(theirs, "theirs")
    arrays = jax.tree.leaves(eqx.filter(theirs, eqx.is_inexact_array))
    assert sizes(flat(ours.parameters)) == sum(array.size for array in arrays)
    x = np.random.default_rng(0).normal(size=(3, 6, 6, 3))
    model = eqx.nn.inference_mode(theirs)
    expected = jax.vmap(lambda one: model(one, key=None))(jnp.moveaxis(jnp.asarray(x), -1, 1))
    np.testing.assert_allclose(ready(ours, x), expected, rtol=1e-5, atol=1e-6)


def test_a_factory_is_called_with_a_key_for_every_draw() -> None:
    make = adopt(Images, "Images", {"classes": 5})
    one, other = (flat(make(rngs=nnx.Rngs(seed)).parameters) for seed in (0, 1))
    assert one["head.weight"].shape == (5, 4)
    assert (one["head.weight"] != other["head.weight"]).all()


def test_a_factory_is_scored(tmp_path: Any) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, x=np.random.default_rng(0).normal(size=(20, 4)))
    fast: dict[str, Any] = {"dataset": str(path), "samples": 6, "draws": 3, "eps": [0.01, 0.1]}
    for prior in ("torch", "init"):
        result = sed2.compute(mlp, prior=prior, **fast)
        assert result.parameters == 37
        assert result.score.value > 0


def test_a_state_is_refused_by_name() -> None:
    class Stateful(eqx.Module):  # type: ignore[misc, name-defined]
        norm: Any = eqx.nn.BatchNorm(4, axis_name="batch", mode="batch")

        def __call__(self, x: jax.Array) -> jax.Array:
            return x

    with pytest.raises(SpecError, match="BatchNorm, which keeps a state"):
        from_network(Stateful(), "mine")
