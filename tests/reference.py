"""The slow, obvious reference: dense Fisher matrices from per-sample Jacobians, in numpy.

It knows nothing of structure: every derivative is JAX's own Jacobian of the module's `__call__`
for one input at a time, every Fisher factor is dense. It judges every shortcut.
"""

from __future__ import annotations

import jax
import numpy as np
from flax import nnx


def jacobians(module: nnx.Module, x: np.ndarray) -> np.ndarray:
    """(N, outputs, d_j): per-sample Jacobians by all parameters of the module."""
    graphdef, state = nnx.split(module)
    flat, unravel = jax.flatten_util.ravel_pytree(state)

    def outputs(parameters: jax.Array, one: jax.Array) -> jax.Array:
        return nnx.merge(graphdef, unravel(parameters))(one[None])[0].ravel()

    return np.stack([np.asarray(jax.jacrev(outputs)(flat, one)) for one in x])


def expected_factor(module: nnx.Module, x: np.ndarray, sigma: float) -> np.ndarray:
    """A with F = A^T A = (1/(sigma^2 N)) sum_n J_n^T J_n, shape (N * outputs, d_j)."""
    jacobian = jacobians(module, x)
    return jacobian.reshape(-1, jacobian.shape[-1]) / (sigma * np.sqrt(len(x)))


def empirical_factor(
    module: nnx.Module, x: np.ndarray, noise: np.ndarray, sigma: float
) -> np.ndarray:
    """A with rows s_n / sqrt(N): the scores of x_j = O_j + sigma nu, shape (N, d_j)."""
    scores = np.einsum("nod,no->nd", jacobians(module, x), noise / sigma)
    return scores / np.sqrt(len(x))


def log_determinant(factor: np.ndarray, amplitude: float) -> float:
    """sum_i log(1 + amplitude * sqrt(lambda_i)) of F = A^T A."""
    return float(np.log1p(amplitude * np.linalg.svd(factor, compute_uv=False)).sum())


def two_sed(logdets: np.ndarray, eps: float, zeta: float, parameters: int) -> float:
    """(4) for logdets (K, L), by the definition; numbers must be small enough for exp."""
    total = np.exp(logdets.sum(axis=1)).mean()
    amplitude = eps ** (zeta - 1)
    return zeta * parameters + (1 - zeta) / abs(np.log(amplitude)) * np.log(total)


def lower_two_sed(logdets: np.ndarray, eps: float, zeta: float, parameters: int) -> float:
    """(10) for logdets (K, L), by the definition, block by block."""
    c = (1 - zeta) / abs(np.log(eps ** (zeta - 1)))
    value = zeta * parameters + c * np.log(np.exp(logdets[:, 0]).mean())
    for m in range(1, logdets.shape[1]):
        density = np.exp(logdets[:, :m].sum(axis=1))
        value += c * (density * logdets[:, m]).mean() / density.mean()
    return float(value)
