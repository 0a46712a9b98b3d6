"""The parameter measure: draws of a block's parameters (measure.md, section 3).

Every measure is a product over the parameters. `fan_in` of a kernel is the number of inputs of
one unit, all axes but the last. `torch` draws kernels and biases from U(-1/sqrt(fan_in),
1/sqrt(fan_in)), a bias with the fan-in of the kernel beside it. The named initialisers are those
of `jax.nn.initializers`, with biases 0, as Flax starts a network. `uniform` and `normal` draw all
parameters alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from sed2.chain import ChainBlock
from sed2.settings import Prior

Sampler = Callable[[jax.Array, tuple[int, ...]], jax.Array]


def draw_module(block: ChainBlock, prior: Prior, key: jax.Array) -> nnx.Module:
    """One draw of the block's module. Pure: may be jitted and vmapped over `key`."""
    if prior.name == "init":
        return block.build(nnx.Rngs(key))
    graphdef, state = block.abstract()
    leaves, treedef = jax.tree_util.tree_flatten_with_path(state)
    kernels = {_parent(path): leaf.shape for path, leaf in leaves if _name(path) == "kernel"}
    drawn = [
        _sampler(prior, _name(path), kernels.get(_parent(path)))(
            jax.random.fold_in(key, i), leaf.shape
        )
        for i, (path, leaf) in enumerate(leaves)
    ]
    return nnx.merge(graphdef, jax.tree_util.tree_unflatten(treedef, drawn))


def _sampler(prior: Prior, name: str, kernel: tuple[int, ...] | None) -> Sampler:
    """How the parameter `name` is drawn, given the shape of the kernel beside it."""
    match prior.name:
        case "uniform":
            return _uniform(*prior.args)
        case "normal":
            return _normal(prior.args[0])
    if kernel is None:
        return _constant(1.0 if name == "scale" else 0.0)
    if prior.name == "torch":
        bound = 1 / math.sqrt(math.prod(kernel[:-1]))
        return _uniform(-bound, bound)
    if name != "kernel":
        return _constant(0.0)
    initializer = getattr(jax.nn.initializers, prior.name)()
    return lambda key, shape: initializer(key, shape, float)


def _uniform(low: float, high: float) -> Sampler:
    return lambda key, shape: jax.random.uniform(key, shape, float, low, high)


def _normal(std: float) -> Sampler:
    return lambda key, shape: std * jax.random.normal(key, shape, float)


def _constant(value: float) -> Sampler:
    return lambda key, shape: jnp.full(shape, value, float)


def _name(path: tuple[Any, ...]) -> str:
    return _keys(path)[-1]


def _parent(path: tuple[Any, ...]) -> tuple[str, ...]:
    return _keys(path)[:-1]


def _keys(path: tuple[Any, ...]) -> tuple[str, ...]:
    """Path of names, without the accessor of the variable's own value."""
    return tuple(str(entry.key) for entry in path if hasattr(entry, "key"))
