"""Keras models on the JAX backend: the same outputs and parameters, or a clear word."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras", reason="Keras is not installed: pip install keras")

import sed2  # noqa: E402
from sed2.errors import SpecError  # noqa: E402
from sed2.frameworks.registry import adopt  # noqa: E402
from sed2.spec.module import from_network  # noqa: E402
from tests.frameworks.nets import flat, ready, sizes  # noqa: E402

layers = keras.layers


def images() -> Any:
    inputs = keras.Input((8, 8, 3))
    x = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same")(inputs))
    x = layers.Add()([x, layers.Dropout(0.5)(layers.DepthwiseConv2D(3, padding="same")(x))])
    return keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))


def small() -> Any:
    return keras.Sequential([keras.Input((4,)), layers.Dense(5, "tanh"), layers.Dense(2)])


def test_outputs_and_parameters_are_those_of_keras() -> None:
    theirs = images()
    ours = adopt(theirs, "theirs")
    trained = sum(int(np.prod(of.shape)) for of in theirs.trainable_variables)
    assert sizes(flat(ours.parameters)) == trained
    x = np.random.default_rng(0).normal(size=(3, 8, 8, 3))
    np.testing.assert_allclose(ready(ours, x), theirs(x, training=False), rtol=1e-5, atol=1e-6)


def test_all_is_computed_in_float64() -> None:
    (block,) = from_network(small()).blocks
    assert block.precision((4,)) == "float64"
    assert keras.config.floatx() == "float32"


def test_a_model_and_a_factory_are_scored(tmp_path: Any) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, x=np.random.default_rng(0).normal(size=(20, 4)))
    fast: dict[str, Any] = {"dataset": str(path), "samples": 6, "draws": 3, "eps": [0.01, 0.1]}
    one, other = (sed2.compute(network, **fast) for network in (small(), small))
    assert one.parameters == 37
    assert one.score.value == pytest.approx(other.score.value, rel=1e-9)


def test_a_model_that_is_not_built_is_refused() -> None:
    with pytest.raises(SpecError, match="is not built"):
        from_network(keras.Sequential([layers.Dense(5)]), "mine")
