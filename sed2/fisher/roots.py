"""Roots of Fisher eigenvalues as singular values of a factor: the linear algebra of all estimators.

F = A^T A is never formed. The singular values of A are sqrt(lambda) to machine precision, where
the eigenvalues of A^T A would be off by its square root, which log(1 + a sqrt(lambda)) amplifies.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Roots:
    """sqrt(lambda) of one block, as groups that share no parameters."""

    values: Any
    """(groups, r), in no order across groups; (..., groups, r) once vmapped."""
    multiplicity: int = field(default=1, metadata={"static": True})
    """How often each value occurs."""


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
    values = jnp.linalg.svd(jnp.where(finite, matrix, 0.0), compute_uv=False)
    noise = max(matrix.shape) * jnp.finfo(values.dtype).eps * values[..., :1]
    return jnp.where(finite, jnp.where(values > noise, values, 0.0), jnp.nan)
