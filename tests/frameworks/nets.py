"""One network in each framework, and how to give all of them the same parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from sed2.frameworks.foreign import Foreign


def ready(module: Foreign, x: np.ndarray) -> Any:
    """The outputs of a module, its batch norms by the statistics that it begins with."""
    for _, inner in nnx.iter_modules(module):
        if isinstance(inner, nnx.BatchNorm):
            inner.use_running_average = True
    graph, state = nnx.split(module)
    apply = jax.jit(lambda state, x: nnx.merge(graph, state)(x))
    return np.asarray(apply(state, jnp.asarray(x, float)))


def flat(parameters: Any) -> dict[str, np.ndarray]:
    """Parameters by their names, with dots."""
    leaves = jax.tree_util.tree_leaves_with_path(
        parameters, is_leaf=lambda leaf: isinstance(leaf, nnx.Param)
    )
    return {".".join(str(key.key) for key in path): np.asarray(leaf[...]) for path, leaf in leaves}


def sizes(parameters: Mapping[str, np.ndarray]) -> int:
    return sum(value.size for value in parameters.values())
