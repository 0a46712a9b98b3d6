"""How differently a network treats the inputs of a batch: jacob_cov and naswot.

Mellor, Turner, Storkey, Crowley, "Neural Architecture Search without Training" (arXiv 2006.04647),
versions 1 and 3. The first two functions are of a frozen network, the others of plain arrays.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from sed2.baselines.tracing import relu_outputs
from sed2.measure.montecarlo import log_mean_exp

CODE_ROWS = 8
"""Inputs that naswot compares at a time. K_H has rank at most one more than the number of ReLUs, of
which networks of a thousand parameters have few: a larger batch would make it singular for most."""

_SMALL = 1e-5  # k of the paper


def input_jacobians(network: nnx.Sequential, x: jax.Array) -> jax.Array:
    """(N, D): of the sum of the outputs by each input."""
    return jax.grad(lambda x: network(x).sum())(x).reshape(len(x), -1)


def code_kernels(network: nnx.Sequential, x: jax.Array) -> jax.Array:
    """(N // 8, 8, 8): K_H of each 8 inputs in turn.

    K_H[i, j] is the number of ReLUs that are both on or both off for the inputs i and j.
    """
    groups = len(x) // CODE_ROWS
    total = jnp.zeros((groups, CODE_ROWS, CODE_ROWS))
    for output in relu_outputs(network, x):
        on = (output[: groups * CODE_ROWS] > 0).astype(float).reshape(groups, CODE_ROWS, -1)
        total += agreements(on)
    return total


def agreements(on: jax.Array) -> jax.Array:
    """(..., N, N) how many of the binary codes (..., N, units) agree."""
    off = 1 - on
    return on @ jnp.swapaxes(on, -1, -2) + off @ jnp.swapaxes(off, -1, -2)


def jacob_cov(jacobians: np.ndarray) -> float:
    """-sum log(v + k) + 1/(v + k), k = 1e-5, over the eigenvalues v of the inputs' correlations.

    Args:
        jacobians: (N, D), N at least 2.

    Returns:
        NaN if a row is constant, so that its correlation with others is 0 / 0.
    """
    if not np.isfinite(jacobians).all() or (np.ptp(jacobians, axis=1) == 0).any():
        return math.nan
    eigenvalues = np.linalg.eigvalsh(np.corrcoef(jacobians))
    return -float(np.sum(np.log(eigenvalues + _SMALL) + 1 / (eigenvalues + _SMALL)))


def naswot(kernels: np.ndarray) -> float:
    """log of the mean of |det K_H| over all kernels (..., N, N), of several draws and groups.

    A variant: Mellor et al. have log |det K_H| of one batch and one draw. The determinants are
    averaged, not their logarithms, since two inputs with the same code make one of them 0.

    Returns:
        -inf if all of them are singular.
    """
    kernels = kernels.reshape(-1, *kernels.shape[-2:])
    regular = np.linalg.matrix_rank(kernels, hermitian=True) == kernels.shape[-1]
    if not regular.any():
        return -math.inf
    logs = np.linalg.slogdet(kernels[regular]).logabsdet
    return float(log_mean_exp(logs) + math.log(regular.mean()))
