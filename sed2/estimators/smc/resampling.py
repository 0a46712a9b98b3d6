"""The parts of sequential Monte Carlo that are blackjax's: temperatures and resampling.

blackjax is imported where it is used: it takes half a second, and plain Monte Carlo does without.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from sed2.measure.montecarlo import tilted_weights


def next_step(gain: np.ndarray, most: float, target: float) -> tuple[float, float]:
    """How far in temperature, and the share of the particles that is effective then."""
    with jax.enable_x64(True):
        step, share = _solve(gain, most, target)
    return float(step), float(share)


@jax.jit
def _solve(gain: jax.Array, most: jax.Array, target: jax.Array) -> tuple[jax.Array, jax.Array]:
    from blackjax.smc.ess import log_ess
    from blackjax.smc.solver import dichotomy

    def share(step: jax.Array) -> jax.Array:
        rows = gain.reshape(-1, gain.shape[-1])
        return jnp.exp(jax.vmap(log_ess)(step * rows)).mean() / rows.shape[1]

    step = dichotomy(lambda step: share(step) - target, jnp.zeros_like(most), most)
    return step, share(step)


def resample(logs: np.ndarray, seed: int) -> np.ndarray:
    """Ancestors of every population, the shape of `logs`, by systematic resampling."""
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(seed), logs.shape[:-1])
        return np.asarray(_ancestors(keys, tilted_weights(logs)))


@jax.jit
def _ancestors(keys: jax.Array, weights: jax.Array) -> jax.Array:
    from blackjax.smc.resampling import systematic

    return jax.vmap(jax.vmap(lambda key, row: systematic(key, row, len(row))))(keys, weights)
