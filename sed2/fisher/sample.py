"""From a chain and its inputs to the Fisher spectra of K draws: one compiled program per block.

An *item* is one draw of all parameters and one set of weights of the N inputs. The weights are
all one for the estimate and leave a group of inputs out for the jackknife over inputs, so both
run through the same programs. The devices share the items out (`sed2.common.devices`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sed2.blocks import Block, Linearisable, Shape
from sed2.blocks.convolve import use_matrix_products
from sed2.blocks.freeze import freeze
from sed2.chain import Chain, ChainBlock
from sed2.common.devices import (
    fetched,
    filled,
    on_shares,
    placed,
)
from sed2.common.progress import Report
from sed2.common.randomness import block_keys, to_normal, uniforms
from sed2.fisher.generic import generic_roots
from sed2.fisher.likelihood import output_rows
from sed2.fisher.pieces import UNKEPT, Pieces
from sed2.fisher.plan import Plan
from sed2.fisher.prefixes import ALONE, Prefixes
from sed2.fisher.roots import Roots
from sed2.fisher.structured import empirical_roots, expected_roots
from sed2.fisher.ways import Way
from sed2.measure.spectra import BlockSpectrum, Spectra
from sed2.priors import draw_module
from sed2.settings import Prior, Settings, parse_prior


def sample_spectra(
    chain: Chain,
    inputs: np.ndarray,
    draws: np.ndarray,
    weights: np.ndarray,
    settings: Settings,
    plan: Plan,
    progress: Report = lambda done, total: None,
    pieces: Pieces = UNKEPT,
    prefixes: Prefixes = ALONE,
) -> Spectra:
    """Fisher spectra of a list of items, in float64 whatever JAX's configuration says.

    Args:
        chain: the network.
        inputs: (N, *input_shape).
        draws: (B,) which draw of the parameters each item takes; the same number gives the same
            parameters and the same noise.
        weights: (B, N) square roots of the weights of the inputs.
        settings: fisher, prior, sigma, seed.
        plan: the way of each block, and how many items run at a time.
        progress: called with the work done so far and its total, one per item and block.
        pieces: where the spectra of `plan.chunk` items are kept, if they are; not if these are all.
        prefixes: what is shared with other candidates, if anything is.

    Raises:
        NumericsError: a spectrum is not finite.
    """
    items, blocks = len(draws), len(chain.blocks)
    chunk = min(plan.chunk, filled(items))
    sharing = prefixes.begin(chain, inputs, draws, weights, settings, plan)
    known = sharing.known.blocks if sharing.known else ()

    def piece(first: int) -> Spectra:
        # The last piece is filled up with its last item: one shape, so one compilation.
        index = np.minimum(np.arange(first, first + chunk), items - 1)
        kept = min(chunk, items - first)
        x = sharing.known.output[index] if sharing.known else None
        found = [spectrum[first : first + kept] for spectrum in known]
        for roots, activations, noisy in _run_chain(
            chain, inputs, draws[index], weights[index], settings, plan, x, len(known)
        ):
            block, way = chain.blocks[len(found)], plan.ways[len(found)]
            roots, activations = jax.tree.map(lambda array: array[:kept], (roots, activations))
            found.append(_spectrum(block, roots, activations, way))
            if len(found) in sharing.outputs:
                sharing.outputs[len(found)][first : first + kept] = fetched(noisy)[:kept]
            progress(first * blocks + kept * len(found), items * blocks)
        return Spectra(tuple(found))

    def joined() -> Spectra:
        if chunk >= items:
            return piece(0)
        parts = []
        for first in range(0, items, chunk):
            parts.append(pieces.spectra(plan, first, partial(piece, first)))
            progress(min(first + chunk, items) * blocks, items * blocks)
        return Spectra.joined(parts)

    with jax.enable_x64(True):
        spectra = joined()
    prefixes.end(sharing, spectra)
    return spectra


def _spectrum(block: ChainBlock, roots: Roots, activations: np.ndarray, way: Way) -> BlockSpectrum:
    return BlockSpectrum(
        block.name,
        block.parameters,
        roots.values,
        roots.weights,
        activations,
        way.sampling,
        _spectrum(block, roots.coarse, activations, way) if roots.coarse else None,
    )


def _run_chain(
    chain: Chain,
    inputs: np.ndarray,
    draws: np.ndarray,
    weights: np.ndarray,
    settings: Settings,
    plan: Plan,
    x: Any = None,
    start: int = 0,
) -> Iterator[tuple[Roots, np.ndarray, jax.Array]]:
    """Push the inputs through the noisy chain under one chunk of items; or through what of it is
    behind the first `start` blocks, whose noisy output x is.

    One block after the other, each in a program of its own: blocks of the same shape share it,
    and a block's arrays are gone before the next one's are made.

    Yields:
        per block, its roots, its root-mean-square output and its noisy output, all with a leading
        axis of items; the last one on the devices.
    """
    if x is None:
        x = np.broadcast_to(np.asarray(inputs, float), (len(draws), *inputs.shape))
    number, weight, x = placed(draws, weights, x)
    for block, way in zip(chain.blocks[start:], plan.ways[start:], strict=True):
        keys = block_keys(settings.seed, block.stream, jnp.asarray(number))
        uniform = uniforms(keys, numbers_used(block, len(inputs)) + way.numbers)
        step = block_program(chain, block, way, settings)
        roots, activations, x = step(settings.sigma, keys, uniform, weight, x)
        yield *fetched((roots, activations)), x


def numbers_used(block: ChainBlock, samples: int) -> int:
    """How many uniform numbers one item of a block takes: its parameters, then its output noise."""
    return block.parameters + samples * math.prod(block.output_shape)


def block_program(
    chain: Chain, block: ChainBlock, way: Way, settings: Settings
) -> Callable[..., tuple[Roots, jax.Array, jax.Array]]:
    """The compiled program of one block, over items: (sigma, keys, uniforms, weights, x) to its
    roots, its root-mean-square output, and its noisy output; see `_step`. The devices share the
    items out, and what comes back lies on them."""
    return partial(
        _quick_step if way.work < _QUICK_WORK else _batched_step,
        block.block,
        block.input_shape,
        parse_prior(settings.prior),
        settings.fisher,
        settings.likelihood if block is chain.blocks[-1] else "gaussian",
        way,
    )


def _step(
    spec: Block,
    input_shape: Shape,
    prior: Prior,
    fisher: str,
    likelihood: str,
    way: Way,
    sigma: float,
    key: jax.Array,
    uniform: jax.Array,
    weights: jax.Array,
    x: jax.Array,
) -> tuple[Roots, jax.Array, jax.Array]:
    """One block for one item: its roots, its root-mean-square output, and its noisy output."""
    parameters = spec.parameter_count(input_shape)
    module = draw_module(spec, input_shape, prior, key, uniform[:parameters])
    use_matrix_products(module)
    freeze(module, x)
    end = parameters + len(x) * math.prod(spec.output_shape(input_shape))
    own, choices = uniform[parameters:end], uniform[end : end + way.numbers]
    if way.name == "units":
        assert isinstance(module, Linearisable)  # else it would have no layout
        mean, structure = module.linearise(x)
        noise = to_normal(own).reshape(mean.shape)
        if fisher == "expected":
            roots = expected_roots(structure, weights, sigma, way, choices)
        else:
            roots = empirical_roots(structure, noise, weights, sigma)
    else:
        mean = module(x)
        noise = to_normal(own).reshape(mean.shape)
        flat_mean, flat_own, flat_noise = (a.reshape(len(x), -1) for a in (mean, own, noise))
        rows = output_rows(likelihood, fisher, flat_mean, flat_own, flat_noise, weights, sigma)
        roots = generic_roots(module, x, rows, way, choices)
    return roots, jnp.sqrt(jnp.mean(mean**2)), mean + sigma * noise


def _batched(*arguments: Any) -> tuple[Roots, jax.Array, jax.Array]:
    """`_step` for all items: of what is not static sigma is one for all, and the arrays and results
    have a leading axis."""
    step = partial(_step, *arguments[:_STATIC])
    return on_shares(jax.vmap(step, (None, 0, 0, 0, 0)), *arguments[_STATIC:])


_STATIC = 6  # arguments of `_step`, by which a program is compiled
_batched_step = jax.jit(_batched, static_argnums=range(_STATIC))
_quick_step = jax.jit(
    _batched,
    static_argnums=range(_STATIC),
    compiler_options={"xla_backend_optimization_level": 0},
)
"""Compiled in two thirds of the time. Small blocks spend theirs in LAPACK, which is compiled."""
_QUICK_WORK = 1e9  # operations per item, about 0.05 s
