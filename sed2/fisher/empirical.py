"""The empirical Fisher: one x_j drawn per input (the paper's F_N).

    F_j = (1/N) sum_n s_n s_n^T,   s_n = J_n^T nu_n / sigma,   x_j = O_j + sigma nu

Its rank is at most N per block, and it does not split by unit. The factor with rows s_n is the
row-wise Kronecker product of the features and of G = gains * nu / sigma; it is folded, a few
units at a time, into its (N x N) triangular factor, and never stands in memory whole.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from sed2.blocks.structure import UnitFactors
from sed2.fisher.roots import Roots, compress, singular_values


def empirical_roots(
    structure: UnitFactors, noise: jax.Array, weights: jax.Array, sigma: float
) -> Roots:
    """Roots of the eigenvalues of F = (1/N) sum_n s_n s_n^T.

    Args:
        structure: the block's Jacobian at N inputs.
        noise: (N, units) the draw nu of the output noise.
        weights: (N,) square roots of the inputs' weights in the average.
        sigma: standard deviation of the output noise.

    Returns:
        One group of at most min(N, d_j) values.
    """
    features, gains, _ = structure
    inputs = features.shape[0]
    scores = noise / sigma if gains is None else gains * noise / sigma
    scores = compress(scores * (weights / jnp.sqrt(inputs))[:, None])
    features = compress(features)
    units, rank = scores.shape[1], features.shape[1]

    group = min(units, max(1, math.ceil(2 * inputs / rank)))
    padded = math.ceil(units / group) * group
    groups = jnp.pad(scores, ((0, 0), (0, padded - units))).T.reshape(-1, group, inputs)
    if len(groups) == 1:
        return Roots(singular_values(_score_rows(groups[0], features))[None])

    def fold(triangle: jax.Array, group_scores: jax.Array) -> tuple[jax.Array, None]:
        rows = _score_rows(group_scores, features)
        return jnp.linalg.qr(jnp.vstack([triangle, rows.T]), mode="r"), None

    triangle, _ = jax.lax.scan(fold, jnp.zeros((inputs, inputs)), groups)
    return Roots(singular_values(triangle)[None])


def _score_rows(scores: jax.Array, features: jax.Array) -> jax.Array:
    """(N, units * p): row n is the Kronecker product of the units' scores and the features."""
    return jnp.einsum("un,np->nup", scores, features).reshape(features.shape[0], -1)
