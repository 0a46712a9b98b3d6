"""The slow, obvious reference: dense Fisher matrices from per-sample Jacobians, in numpy.

It knows nothing of structure: every derivative is JAX's own Jacobian of the module's `__call__`
for one input at a time, every Fisher factor is dense. It judges every shortcut. Several factors of
one module may be given its Jacobians, `known`, so that they are computed once.
"""

from __future__ import annotations

import jax
import numpy as np
from flax import nnx


def jacobians(module: nnx.Module, x: np.ndarray) -> np.ndarray:
    """(N, outputs, d_j): per-sample Jacobians by all parameters of the module."""
    graphdef, state, rest = nnx.split(module, nnx.Param, ...)
    flat, unravel = jax.flatten_util.ravel_pytree(state)

    def outputs(parameters: jax.Array, one: jax.Array) -> jax.Array:
        return nnx.merge(graphdef, unravel(parameters), rest)(one[None])[0].ravel()

    jacobian = jax.jit(jax.jacrev(outputs))
    return np.stack([np.asarray(jacobian(flat, one)) for one in x])


def expected_factor(
    module: nnx.Module, x: np.ndarray, sigma: float, known: np.ndarray | None = None
) -> np.ndarray:
    """A with F = A^T A = (1/(sigma^2 N)) sum_n J_n^T J_n, shape (N * outputs, d_j)."""
    jacobian = jacobians(module, x) if known is None else known
    return jacobian.reshape(-1, jacobian.shape[-1]) / (sigma * np.sqrt(len(x)))


def empirical_factor(
    module: nnx.Module,
    x: np.ndarray,
    noise: np.ndarray,
    sigma: float,
    known: np.ndarray | None = None,
) -> np.ndarray:
    """A with rows s_n / sqrt(N): the scores of x_j = O_j + sigma nu, shape (N, d_j)."""
    jacobian = jacobians(module, x) if known is None else known
    scores = np.einsum("nod,no->nd", jacobian, noise / sigma)
    return scores / np.sqrt(len(x))


def categorical_factor(
    module: nnx.Module, x: np.ndarray, known: np.ndarray | None = None
) -> np.ndarray:
    """A with F = A^T A = (1/N) sum_n sum_c p_nc s_nc s_nc^T, s_nc = J_n^T (e_c - p_n): the
    expectation over the class, written out."""
    rows = []
    known = jacobians(module, x) if known is None else known
    for jacobian, p in zip(known, probabilities(module, x), strict=True):
        rows.append(np.sqrt(p)[:, None] * (np.eye(len(p)) - p) @ jacobian / np.sqrt(len(x)))
    return np.concatenate(rows)


def categorical_scores(
    module: nnx.Module, x: np.ndarray, classes: np.ndarray, known: np.ndarray | None = None
) -> np.ndarray:
    """A with rows (e_y - p_n)^T J_n / sqrt(N), the scores of the classes y."""
    of_outputs = np.eye(probabilities(module, x).shape[1])[classes] - probabilities(module, x)
    jacobian = jacobians(module, x) if known is None else known
    return np.einsum("nod,no->nd", jacobian, of_outputs) / np.sqrt(len(x))


def probabilities(module: nnx.Module, x: np.ndarray) -> np.ndarray:
    """(N, classes) softmax of the outputs."""
    exponentials = np.exp(np.asarray(module(x)))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def draw_classes(module: nnx.Module, x: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """(N,) classes by the inverse distribution function, uniform on (-1, 1)."""
    cumulative = probabilities(module, x).cumsum(axis=1)
    pairs = zip(cumulative, uniform, strict=True)
    return np.array([int(np.searchsorted(c, (u + 1) / 2)) for c, u in pairs])


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
