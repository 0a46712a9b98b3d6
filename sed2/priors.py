"""The parameter measure: draws of a block's parameters (docs/concepts/measure.md, section 3).

Every measure is a product over the parameters. `fan_in` of a kernel is the number of inputs of
one unit, all axes but the last; `fan_out` counts its last axis in place of the one before.

- `torch`: U(-1/sqrt(fan_in), 1/sqrt(fan_in)), a bias with the fan-in of the kernel beside it.
- `he_*`, `glorot_*`, `lecun_*`: kernels centred, with variance 2/fan_in, 2/(fan_in + fan_out)
  and 1/fan_in, normal or uniform; biases 0.
- `uniform:A:B`, `normal:STD`: all parameters alike.
- `init`: whatever initialisers the Flax module declares.

The named initialisers and `torch` say something of kernels and of the biases beside them. All other
parameters (scale and shift of a normalisation, embeddings, a class token) are drawn as the module
itself initialises them, except under `uniform` and `normal`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from sed2.blocks import Block, Shape
from sed2.common.randomness import to_normal
from sed2.settings import Prior

KERNELS = ("kernel", "w", "W", "weight")
BIASES = ("bias", "b")
"""Names of parameters, in Flax and in plain (init, apply) pairs."""

Transform = Callable[[jax.Array], jax.Array]
"""From numbers uniform on (-1, 1) to parameters, elementwise."""


def draw_module(
    spec: Block, input_shape: Shape, prior: Prior, key: jax.Array, uniform: jax.Array
) -> nnx.Module:
    """One draw of a block's module, in float64 whatever the module itself would keep.

    Pure: may be jitted, and vmapped over its last arguments.

    Args:
        key: for the module's own initialisers.
        uniform: (d_j,) numbers uniform on (-1, 1), for all else.
    """
    module = spec.build(input_shape, nnx.Rngs(key))
    state = nnx.state(module, nnx.Param)
    leaves, treedef = jax.tree_util.tree_flatten_with_path(state)
    kernels = {_parent(path): leaf.shape for path, leaf in leaves if _name(path) in KERNELS}
    parameters, used = [], 0
    for path, leaf in leaves:
        transform = _transform(prior, path, leaf.shape, kernels.get(_parent(path)))
        numbers = uniform[used : used + leaf.size]
        drawn = transform(numbers).reshape(leaf.shape) if transform else leaf
        parameters.append(drawn.astype(float))
        used += leaf.size
    nnx.update(module, jax.tree_util.tree_unflatten(treedef, parameters))
    return module


def _transform(
    prior: Prior, path: tuple[Any, ...], shape: Shape, kernel: Shape | None
) -> Transform | None:
    """How a parameter is drawn, given the shape of the kernel beside it; None: as initialised."""
    if prior.name == "init":
        return None
    if prior.name == "uniform":
        low, high = prior.args
        return lambda u: (low + high) / 2 + (high - low) / 2 * u
    if prior.name == "normal":
        return lambda u: prior.args[0] * to_normal(u)
    name = _name(path)
    if kernel is None or name not in (*KERNELS, *BIASES):
        return None
    fan_in, fan_out = _fans(path, kernel)
    if prior.name == "torch":
        return lambda u: u / math.sqrt(fan_in)
    if name in BIASES:
        return jnp.zeros_like
    family, form = prior.name.split("_")
    variance = {"he": 2 / fan_in, "glorot": 2 / (fan_in + fan_out), "lecun": 1 / fan_in}[family]
    if form == "normal":
        return lambda u: math.sqrt(variance) * to_normal(u)
    return lambda u: math.sqrt(3 * variance) * u


def _fans(path: tuple[Any, ...], kernel: Shape) -> tuple[int, int]:
    """Inputs and outputs of one unit of a kernel.

    The projections of Flax's attention, (features, heads, head features), are the one kernel
    whose inputs are its first axis alone."""
    if len(kernel) == 3 and _keys(path)[-2:-1] and _keys(path)[-2] in ("query", "key", "value"):
        return kernel[0], math.prod(kernel[1:])
    return math.prod(kernel[:-1]), math.prod(kernel[:-2]) * kernel[-1]


def _name(path: tuple[Any, ...]) -> str:
    return _keys(path)[-1]


def _parent(path: tuple[Any, ...]) -> tuple[str, ...]:
    return _keys(path)[:-1]


def _keys(path: tuple[Any, ...]) -> tuple[str, ...]:
    """Path of names, without the accessor of the variable's own value."""
    return tuple(str(entry.key) for entry in path if hasattr(entry, "key"))
