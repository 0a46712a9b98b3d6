"""Convolutions as modules, and their structure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from sed2.blocks.base import Shape
from sed2.blocks.modules.activations import ACTIVATIONS
from sed2.blocks.modules.norm import batch_normed, make_norm
from sed2.blocks.modules.patches import windows
from sed2.blocks.patches import pads, pair
from sed2.blocks.pooling import Pool
from sed2.blocks.structure import Channels


class ConvModule(nnx.Module):
    """The module of a `Conv` block. Without norm, or with batch norm, its Fisher matrix splits by
    channel (see `Channels`): channels share their input and no parameter."""

    def __init__(self, block: Any, input_shape: Shape, rngs: nnx.Rngs) -> None:
        kernel, strides = pair(block.kernel_size), pair(block.strides)
        self.block, self.activation = block, nnx.static(ACTIVATIONS[block.activation])
        self.conv = nnx.Conv(
            input_shape[2],
            block.features,
            kernel,
            strides,
            padding=[
                pads(size, window, stride, block.padding)
                for size, window, stride in zip(input_shape[:2], kernel, strides, strict=True)
            ],
            feature_group_count=block.group_count(input_shape),
            use_bias=block.bias,
            param_dtype=float,
            rngs=rngs,
        )
        self.norm = make_norm(block.norm, block.features, block.norm_groups, rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        normed = self.norm(self.conv(x)) if self.norm is not None else self.conv(x)
        return self._pool(self.activation(normed))

    def linearise(self, x: jax.Array) -> tuple[jax.Array, Channels]:
        block = self.block
        pool = None if block.pool == "none" else block.pool
        linear = block.is_linear
        return linearise_conv(self.conv, self.norm, self.activation, pool, x, linear=linear)

    def _pool(self, x: jax.Array) -> jax.Array:
        return x if self.block.pool == "none" else self.block.pool(x)


def linearise_conv(
    conv: nnx.Conv,
    norm: nnx.Module | None,
    activation: Callable[[jax.Array], jax.Array],
    pool: Pool | None,
    x: jax.Array,
    *,
    linear: bool,
) -> tuple[jax.Array, Channels]:
    """The mean and the structure of a convolution of images.

    Args:
        norm: a frozen batch norm, or None.
        activation: elementwise.
        x: (N, height, width, channels).
        linear: whether all channels share one spectrum.
    """
    samples, groups, features = len(x), conv.feature_group_count, conv.out_features
    z = conv(x)
    normed, slope, by_norm = batch_normed(norm, z)
    active, gains = jax.jvp(activation, (normed,), (jnp.ones_like(normed),))
    height, width = z.shape[1:3]
    # Made once where it can be: channels of several groups do not share their patches.
    shared = _patches(conv, x) if groups == 1 else None
    winners = pool.winners(active) if pool is not None and pool.kind == "max" else None

    def jacobian(channel: jax.Array) -> jax.Array:
        def at_positions(of: jax.Array) -> jax.Array:
            """(N, HW or P', p) rows of the positions that count."""
            if winners is None:
                return of
            return jnp.take_along_axis(of, winners[:, :, channel, None], axis=1)

        patches = shared
        if patches is None:
            inputs = x.shape[3] // groups
            first = channel // (features // groups) * inputs
            patches = _patches(conv, jax.lax.dynamic_slice_in_dim(x, first, inputs, axis=3))
        kernel = at_positions(patches)
        columns = [kernel, jnp.ones((*kernel.shape[:2], 1))] if conv.use_bias else [kernel]
        columns = [slope[channel] * column for column in columns]
        columns += [
            at_positions(column[..., channel].reshape(samples, -1, 1)) for column in by_norm
        ]
        gain = at_positions(gains[..., channel].reshape(samples, -1, 1))
        rows = gain * jnp.concatenate(columns, axis=2)
        if winners is not None or pool is None:
            return rows
        pooled = pool(rows.reshape(samples, height, width, -1))
        return pooled.reshape(samples, -1, rows.shape[2])

    mean = active if pool is None else pool(active)
    return mean, Channels(features, jacobian, shared=linear)


def _patches(conv: nnx.Conv, x: jax.Array) -> jax.Array:
    """(N, positions, kernel entries): what a kernel is multiplied with."""
    window, strides = (conv.kernel_size[0], conv.kernel_size[1]), pair(conv.strides or 1)
    padding = conv.padding
    if isinstance(padding, str):
        around = jax.lax.padtype_to_pads(x.shape[1:3], window, strides, padding)
    else:
        sides = (padding, padding) if isinstance(padding, int) else padding
        around = [pair(one) for one in sides]
    patches = windows(x, window, strides, around, 0.0)
    return patches.reshape(len(x), -1, patches.shape[3] * patches.shape[4])
