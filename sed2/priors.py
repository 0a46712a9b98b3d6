"""The parameter measure: draws of a block's parameters (measure.md, section 3).

Every measure is a product over the parameters. `fan_in` of a kernel is the number of inputs of
one unit, all axes but the last; `fan_out` counts its last axis in place of the one before.

- `torch`: U(-1/sqrt(fan_in), 1/sqrt(fan_in)), a bias with the fan-in of the kernel beside it.
- `he_*`, `glorot_*`, `lecun_*`: kernels centred, with variance 2/fan_in, 2/(fan_in + fan_out)
  and 1/fan_in, normal or uniform; biases 0.
- `uniform:A:B`, `normal:STD`: all parameters alike.
- `init`: whatever initialisers the Flax module declares.

Scale and shift of a normalisation have no kernel beside them: they are 1 and 0, as all these
initialisers have it, except under `uniform` and `normal`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from sed2.blocks import BlockSpec, Shape
from sed2.randomness import to_normal
from sed2.settings import Prior

Transform = Callable[[jax.Array], jax.Array]
"""From numbers uniform on (-1, 1) to parameters, elementwise."""


def draw_module(
    spec: BlockSpec, input_shape: Shape, prior: Prior, key: jax.Array, uniform: jax.Array
) -> nnx.Module:
    """One draw of a block's module. Pure: may be jitted, and vmapped over its last arguments.

    Args:
        key: for the module's own initialisers, under `init`.
        uniform: (d_j,) numbers uniform on (-1, 1), for all other measures.
    """
    if prior.name == "init":
        return spec.build(input_shape, nnx.Rngs(key))
    abstract = nnx.eval_shape(lambda: spec.build(input_shape, nnx.Rngs(0)))
    graphdef, state = nnx.split(abstract)
    leaves, treedef = jax.tree_util.tree_flatten_with_path(state)
    kernels = {_parent(path): leaf.shape for path, leaf in leaves if _name(path) == "kernel"}
    parameters, used = [], 0
    for path, leaf in leaves:
        transform = _transform(prior, _name(path), kernels.get(_parent(path)))
        parameters.append(transform(uniform[used : used + leaf.size]).reshape(leaf.shape))
        used += leaf.size
    return nnx.merge(graphdef, jax.tree_util.tree_unflatten(treedef, parameters))


def _transform(prior: Prior, name: str, kernel: Shape | None) -> Transform:
    """How the parameter `name` is drawn, given the shape of the kernel beside it."""
    if prior.name == "uniform":
        low, high = prior.args
        return lambda u: (low + high) / 2 + (high - low) / 2 * u
    if prior.name == "normal":
        return lambda u: prior.args[0] * to_normal(u)
    if kernel is None:
        return lambda u: jnp.full_like(u, name == "scale")
    fan_in, fan_out = math.prod(kernel[:-1]), math.prod(kernel[:-2]) * kernel[-1]
    if prior.name == "torch":
        return lambda u: u / math.sqrt(fan_in)
    if name != "kernel":
        return jnp.zeros_like
    family, shape = prior.name.split("_")
    variance = {"he": 2 / fan_in, "glorot": 2 / (fan_in + fan_out), "lecun": 1 / fan_in}[family]
    if shape == "normal":
        return lambda u: math.sqrt(variance) * to_normal(u)
    return lambda u: math.sqrt(3 * variance) * u


def _name(path: tuple[Any, ...]) -> str:
    return _keys(path)[-1]


def _parent(path: tuple[Any, ...]) -> tuple[str, ...]:
    return _keys(path)[:-1]


def _keys(path: tuple[Any, ...]) -> tuple[str, ...]:
    """Path of names, without the accessor of the variable's own value."""
    return tuple(str(entry.key) for entry in path if hasattr(entry, "key"))
