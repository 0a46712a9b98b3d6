"""Spectra without structure: from the block's `__call__` alone.

The factor A has one row per input and row of the likelihood's map (`sed2.fisher.likelihood`) and
one column per parameter. It is formed, or only multiplied with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.flatten_util import ravel_pytree
from matfree import decomp

from sed2.fisher.likelihood import Rows
from sed2.fisher.roots import (
    Roots,
    compress,
    exact,
    fold,
    gram_roots,
    roots_of_eigenvalues,
    singular_values,
)
from sed2.fisher.ways import Way

Product = Callable[[jax.Array], jax.Array]


def generic_roots(
    module: nnx.Module,
    x: jax.Array,
    rows: Rows,
    way: Way,
    uniform: jax.Array,
    places: jax.Array | None = None,
) -> Roots:
    """Roots of a block's Fisher matrix.

    Args:
        module: frozen (`sed2.blocks.freeze`), so that inputs do not see each other.
        x: (N, *input_shape).
        rows: the likelihood's map of the outputs.
        way: `jacobian`, `gram` or `lanczos`.
        uniform: random numbers on (-1, 1) for the probes.
        places: of the parameters that count, and beyond all others; None if all do.
    """
    graphdef, parameters, rest = nnx.split(module, nnx.Param, ...)  # type: ignore[misc]
    every_one, unravel = ravel_pytree(parameters)
    flat = every_one
    if places is not None:
        flat = every_one.at[places].get(mode="fill", fill_value=0.0)

    def filled_in(flat: jax.Array) -> Any:
        whole = flat if places is None else every_one.at[places].set(flat, mode="drop")
        return unravel(whole)

    inputs = x.shape[0]

    def mapped(flat: jax.Array, n: jax.Array) -> jax.Array:
        """(B, q) for the inputs with the numbers n (B,)."""
        outputs = nnx.merge(graphdef, filled_in(flat), rest)(x[n])
        return rows(outputs.reshape(len(n), -1), n)

    if way.name == "jacobian":
        return exact(singular_values(_factor(mapped, flat, inputs, way.batch))[None])

    every = jnp.arange(inputs)
    shape = jax.eval_shape(mapped, flat, every).shape
    _, push = jax.linearize(lambda flat: mapped(flat, every), flat)
    pull = jax.linear_transpose(push, flat)

    def forward(tangent: jax.Array) -> jax.Array:
        return push(tangent).ravel()

    def backward(cotangent: jax.Array) -> jax.Array:
        return pull(cotangent.reshape(shape))[0]

    count = shape[0] * shape[1]
    if way.name == "gram":
        gram = jax.lax.map(lambda e: forward(backward(e)), jnp.eye(count), batch_size=way.batch)
        return exact(gram_roots((gram + gram.T) / 2)[None])
    if count <= flat.size:
        return _lanczos(lambda u: forward(backward(u)), count, way, uniform)
    return _lanczos(lambda v: backward(forward(v)), flat.size, way, uniform)


def _factor(
    mapped: Callable[[jax.Array, jax.Array], jax.Array], flat: jax.Array, inputs: int, batch: int
) -> jax.Array:
    """A matrix with the singular values of the whole factor: no larger than (d, d) or (N q, N q).

    Since no input sees another, the rows of an input take the module for this input alone."""
    width = jax.eval_shape(mapped, flat, jnp.arange(1)).shape[1]
    d = flat.size
    derivative = jax.jacfwd if d < width else jax.jacrev

    def rows_of(n: jax.Array) -> jax.Array:
        return derivative(lambda flat: mapped(flat, n[None])[0])(flat)  # (q, d)

    if d >= inputs * width:
        rows = jax.lax.map(rows_of, jnp.arange(inputs), batch_size=min(batch, inputs))
        return compress(rows.reshape(-1, d))
    batches = -(-inputs // batch)
    numbers = jnp.arange(batches * batch).reshape(batches, batch)

    def add(triangle: jax.Array, n: jax.Array) -> tuple[jax.Array, None]:
        some = jax.vmap(rows_of)(jnp.minimum(n, inputs - 1))
        some = jnp.where((n < inputs)[:, None, None], some, 0.0)
        return fold(triangle, some.reshape(-1, d)), None

    return jax.lax.scan(add, jnp.zeros((d, d)), numbers)[0]


def _lanczos(product: Product, size: int, way: Way, uniform: jax.Array) -> Roots:
    """Stochastic Lanczos quadrature: for f(0) = 0 and a probe z of independent signs,

        sum_i f(lambda_i) = E[z^T f(F) z],   z^T f(F) z ~ size * sum_k w_k f(theta_k)

    with the Ritz values theta_k and w_k the squared first entries of the eigenvectors of the
    tridiagonal matrix. One group per probe; `coarse` has half the steps."""
    decompose = decomp.hessenberg(way.steps, reortho="full", custom_vjp=False)

    def probe(signs: jax.Array) -> tuple[jax.Array, jax.Array]:
        # Not matfree's tridiagonal matrix, the mean of this one and its transpose: its
        # superdiagonal is rounding of the size of F once the Krylov space is used up.
        matrix = decompose(product, signs).J_small
        return jnp.diagonal(matrix), jnp.diagonal(matrix, -1)

    signs = jnp.where(uniform.reshape(way.samples, size) > 0, 1.0, -1.0)
    diagonals, offdiagonals = jax.lax.map(probe, signs)
    share = size / way.samples
    half = max(1, way.steps // 2)
    return Roots(
        *_quadrature(diagonals, offdiagonals, share, size),
        coarse=Roots(*_quadrature(diagonals[:, :half], offdiagonals[:, : half - 1], share, size)),
    )


def _quadrature(
    diagonals: jax.Array, offdiagonals: jax.Array, share: float, size: int
) -> tuple[jax.Array, jax.Array]:
    """Roots of the Ritz values and their weights, (probes, steps) each; NaN if F is not finite.

    The Krylov space is used up where an off-diagonal number is rounding noise: nothing after it
    couples to the probe, and what is computed there (0 / 0, or any unit vector) is cut off."""
    scale = jax.lax.cummax(jnp.maximum(jnp.abs(diagonals[:, :-1]), offdiagonals), axis=1)
    used_up = offdiagonals <= size * jnp.finfo(scale.dtype).eps * scale  # not so for NaN
    coupled = jnp.cumsum(used_up, axis=1) == 0
    offdiagonals = jnp.where(coupled, offdiagonals, 0.0)
    diagonals = diagonals.at[:, 1:].set(jnp.where(coupled, diagonals[:, 1:], 0.0))
    finite = jnp.isfinite(diagonals).all(axis=1, keepdims=True)
    finite &= jnp.isfinite(offdiagonals).all(axis=1, keepdims=True)
    tridiagonal = jax.vmap(jnp.diag)(jnp.where(finite, diagonals, 0.0))
    if diagonals.shape[1] > 1:
        off = jnp.where(finite, offdiagonals, 0.0)
        tridiagonal += jax.vmap(lambda off: jnp.diag(off, 1) + jnp.diag(off, -1))(off)
    eigenvalues, vectors = jnp.linalg.eigh(tridiagonal)
    roots = jnp.where(finite, roots_of_eigenvalues(eigenvalues, size), jnp.nan)
    return roots, share * vectors[:, 0, :] ** 2
