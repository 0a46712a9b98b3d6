"""Batch statistics as constants: what lets every input be differentiated by itself.

Batch normalisation takes the statistics of the N inputs under the current draw, held constant
in the derivative (docs/concepts/measure.md, section 2). Frozen so, a module maps each input
independently of the others, and dropout is the identity.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import nnx


def freeze(module: nnx.Module, x: jax.Array) -> nnx.Module:
    """The same module in evaluation mode, every batch norm with the statistics of `x`.

    Args:
        module: changed in place.
        x: (N, *input_shape).
    """
    norms = use_batch_statistics(module, x.dtype)
    if norms:
        module(x)
        for norm in norms:
            norm.use_running_average = True
    return module


def use_batch_statistics(module: nnx.Module, dtype: jnp.dtype) -> list[nnx.BatchNorm]:
    """Dropout as the identity, and every batch norm by the statistics of the batch it is given,
    which it keeps as they are. Changes the module in place.

    Returns:
        the batch norms.
    """
    module.eval()
    norms = [inner for _, inner in nnx.iter_modules(module) if isinstance(inner, nnx.BatchNorm)]
    for norm in norms:
        norm.use_running_average, norm.momentum, norm.use_fast_variance = False, 0.0, False
        # Flax keeps them in float32, whatever the inputs are.
        norm.mean = nnx.BatchStat(jnp.zeros(norm.num_features, dtype))
        norm.var = nnx.BatchStat(jnp.ones(norm.num_features, dtype))
    return norms
