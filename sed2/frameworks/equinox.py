"""Equinox modules: their inexact arrays are the parameters, and a batch is mapped by `jax.vmap`.

As is the custom there, a module takes one input, images as (C, H, W), and a factory a random `key`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from flax import nnx

from sed2.errors import SpecError
from sed2.frameworks.foreign import Foreign, found, kind_of, making, nested


def from_instance(network: Any, name: str) -> Foreign:
    """The module of an Equinox module, with the parameters that it holds."""
    return _foreign(network, _function(network))


def from_factory(factory: Callable[..., Any], name: str) -> Any:
    """From random keys to the module of what a factory returns; that module, if it takes no key.

    Raises:
        SpecError: the factory cannot be called, or its module keeps a state.
    """
    if "key" not in inspect.signature(factory).parameters:
        return from_instance(_made(factory, name), name)
    function = _function(_made(factory, name, key=jax.random.key(0)))

    def make(*, rngs: nnx.Rngs) -> Foreign:
        return _foreign(factory(key=rngs.params()), function)

    return make


def _made(factory: Callable[..., Any], name: str, **key: Any) -> Any:
    with making(name, ", besides `key`,"):
        return factory(**key)


def _foreign(network: Any, function: Any) -> Foreign:
    kind = kind_of("equinox", type(network).__name__)
    values = {name: jnp.asarray(value, float) for name, value in _parameters(network).items()}
    return kind(nested(values), function, {})


def _parameters(network: Any) -> dict[str, jax.Array]:
    """By their names in Python, `layers.0.weight`."""
    trained = eqx.filter(network, eqx.is_inexact_array)
    leaves = jax.tree_util.tree_leaves_with_path(trained)
    return {".".join(str(_step(entry)) for entry in path): leaf for path, leaf in leaves}


def _step(entry: Any) -> Any:
    """Of a path: an attribute, a place in a list, or a key of a mapping."""
    return next(getattr(entry, at) for at in ("name", "idx", "key") if hasattr(entry, at))


def _function(network: Any) -> Any:
    """
    Raises:
        SpecError: it keeps a state, as a batch norm does.
    """
    for leaf in jax.tree.leaves(network, is_leaf=lambda one: isinstance(one, eqx.nn.StatefulLayer)):
        if isinstance(leaf, eqx.nn.StatefulLayer) and leaf.is_stateful():
            raise SpecError(
                f"the Equinox module `{type(network).__name__}` holds a {type(leaf).__name__}, "
                "which keeps a state",
                mend="Take a layer without one, such as GroupNorm; or write the network in nnx",
            )
    names = list(_parameters(network))
    arrays, rest = eqx.partition(eqx.nn.inference_mode(network), eqx.is_inexact_array)
    treedef = jax.tree.structure(arrays)
    signature = inspect.signature(type(network).__call__).parameters
    needed = "key" in signature and signature["key"].default is inspect.Parameter.empty
    told = {"key": None} if needed else {}

    def apply(parameters: Any, x: jax.Array, norms: Mapping[str, nnx.BatchNorm]) -> Any:
        values = [found(parameters, name) for name in names]
        module = eqx.combine(jax.tree.unflatten(treedef, values), rest)
        x = jnp.moveaxis(x, -1, 1) if x.ndim == 4 else x
        outputs = jax.vmap(lambda one: module(one, **told))(x)
        return jnp.moveaxis(outputs, 1, -1) if jnp.ndim(outputs) == 4 else outputs

    return apply
