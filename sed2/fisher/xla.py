"""Fisher spectra of any chain by JAX: one compiled program per block.

The devices share the items out (`sed2.common.devices`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sed2.blocks import Block, Linearisable, Shape
from sed2.blocks.convolve import use_matrix_products
from sed2.blocks.freeze import freeze
from sed2.blocks.supernet import Mask, mask_of
from sed2.chain import Chain, ChainBlock
from sed2.common.devices import fetched, filled, on_shares, placed
from sed2.common.randomness import block_keys, to_normal, uniforms
from sed2.fisher.generic import generic_roots
from sed2.fisher.items import Items
from sed2.fisher.likelihood import output_rows, score_scale
from sed2.fisher.roots import Roots
from sed2.fisher.squares import are_as_good
from sed2.fisher.structured import empirical_roots, expected_roots
from sed2.fisher.ways import Way
from sed2.measure.spectra import BlockSpectrum
from sed2.priors import draw_module
from sed2.settings import Prior, SpectraSettings, parse_prior


def run_chain(
    items: Items, length: int, x: np.ndarray | None = None, start: int = 0
) -> Generator[tuple[BlockSpectrum, Callable[[], np.ndarray]]]:
    """Push the inputs through the noisy chain under some items; or through what of it is behind the
    first `start` blocks, whose noisy output x is.

    One block after the other, each in a program of its own: blocks of the same shape share it,
    and a block's arrays are gone before the next one's are made.

    Args:
        items: B of them.
        length: of the longest part of the work; this one is filled up to it with its last item, so
            that there is one shape and one compilation.
        x: (B, N, *input_shape of the block).

    Yields:
        per block, its spectrum, and what fetches its noisy output (B, N, *output_shape).

    Raises:
        NumericsError: a spectrum is not finite.
    """
    count = len(items)
    index = np.minimum(np.arange(filled(length)), count - 1)
    x = None if x is None else x[index]
    blocks = zip(items.chain.blocks[start:], items.plan.ways[start:], strict=True)
    with jax.enable_x64(True):
        for (block, way), found in zip(blocks, _run(items[index], x, start), strict=True):
            roots, activations, noisy = found
            roots, activations = jax.tree.map(lambda array: array[:count], (roots, activations))
            yield _spectrum(block, roots, activations, way), partial(_first, noisy, count)
    _let_go()


def _first(noisy: jax.Array, count: int) -> np.ndarray:
    found: np.ndarray = fetched(noisy)[:count]
    return found


def _spectrum(block: ChainBlock, roots: Roots, activations: np.ndarray, way: Way) -> BlockSpectrum:
    return BlockSpectrum(
        block.name,
        block.parameters,
        roots.values,
        roots.weights,
        activations,
        way.sampling,
        *(
            _spectrum(block, rule, activations, way) if rule else None
            for rule in (roots.below, roots.coarse)
        ),
    )


def _run(items: Items, x: Any, start: int) -> Iterator[tuple[Roots, np.ndarray, jax.Array]]:
    """Per block its roots, its root-mean-square output and its noisy output, all with a leading
    axis of items; the last one on the devices."""
    inputs, settings = items.inputs, items.settings
    if x is None:
        x = np.broadcast_to(np.asarray(inputs, float), (len(items), *inputs.shape))
    sigma, number, weight, x = placed(items.sigma, items.draws, items.weights, x)
    blocks = zip(items.chain.blocks[start:], items.plan.ways[start:], strict=True)
    for block, way in blocks:
        keys = block_keys(settings.seed, block.stream, jnp.asarray(number))
        uniform = uniforms(keys, numbers_used(block, len(inputs)) + way.numbers)
        given = sigma, keys, uniform, weight, x
        cheaper = replace(way, squared=True) if way.rank else way
        roots, activations, x = block_program(items.chain, block, cheaper, settings)(*given)
        roots, activations = fetched((roots, activations))
        if way.rank:
            values = roots.values * (np.arange(way.kept // way.samples) < way.rank)
            good = are_as_good(values[..., : way.rank]).all(axis=1)
            if not good.all():
                step = block_program(items.chain, block, way, settings)
                values[~good] = fetched(step(*given)[0]).values[~good]
            roots = replace(roots, values=values)
        yield roots, activations, x


def numbers_used(block: ChainBlock, samples: int) -> int:
    """How many uniform numbers one item of a block takes: its parameters, then its output noise;
    of a mask of another network, as many as that takes."""
    parameters = block.block.supernet.parameter_count(block.input_shape)
    return parameters + samples * math.prod(block.output_shape)


@dataclass(frozen=True)
class _BlockProgram:
    """All by which the program of a block is compiled."""

    block: Block
    """The supernet, of one that is a mask."""
    input_shape: Shape
    prior: Prior
    fisher: str
    likelihood: str
    way: Way

    def step(
        self,
        mask: Mask | None,
        sigma: jax.Array,
        key: jax.Array,
        uniform: jax.Array,
        weights: jax.Array,
        x: jax.Array,
    ) -> tuple[Roots, jax.Array, jax.Array]:
        """The block for one item: its roots, its root-mean-square output, and its noisy output.

        Args:
            mask: of a supernet, what of it the block is.
        """
        scale = score_scale(sigma)
        parameters = self.block.parameter_count(self.input_shape)
        if mask is not None:
            uniform = mask.spread(uniform, parameters)
        module = draw_module(self.block, self.input_shape, self.prior, key, uniform[:parameters])
        if mask is not None:
            mask.put_on(module)
        use_matrix_products(module)
        freeze(module, x)
        end = parameters + len(x) * math.prod(self.block.output_shape(self.input_shape))
        own, choices = uniform[parameters:end], uniform[end : end + self.way.numbers]
        if self.way.name == "units":
            assert isinstance(module, Linearisable)  # else it would have no layout
            mean, structure = module.linearise(x)
            noise = to_normal(own).reshape(mean.shape)
            if self.fisher == "expected":
                roots = expected_roots(structure, weights, scale, self.way, choices)
            else:
                roots = empirical_roots(structure, noise, weights, scale)
        else:
            mean = module(x)
            noise = to_normal(own).reshape(mean.shape)
            flat_mean, flat_own, flat_noise = (a.reshape(len(x), -1) for a in (mean, own, noise))
            rows = output_rows(
                self.likelihood, self.fisher, flat_mean, flat_own, flat_noise, weights, scale
            )
            places = None if mask is None else mask.places
            roots = generic_roots(module, x, rows, self.way, choices, places)
        return roots, jnp.sqrt(jnp.mean(mean**2)), mean + sigma * noise


def block_program(
    chain: Chain, block: ChainBlock, way: Way, settings: SpectraSettings
) -> Callable[..., tuple[Roots, jax.Array, jax.Array]]:
    """The compiled program of one block, over items: (sigma, keys, uniforms, weights, x) to its
    roots, its root-mean-square output, and its noisy output. All have a leading axis. The devices
    share the items out, and what comes back lies on them."""
    likelihood = settings.likelihood if block is chain.blocks[-1] else "gaussian"
    prior = parse_prior(settings.prior)
    supernet = block.block.supernet
    program = _BlockProgram(supernet, block.input_shape, prior, settings.fisher, likelihood, way)
    compiled = _compiled.pop(program, None) or _compile(program)
    _compiled[program] = compiled  # the last one is that which was used last
    mask = mask_of(block.block, block.input_shape)
    return compiled if mask is None else partial(compiled, mask=mask)


def _batched(
    program: _BlockProgram, *items: jax.Array, mask: Mask | None = None
) -> tuple[Roots, jax.Array, jax.Array]:
    return on_shares(jax.vmap(program.step, (None, 0, 0, 0, 0, 0)), *items, shared=(mask,))


def _compile(program: _BlockProgram) -> Callable[..., tuple[Roots, jax.Array, jax.Array]]:
    """A function of its own for each program: JAX lets go of what it has compiled with it."""
    # XLA takes minutes over what a supernet's many branches become.
    quick = program.way.work < _QUICK_WORK or program.block.masks
    options = _QUICK if quick else None
    return jax.jit(partial(_batched, program), compiler_options=options)


def _let_go() -> None:
    """Of the compiled programs that were not used for long: each has 2 MB of memory and 20 memory
    mappings, of which the system allows 65,530 by default."""
    for program in list(_compiled)[:-_KEPT]:
        del _compiled[program]


_compiled: dict[_BlockProgram, Callable[..., tuple[Roots, jax.Array, jax.Array]]] = {}
_KEPT = 64  # between candidates; one that needs more has them until its end
_QUICK = {"xla_backend_optimization_level": 0}
"""Compiled in two thirds of the time. Small blocks spend theirs in LAPACK, which is compiled."""
_QUICK_WORK = 1e9  # operations per item, about 0.05 s
