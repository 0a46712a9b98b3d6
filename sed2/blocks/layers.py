"""The layers of Flax whose structure is known: what users' own networks are mostly made of.

`nnx.Linear` by unit and `nnx.Conv` by channel, as they come, with a batch norm and elementwise
functions after them.
Anything else (a mask, dilation, another rule of multiplication) goes by its `__call__` alone.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from sed2.blocks.base import Shape
from sed2.blocks.conv import patch_numbers, redundant
from sed2.blocks.convolve import convolve
from sed2.blocks.dense import dense_layout
from sed2.blocks.freeze import SettledNorm
from sed2.blocks.modules.activations import ACTIVATIONS
from sed2.blocks.modules.conv import linearise_conv
from sed2.blocks.modules.dense import linearise_dense
from sed2.blocks.structure import Layout, Structure

_ELEMENTWISE: set[Callable[..., Any]] = {
    *ACTIVATIONS.values(),
    jax.nn.celu,
    jax.nn.hard_sigmoid,
    jax.nn.hard_silu,
    jax.nn.hard_tanh,
    jax.nn.log_sigmoid,
    jax.nn.mish,
    jax.nn.relu6,
    jax.nn.selu,
    jax.nn.soft_sign,
    jax.nn.squareplus,
    jnp.cos,
    jnp.sin,
}
"""What surely changes each number by itself; of any other function this cannot be known."""


def layout(elements: Sequence[Any], input_shape: Shape, output_shape: Shape) -> Layout | None:
    """Sizes of what `linearise` makes; None if the elements have no structure that is known.

    Args:
        elements: modules and functions, one after the other. Nothing is allocated.
        input_shape, output_shape: of one input, without a batch axis.
    """
    first, norm, after = _parts(elements)
    if not all(isinstance(one, nnx.Dropout) or _is_elementwise(one) for one in after):
        return None
    linear = norm is None and _is_linear(after)
    by_norm = 2 * (norm is not None)
    if _is_plain_linear(first) and len(input_shape) in (1, 2):
        per_unit = first.in_features + first.use_bias + by_norm
        return dense_layout(input_shape, first.out_features, per_unit, linear=linear)
    if _is_plain_conv(first) and len(input_shape) == 3:
        kernel = math.prod(first.kernel_size) * first.in_features // first.feature_group_count
        positions = math.prod(output_shape[:-1])
        return Layout(
            units=first.out_features,
            positions=positions,
            parameters=kernel + first.use_bias + by_norm,
            redundant=redundant(normed=norm is not None, bias=first.use_bias),
            scratch=patch_numbers(positions, kernel, first.kernel_size),
            shared=linear and first.feature_group_count == 1,
        )
    return None


def linearise(elements: Sequence[Any], x: jax.Array) -> tuple[jax.Array, Structure]:
    """The mean and the structure of elements that have a `layout`."""
    first, norm, after = _parts(elements)
    linear = norm is None and _is_linear(after)

    def activation(z: jax.Array) -> jax.Array:
        for one in after:
            z = one(z)
        return z

    if isinstance(first, nnx.Linear):
        return linearise_dense(first, norm, activation, x, linear=linear)
    shared = linear and first.feature_group_count == 1
    return linearise_conv(first, norm, activation, None, x, linear=shared)


def _parts(elements: Sequence[Any]) -> tuple[Any, nnx.BatchNorm | None, Sequence[Any]]:
    """The layer, the batch norm after it if there is one, and the rest."""
    first, *after = elements
    if after and _is_plain_norm(after[0]):
        return first, after[0], after[1:]
    return first, None, after


def _is_linear(after: Sequence[Any]) -> bool:
    """Whether nothing that comes after a layer changes it."""
    return all(isinstance(one, nnx.Dropout) or one is ACTIVATIONS["none"] for one in after)


def _is_elementwise(element: Any) -> bool:
    return not isinstance(element, nnx.Module) and element in _ELEMENTWISE


def _is_plain_linear(layer: Any) -> bool:
    return type(layer) is nnx.Linear and layer.dot_general is _USUAL and _is_exact(layer)


_USUAL = inspect.signature(nnx.Linear.__init__).parameters["dot_general"].default


def _is_plain_conv(layer: Any) -> bool:
    return (
        type(layer) is nnx.Conv
        and len(layer.kernel_size) == 2
        and layer.padding not in ("CIRCULAR", "REFLECT", "CAUSAL")
        and _ones(layer.kernel_dilation)
        and _ones(layer.input_dilation)
        and layer.mask is None
        and _is_exact(layer)
        and layer.conv_general_dilated in (jax.lax.conv_general_dilated, convolve)
    )


def _is_plain_norm(layer: Any) -> bool:
    return (
        type(layer) is SettledNorm
        and layer.axis == -1
        and layer.use_scale
        and layer.use_bias
        and _is_exact(layer)
    )


def _is_exact(layer: Any) -> bool:
    return layer.dtype in (None, jnp.zeros(()).dtype)


def _ones(dilation: Any) -> bool:
    return dilation is None or all(
        one == 1 for one in ([dilation] if isinstance(dilation, int) else dilation)
    )
