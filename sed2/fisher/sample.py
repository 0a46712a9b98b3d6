"""From a chain and its inputs to the Fisher spectra of K draws: one compiled program per model.

An *item* is one draw of all parameters and one set of weights of the N inputs. The weights are
all one for the estimate and leave a group of inputs out for the jackknife over inputs, so both
run through the same compiled program.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from sed2.chain import Chain, block_key
from sed2.fisher.empirical import empirical_roots
from sed2.fisher.expected import expected_roots
from sed2.fisher.roots import Roots
from sed2.priors import draw_module
from sed2.resources import Plan
from sed2.settings import Settings, parse_prior
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
    """Fisher spectra of a list of items.

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
    starts = range(0, items, chunk)
    seed_key = jax.random.key(settings.seed)
    x = jnp.asarray(inputs, float)
    program = jax.jit(
        jax.vmap(partial(_item_roots, chain, settings, plan), in_axes=(None, None, 0, 0))
    )

    def run(start: int) -> list[tuple[Roots, np.ndarray]]:
        # The last chunk is filled up with its last item: one shape, so one compilation.
        index = np.minimum(np.arange(start, start + chunk), items - 1)
        roots = program(seed_key, x, draws[index], weights[index])
        kept = min(chunk, items - start)
        return jax.tree.map(lambda array: np.asarray(array)[:kept], roots)

    # One call at a time: a call uses all cores, and two at once can block each other's LAPACK
    # calls for good, since these wait for threads of the one pool they run in.
    chunks = []
    for start in starts:
        chunks.append(run(start))
        progress(min(start + chunk, items), items)
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


def _item_roots(
    chain: Chain,
    settings: Settings,
    plan: Plan,
    seed_key: jax.Array,
    x: jax.Array,
    draw: jax.Array,
    weights: jax.Array,
) -> list[tuple[Roots, jax.Array]]:
    """Roots of the Fisher eigenvalues of every block and its RMS output, for one item."""
    prior = parse_prior(settings.prior)
    roots = []
    for block in chain.blocks:
        parameter_key, noise_key = jax.random.split(block_key(seed_key, block, draw))
        module = draw_module(block, prior, parameter_key)
        mean, structure = module.linearise(x)
        noise = jax.random.normal(noise_key, mean.shape, mean.dtype)
        if settings.fisher == "expected":
            block_roots = expected_roots(structure, weights, settings.sigma, plan.unit_batch)
        else:
            block_roots = empirical_roots(structure, noise, weights, settings.sigma)
        roots.append((block_roots, jnp.sqrt(jnp.mean(mean**2))))
        # One block after the other: no two decompositions at once (see above), and the arrays
        # of one block are gone before those of the next are made.
        x, _ = jax.lax.optimization_barrier((mean + settings.sigma * noise, block_roots.values))
    return roots
