"""From a chain and its inputs to the Fisher spectra of K draws: one compiled program per block.

An *item* is one draw of all parameters and one set of weights of the N inputs. The weights are
all one for the estimate and leave a group of inputs out for the jackknife over inputs, so both
run through the same programs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from sed2.blocks import BlockSpec, Linearisable, Shape
from sed2.chain import Chain
from sed2.fisher.empirical import empirical_roots
from sed2.fisher.expected import expected_roots
from sed2.fisher.roots import Roots
from sed2.priors import draw_module
from sed2.randomness import block_keys, to_normal, uniforms
from sed2.resources import Plan
from sed2.settings import Prior, Settings, parse_prior
from sed2.spectra import BlockSpectrum, Spectra

Progress = Callable[[int, int], None]


def sample_spectra(
    chain: Chain,
    inputs: np.ndarray,
    draws: np.ndarray,
    weights: np.ndarray,
    settings: Settings,
    plan: Plan,
    progress: Progress = lambda done, total: None,
) -> Spectra:
    """Fisher spectra of a list of items, in float64 whatever JAX's configuration says.

    Args:
        chain: the network.
        inputs: (N, *input_shape).
        draws: (B,) which draw of the parameters each item takes; the same number gives the same
            parameters and the same noise.
        weights: (B, N) square roots of the weights of the inputs.
        settings: fisher, prior, sigma, seed.
        plan: how many items run at a time.
        progress: called with the number of items finished so far, and of all.

    Raises:
        NumericsError: a spectrum is not finite.
    """
    items = len(draws)
    chunk = min(plan.chunk, items)
    chunks = []
    with jax.enable_x64(True):
        for start in range(0, items, chunk):
            # The last chunk is filled up with its last item: one shape, so one compilation.
            index = np.minimum(np.arange(start, start + chunk), items - 1)
            kept = min(chunk, items - start)
            outputs = _run_chain(chain, inputs, draws[index], weights[index], settings, plan)
            chunks.append(jax.tree.map(lambda array, kept=kept: array[:kept], outputs))
            progress(start + kept, items)
    return Spectra(
        tuple(
            BlockSpectrum(
                block.name,
                block.parameters,
                np.concatenate([roots.values for roots, _ in parts]),
                parts[0][0].multiplicity,
                np.concatenate([activations for _, activations in parts]),
            )
            for block, *parts in zip(chain.blocks, *chunks, strict=True)
        )
    )


def _run_chain(
    chain: Chain,
    inputs: np.ndarray,
    draws: np.ndarray,
    weights: np.ndarray,
    settings: Settings,
    plan: Plan,
) -> list[tuple[Roots, np.ndarray]]:
    """Push the inputs through the noisy chain under one chunk of items.

    One block after the other, each in a program of its own: blocks of the same shape share it,
    and a block's arrays are gone before the next one's are made.

    Returns:
        per block, its roots and its root-mean-square output, both with a leading axis of items.
    """
    prior = parse_prior(settings.prior)
    x = jnp.broadcast_to(jnp.asarray(inputs, float), (len(draws), *inputs.shape))
    outputs = []
    for block in chain.blocks:
        keys = block_keys(settings.seed, block.stream, jnp.asarray(draws))
        noise_count = len(inputs) * math.prod(block.output_shape)
        uniform = uniforms(keys, block.parameters + noise_count)
        step = partial(
            _step, block.spec, block.input_shape, prior, settings.fisher, plan.unit_batch
        )
        roots, activations, x = step(settings.sigma, keys, uniform, weights, x)
        outputs.append(jax.tree.map(np.asarray, (roots, activations)))
    return outputs


@partial(jax.jit, static_argnums=range(5))
@partial(jax.vmap, in_axes=(None,) * 6 + (0,) * 4)
def _step(
    spec: BlockSpec,
    input_shape: Shape,
    prior: Prior,
    fisher: str,
    unit_batch: int,
    sigma: float,
    key: jax.Array,
    uniform: jax.Array,
    weights: jax.Array,
    x: jax.Array,
) -> tuple[Roots, jax.Array, jax.Array]:
    """One block for one item: its roots, its root-mean-square output, and its noisy output."""
    parameters = spec.parameter_count(input_shape)
    module = draw_module(spec, input_shape, prior, key, uniform[:parameters])
    assert isinstance(module, Linearisable)  # every kind is, tests/blocks/test_contract.py
    mean, structure = module.linearise(x)
    noise = to_normal(uniform[parameters:]).reshape(mean.shape)
    if fisher == "expected":
        roots = expected_roots(structure, weights, sigma, unit_batch)
    else:
        roots = empirical_roots(structure, noise, weights, sigma)
    return roots, jnp.sqrt(jnp.mean(mean**2)), mean + sigma * noise
