"""Batch statistics as constants: what lets every input be differentiated by itself.

Batch normalisation takes the statistics of the N inputs under the current draw, held constant
in the derivative (docs/concepts/measure.md, section 2). Frozen so, a module maps each input
independently of the others, and dropout is the identity.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

MODES = {
    "deterministic": True,
    "training": False,
    "train": False,
    "is_training": False,
    "use_running_average": True,
}
"""Arguments, and attributes, by which a network is told that it is not being trained."""


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


def batch_norms(module: nnx.Module) -> list[nnx.BatchNorm]:
    """Those of a module, in the order of `nnx.iter_modules`."""
    return [inner for _, inner in nnx.iter_modules(module) if isinstance(inner, nnx.BatchNorm)]


def use_batch_statistics(module: nnx.Module, dtype: jnp.dtype) -> list[nnx.BatchNorm]:
    """Dropout as the identity, and every batch norm by the statistics of the batch it is given,
    which it keeps as they are. Changes the module in place.

    Returns:
        the batch norms.
    """
    module.eval()
    norms = batch_norms(module)
    for norm in norms:
        norm.use_running_average, norm.momentum, norm.use_fast_variance = False, 0.0, False
        # Flax keeps them in float32, whatever the inputs are.
        # A stack of norms (under nnx.vmap, nnx.scan) has more axes than one.
        norm.mean = nnx.BatchStat(jnp.zeros_like(norm.mean[...], dtype))
        norm.var = nnx.BatchStat(jnp.ones_like(norm.var[...], dtype))
    return norms


class SettledNorm(nnx.BatchNorm):
    """By its own statistics or the batch's as sed2 sets it, whatever a call asks for."""

    def __call__(
        self, x: Any, use_running_average: bool | None = None, *, mask: jax.Array | None = None
    ) -> Any:
        return super().__call__(x, self.use_running_average, mask=mask)


class SettledDropout(nnx.Dropout):
    """The identity, whatever a call asks for."""

    def __call__(self, inputs: Any, *, deterministic: bool | None = None, rngs: Any = None) -> Any:
        return inputs


def settle(module: nnx.Module) -> None:
    """Put a user's module in evaluation mode for good, and its layers of Flax in the precision that
    JAX is set to, whatever calls ask for. Changes the module in place."""
    precision = jnp.zeros(()).dtype
    for _, inner in list(nnx.iter_modules(module)):
        if type(inner) is nnx.BatchNorm:
            object.__setattr__(inner, "__class__", SettledNorm)
        elif type(inner) is nnx.Dropout:
            object.__setattr__(inner, "__class__", SettledDropout)
        elif isinstance(inner, nnx.MultiHeadAttention):
            inner.dropout_rate = 0.0
        elif isinstance(inner, nnx.RNNCellBase):
            # That of the carry it starts with.
            inner.param_dtype = precision  # type: ignore[attr-defined]
        own: Mapping[str, Any] = dict(vars(inner))
        for name, value in own.items():
            if isinstance(value, jax.Array):  # Flax takes it for static if it is traced
                setattr(inner, name, nnx.data(value))
        for name, value in MODES.items():
            if isinstance(own.get(name), bool):
                setattr(inner, name, value)
        if _rounds(own.get("dtype"), precision):
            inner.dtype = precision  # type: ignore[attr-defined]


def _rounds(dtype: Any, precision: Any) -> bool:
    """Whether it is a floating type of less precision."""
    try:
        return (
            dtype is not None
            and jnp.issubdtype(dtype, jnp.floating)
            and jnp.finfo(dtype).eps > jnp.finfo(precision).eps
        )
    except TypeError:  # it is no type
        return False
