"""Roots of Fisher eigenvalues as singular values of a factor: the linear algebra of all estimators.

F = A^T A is never formed where A itself is there. The singular values of A are sqrt(lambda) to
machine precision, where the eigenvalues of A^T A would be off by its square root, which
log(1 + a sqrt(lambda)) amplifies.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Roots:
    """sqrt(lambda) of one block, in groups. All arrays gain leading axes once vmapped.

    For any f with f(0) = 0 the sum of f over all eigenvalues of the block is estimated by
    sum(weights * f(values)). A group is a set of parameters that shares none with the others,
    or, if eigenvalues are sampled, one of the independent samples.
    """

    values: Any
    """(groups, r) >= 0, zeros exact."""
    weights: Any
    """Broadcasts to `values`: how many eigenvalues each value stands for."""
    below: Roots | None = None
    """By another rule that is too small where this one is too large, if this is a quadrature."""
    coarse: Roots | None = None
    """Both with half the nodes."""


def exact(values: jax.Array, multiplicity: float = 1.0) -> Roots:
    """Every value stands for as many eigenvalues."""
    return Roots(values, jnp.full((1, 1), multiplicity, float))


def compress(features: jax.Array) -> jax.Array:
    """(N, min(N, p)) with the same Gram matrix X X^T: the row-triangular factor of X = L Q.

    The singular values of diag(g) X are those of diag(g) L for every g, so all units share
    one factorisation."""
    inputs, width = features.shape
    return jnp.linalg.qr(features.T, mode="r").T if width > inputs else features


def singular_values(matrix: jax.Array) -> jax.Array:
    """Singular values, largest first, with those that are rounding noise set to exact zero.

    A computed singular value is off by at most about max(m, n) * machine epsilon * s_max, so one
    below that is a zero of the rank-deficient matrix (a dead unit, a constant or repeated input).
    Left in, it would count as a direction once eps is small enough. NaN if the matrix is not
    finite."""
    finite = jnp.isfinite(matrix).all()  # LAPACK complains of the rest on stdout
    # Thin, since XLA makes room for U even where no vectors are asked for.
    matrix = jnp.where(finite, matrix, 0.0)
    values = jnp.linalg.svd(matrix, full_matrices=False, compute_uv=False)
    noise = max(matrix.shape) * jnp.finfo(values.dtype).eps * values[..., :1]
    return jnp.where(finite, jnp.where(values > noise, values, 0.0), jnp.nan)


def squared_singular_values(matrix: jax.Array) -> jax.Array:
    """As `singular_values`, from the smaller of A^T A and A A^T: cheaper, and without the roots
    that are below about 1e-7 of the largest."""
    return gram_roots(smaller_gram(matrix))


def smaller_gram(matrix: jax.Array) -> jax.Array:
    """The smaller of A^T A and A A^T, which have the same eigenvalues besides zeros."""
    tall = matrix.shape[0] > matrix.shape[1]
    return matrix.T @ matrix if tall else matrix @ matrix.T


def gram_roots(gram: jax.Array) -> jax.Array:
    """Square roots of the eigenvalues of a Gram matrix, largest first; NaN if it is not finite."""
    finite = jnp.isfinite(gram).all()
    eigenvalues = symmetric_eigenvalues(jnp.where(finite, gram, 0.0))[::-1]
    return jnp.where(finite, roots_of_eigenvalues(eigenvalues, len(gram)), jnp.nan)


def symmetric_eigenvalues(matrix: jax.Array) -> jax.Array:
    """(n,) of an (n, n) matrix in double precision, smallest first."""
    if not _lapack_has_values_alone():
        return jnp.linalg.eigvalsh(matrix)
    size = len(matrix)
    results = [jax.ShapeDtypeStruct(shape, float) for shape in ((size, size), (size,))]
    call = jax.ffi.ffi_call(
        _EIGENVALUES,
        [*results, jax.ShapeDtypeStruct((), np.int32)],
        input_output_aliases={0: 0},
        vmap_method="broadcast_all",
    )
    _, values, status = call(matrix, mode=np.uint8(ord("N")), uplo=np.uint8(ord("L")))
    return jnp.where(status == 0, values, jnp.nan)


_EIGENVALUES = "lapack_dsyevd_ffi"


@cache
def _lapack_has_values_alone() -> bool:
    """Whether LAPACK can be asked for eigenvalues without their vectors.

    On a CPU JAX's `eigvalsh` has the vectors made too, and throws them away, which takes more than
    twice as long. Its own call is looked at, since name and arguments are not documented."""
    if jax.default_backend() != "cpu":
        return False
    with jax.enable_x64(True):
        text = jax.jit(jnp.linalg.eigvalsh).lower(np.eye(2)).as_text()
    return f"@{_EIGENVALUES}(" in text and "{mode = 86 : ui8, uplo = 76 : ui8}" in text


def fold(triangle: jax.Array, rows: jax.Array) -> jax.Array:
    """The triangular factor R of all rows so far: R^T R = sum of their outer products."""
    return jnp.linalg.qr(jnp.vstack([triangle, rows]), mode="r")


def roots_of_eigenvalues(eigenvalues: jax.Array, size: int) -> jax.Array:
    """sqrt(lambda) of a symmetric matrix that was formed, with rounding noise set to zero.

    What is below size * machine epsilon * lambda_max is noise: roots below about 1e-7 of the
    largest are lost, which only singular values of a factor keep."""
    noise = size * jnp.finfo(eigenvalues.dtype).eps * eigenvalues.max(axis=-1, keepdims=True)
    return jnp.sqrt(jnp.where(eigenvalues > noise, eigenvalues, 0.0))
