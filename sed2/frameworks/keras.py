"""Keras 3 models on the JAX backend: their trainable variables are the parameters.

Functional and sequential models are computed in float64, others as their `dtype` says. Batch norms
take the statistics of the inputs, as all in sed2 do, and not the moving ones.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from flax import nnx

from sed2.errors import SpecError
from sed2.frameworks.foreign import Foreign, batch_norm, found, kind_of, making, nested


def from_instance(network: Any, name: str) -> Foreign:
    """The module of a Keras model, with the parameters that it holds.

    Raises:
        SpecError: it is not built, or its backend is not JAX.
    """
    if keras.backend.backend() != "jax":
        raise SpecError(
            f"the Keras model `{name}` has the backend {keras.backend.backend()}",
            mend="Set the variable KERAS_BACKEND=jax before Keras is imported",
        )
    if not network.built:
        raise SpecError(
            f"the Keras model `{name}` is not built, so that it has no parameters yet",
            mend="Begin with a keras.Input, or call its `build` with the shape of the inputs",
        )
    model = _Model(_in_float64(network))
    values = {
        of: jnp.asarray(np.asarray(variable), float)
        for of, variable in zip(model.names, network.trainable_variables, strict=True)
    }
    norms = {
        str(number): batch_norm(layer.moving_mean.shape[0], layer.epsilon, layer.axis)
        for number, layer in enumerate(model.norms)
    }
    return kind_of("keras", type(network).__name__)(nested(values), model, norms)


def from_factory(factory: Callable[[], Any], name: str) -> Foreign:
    """The module of what a factory returns: always the same, since Keras draws by a global seed.

    Raises:
        SpecError: it cannot be called; or as `from_instance`.
    """
    with making(name):
        return from_instance(factory(), name)


@dataclass(eq=False)
class _Model:
    """A Keras model as a function of JAX."""

    model: Any
    names: list[str] = field(init=False)
    """Of the trainable variables: the number of the layer, and the variable's own."""
    norms: list[Any] = field(init=False)
    """The layers that are batch norms."""
    given: Mapping[str, nnx.BatchNorm] = field(default_factory=dict)
    """What the call that is going on has for them."""

    def __post_init__(self) -> None:
        # Those of layers count all that the process has made, so they are numbered here.
        paths = [one.path.rpartition("/") for one in self.model.trainable_variables]
        owners = list(dict.fromkeys(owner for owner, _, _ in paths))
        self.names = [f"{owners.index(owner)}.{name}" for owner, _, name in paths]
        layers = self.model._flatten_layers()
        self.norms = [one for one in layers if type(one) is keras.layers.BatchNormalization]
        for number, layer in enumerate(self.norms):
            object.__setattr__(layer, "call", self._normed(layer, str(number)))
        self.constants = [np.asarray(one) for one in self.model.non_trainable_variables]

    def _normed(self, layer: Any, name: str) -> Callable[..., jax.Array]:
        def call(inputs: jax.Array, training: Any = None, mask: Any = None) -> jax.Array:
            shape = [1] * inputs.ndim
            shape[layer.axis] = -1
            x = self.given[name](inputs)
            x = x * jnp.reshape(layer.gamma.value, shape) if layer.scale else x
            return x + jnp.reshape(layer.beta.value, shape) if layer.center else x

        return call

    def __call__(self, parameters: Any, x: jax.Array, norms: Mapping[str, nnx.BatchNorm]) -> Any:
        trained = [found(parameters, name) for name in self.names]
        self.given = norms
        try:
            with warnings.catch_warnings(), _promoted():
                warnings.simplefilter("ignore")  # float64 where JAX is set to float32
                outputs, _ = self.model.stateless_call(trained, self.constants, x, training=False)
        finally:
            self.given = {}
        return outputs


@contextmanager
def _promoted() -> Iterator[None]:
    """With results of float64 where the arguments are: on JAX, Keras makes them float32 else, as in
    tanh, whatever the model's type is (findings/keras_float64.sh)."""
    table = getattr(keras.src.backend.common.dtypes, "BIT64_TO_BIT32_DTYPE", {})
    usual = dict(table)
    table.update(float64="float64")
    try:
        yield
    finally:
        table.update(usual)


def _in_float64(network: Any) -> Any:
    """A copy that computes in float64, if it can be made from its configuration."""
    if not isinstance(network, keras.Sequential | keras.src.models.functional.Functional):
        return network
    with jax.enable_x64(True):
        return type(network).from_config(_doubled(network.get_config()))


def _doubled(config: Any) -> Any:
    """A configuration whose types of floating point are all float64."""
    if isinstance(config, dict):
        return {
            key: "float64" if key in ("dtype", "name") and value == "float32" else _doubled(value)
            for key, value in config.items()
        }
    if isinstance(config, list | tuple):
        return type(config)(_doubled(value) for value in config)
    return config
