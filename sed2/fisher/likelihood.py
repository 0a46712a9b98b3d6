"""What an estimator asks of a block's outputs (docs/concepts/measure.md, section 2).

Every Fisher matrix here is F_j = sum_n J_n^T M_n M_n^T J_n for a linear map M_n^T of the outputs
of input n, so the singular values of the stacked rows M_n^T J_n are its roots:

| | expected | empirical |
| --- | --- | --- |
| gaussian | I / (sigma sqrt(N)) | nu_n^T / (sigma sqrt(N)) |
| categorical | (I - q q^T) diag(q) / sqrt(N), q = sqrt(p_n) | (e_y - p_n)^T / sqrt(N) |

since diag(p) - p p^T = diag(q) (I - q q^T)^2 diag(q).
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

Rows = Callable[[jax.Array, jax.Array], jax.Array]
"""From the outputs (B, outputs) of some inputs and the numbers (B,) of these to (B, q): the maps
M_n^T, weights included."""


def score_scale(sigma: jax.Array) -> jax.Array:
    """What the scores of Gaussian noise are divided by: sigma, or 1 in the limit, where sigma is 0:
    it cancels in Fhat (docs/concepts/measure.md, section 2)."""
    return jnp.where(sigma > 0, sigma, 1.0)


def output_rows(
    likelihood: str,
    fisher: str,
    mean: jax.Array,
    uniform: jax.Array,
    noise: jax.Array,
    weights: jax.Array,
    sigma: jax.Array | float,
) -> Rows:
    """The maps of all inputs.

    Args:
        likelihood: gaussian or categorical.
        fisher: expected or empirical.
        mean: (N, outputs) of the block; logits, if categorical.
        uniform: (N, outputs) numbers uniform on (-1, 1), the first of which draws the class.
        noise: (N, outputs) the standard normal draw nu.
        weights: (N,) square roots of the inputs' weights in the average.
        sigma: standard deviation of the output noise.
    """
    scaled = weights[:, None] / jnp.sqrt(weights.shape[0])
    if likelihood == "gaussian":
        if fisher == "expected":
            return lambda outputs, n: scaled[n] * outputs / sigma
        return _dot(scaled * noise / sigma)
    probabilities = jax.nn.softmax(mean)
    if fisher == "expected":
        q = jnp.sqrt(probabilities)

        def centred(outputs: jax.Array, n: jax.Array) -> jax.Array:
            mean = (probabilities[n] * outputs).sum(axis=1, keepdims=True)
            return scaled[n] * q[n] * (outputs - mean)

        return centred
    drawn = (uniform[:, :1] + 1) / 2 > jnp.cumsum(probabilities, axis=1)[:, :-1]
    classes = jax.nn.one_hot(drawn.sum(axis=1), mean.shape[1], dtype=mean.dtype)
    return _dot(scaled * (classes - probabilities))


def _dot(scores: jax.Array) -> Rows:
    return lambda outputs, n: (scores[n] * outputs).sum(axis=1, keepdims=True)
