"""A chain without noise as one network, drawn from the parameter measure for several seeds at once.

A network is taken apart into its architecture, which is static, and its states, whose arrays have a
leading axis of S seeds.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from sed2.blocks import Block, Shape
from sed2.blocks.abstract import abstract_split
from sed2.blocks.convolve import use_matrix_products
from sed2.blocks.dense import Dense
from sed2.blocks.freeze import batch_norms, use_batch_statistics
from sed2.chain import Chain
from sed2.common.randomness import block_keys, uniforms, uniforms_within
from sed2.priors import draw_dense, draw_module
from sed2.settings import Prior, Settings, parse_prior

FIRST_DRAW = 2**31
"""Train seed s starts from draw number 2^31 + s of every block, which no score gets to: from the
same measure, by the model's own architecture alone, and independent of the score."""

Blocks = tuple[tuple[Block, Shape], ...]
"""The architecture: the blocks of a chain, each with the shape of its input."""


class States(NamedTuple):
    """What S networks of one architecture keep: pytrees of arrays (S, ...)."""

    parameters: Any
    statistics: Any
    """Of batch norms; empty without any."""
    rest: Any
    """What else a user's module keeps, which stays as it is."""


def draw_states(chain: Chain, settings: Settings, seeds: int) -> States:
    """S networks drawn from `settings.prior`, in the precision that JAX is set to."""
    keys = _keys(chain, settings, seeds)
    numbers = [
        uniforms_within(key, block.parameters)[:, : block.parameters]
        for key, block in zip(keys, chain.blocks, strict=True)
    ]
    return _draw(blocks_of(chain), parse_prior(settings.prior), keys, numbers)


def draw_dense_layers(chain: Chain, settings: Settings, seeds: int) -> list[np.ndarray]:
    """The leaves of `draw_states(...).parameters`, (S, ...), of a chain of `Dense` blocks without
    norm; but for `--prior init` nothing is compiled for its architecture."""
    prior, leaves = parse_prior(settings.prior), list[np.ndarray]()
    for block, keys in zip(chain.blocks, _keys(chain, settings, seeds), strict=True):
        assert isinstance(block.block, Dense)
        layer, (inputs,) = block.block, block.input_shape
        numbers = uniforms(keys, block.parameters)
        drawn = draw_dense(prior, inputs, layer.features, layer.bias, numbers)
        if drawn is None:
            return list(map(np.asarray, jax.tree.leaves(draw_states(chain, settings, seeds)[0])))
        leaves += drawn
    return leaves


def _keys(chain: Chain, settings: Settings, seeds: int) -> list[jax.Array]:
    """(S,) of each block."""
    with jax.enable_x64(True):  # streams and seeds are numbers beyond 2^31
        draws = FIRST_DRAW + jnp.arange(seeds)
        return [block_keys(settings.seed, block.stream, draws) for block in chain.blocks]


def blocks_of(chain: Chain) -> Blocks:
    """The architecture of a chain."""
    return tuple((block.block, block.input_shape) for block in chain.blocks)


def apply(
    blocks: Blocks, states: States, x: jax.Array, *, batch_statistics: bool
) -> tuple[jax.Array, Any]:
    """One network (states without the axis of seeds) at x (B, *input_shape).

    Args:
        batch_statistics: whether batch norms take the statistics of x, rather than those kept.

    Returns:
        its outputs (B, outputs), and the batch statistics as they are then.
    """
    graph, *_ = abstract_split(lambda: _build(blocks), *_KINDS)
    network = nnx.merge(graph, *states, copy=True)  # batch norms write into variables of their own
    for norm in batch_norms(network):
        norm.use_running_average = not batch_statistics
    outputs = network(x).reshape(len(x), -1)
    return outputs, nnx.state(network, nnx.BatchStat)


@partial(jax.jit, static_argnums=(0, 1))
def _draw(blocks: Blocks, prior: Prior, keys: list[jax.Array], numbers: list[jax.Array]) -> States:
    def draw_one(keys: list[jax.Array], numbers: list[jax.Array]) -> States:
        drawn = [
            draw_module(spec, shape, prior, key, uniform)
            for (spec, shape), key, uniform in zip(blocks, keys, numbers, strict=True)
        ]
        _, *states = nnx.split(_join(drawn), *_KINDS)
        return States(*states)

    return jax.vmap(draw_one)(keys, numbers)


def _build(blocks: Blocks) -> nnx.Sequential:
    return _join([spec.build(shape, nnx.Rngs(0)) for spec, shape in blocks])


def _join(modules: list[nnx.Module]) -> nnx.Sequential:
    """Blocks as one network, in which dropout is the identity, as it is in the score."""
    network = nnx.Sequential(*modules)
    use_matrix_products(network)
    use_batch_statistics(network, jnp.zeros(()).dtype)
    return network


_KINDS = (nnx.Param, nnx.BatchStat, ...)
"""How a network is split into `States`."""
