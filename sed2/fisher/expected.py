"""The expected Fisher: E over x_j in closed form, averaged over the N inputs.

F_j = (1 / (sigma^2 N)) sum_n J_n^T J_n
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from sed2.blocks.structure import UnitFactors
from sed2.fisher.roots import Roots, compress, singular_values


def expected_roots(
    structure: UnitFactors, weights: jax.Array, sigma: float, unit_batch: int
) -> Roots:
    """Roots of the eigenvalues of a Gaussian block's expected Fisher matrix.

    Args:
        structure: the block's Jacobian at N inputs.
        weights: (N,) square roots of the inputs' weights in the average.
        sigma: standard deviation of the output noise.
        unit_batch: units worked on at a time, which bounds the memory.

    Returns:
        r = min(N, p) per group: one group per unit, or a single group that stands for every
        unit of a linear block.
    """
    features, gains, units = structure
    inputs = features.shape[0]
    scaled_weights = weights / (sigma * jnp.sqrt(inputs))
    features = compress(features)
    if gains is None:
        return Roots(singular_values(scaled_weights[:, None] * features)[None], units)

    def unit_roots(gain: jax.Array) -> jax.Array:
        return singular_values((scaled_weights * gain)[:, None] * features)

    if units <= unit_batch:
        return Roots(jax.vmap(unit_roots)(gains.T))
    return Roots(jax.lax.map(unit_roots, gains.T, batch_size=unit_batch))
