"""Spectra without structure: from the block's `__call__` alone.

The factor A has one row per input and row of the likelihood's map (`sed2.fisher.likelihood`) and
one column per parameter. It is formed, or only multiplied with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.flatten_util import ravel_pytree

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
from sed2.fisher.ways import FEW, Way

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
    if way.name == "lanczos" and uniform.size > FEW * way.samples:
        parameters, rest, x = _in_single_precision((parameters, rest, x))
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
    shape = jax.eval_shape(mapped, flat, every)
    _, push = jax.linearize(lambda flat: mapped(flat, every), flat)
    pull = jax.linear_transpose(push, flat)

    def forward(tangent: jax.Array) -> jax.Array:
        return push(tangent.astype(flat.dtype)).ravel()

    def backward(cotangent: jax.Array) -> jax.Array:
        return pull(cotangent.reshape(shape.shape).astype(shape.dtype))[0]

    count = shape.size
    if way.name == "gram":
        gram = jax.lax.map(lambda e: forward(backward(e)), jnp.eye(count), batch_size=way.batch)
        return exact(gram_roots((gram + gram.T) / 2)[None])
    if count <= flat.size:
        return lanczos_roots(lambda u: forward(backward(u)), count, way, uniform)
    return lanczos_roots(lambda v: backward(forward(v)), flat.size, way, uniform)


def _in_single_precision(tree: Any) -> Any:
    """Products with the Jacobian take half the time. A module that insists on more has it."""
    return jax.tree.map(lambda a: a.astype(jnp.float32) if a.dtype == jnp.float64 else a, tree)


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


def lanczos_roots(product: Product, size: int, way: Way, uniform: jax.Array) -> Roots:
    """Stochastic Lanczos quadrature: for f(0) = 0 and a probe z of independent signs,

        sum_i f(lambda_i) = E[z^T f(F) z],   z^T f(F) z ~ size * sum_k w_k f(theta_k)

    with the nodes theta_k and w_k the squared first entries of the eigenvectors of a tridiagonal
    matrix: Gauss's rule, and Gauss and Radau's rule with a node at 0 (Golub and Meurant 2010,
    Matrices, Moments and Quadrature, chapters 6 and 11). One group per probe.

    Of few eigenvalues it is to be exact, so every vector is orthogonalised against all before it.
    Of many, copies of nodes that are found twice share their weight, and no vectors are kept."""
    kept = way.steps if size <= FEW else 1

    def probe(signs: jax.Array) -> tuple[jax.Array, jax.Array]:
        def step(state: Any, k: jax.Array) -> tuple[Any, tuple[jax.Array, jax.Array]]:
            vector, last, coupling, basis = state
            image = product(vector) - coupling * last
            diagonal = vector @ image
            basis = basis.at[k % kept].set(vector)
            for _ in range(min(kept, 2)):  # twice is enough
                image -= basis.T @ (basis @ image)
            coupling = jnp.linalg.norm(image)
            # 0 / 0 is cut off below. NaN is passed on.
            following = image / jnp.where(coupling == 0, 1.0, coupling)
            return (following, vector, coupling, basis), (diagonal, coupling)

        start = signs / jnp.sqrt(float(size)), jnp.zeros(size), 0.0, jnp.zeros((kept, size))
        return jax.lax.scan(step, start, jnp.arange(way.steps))[1]

    signs = jnp.where(uniform.reshape(way.samples, size) > 0, 1.0, -1.0)
    diagonals, couplings = jax.lax.map(probe, signs)
    return roots_of_recurrence(diagonals, couplings, size)


def roots_of_recurrence(diagonals: jax.Array, couplings: jax.Array, size: int) -> Roots:
    """The two rules, with all steps and with half of them.

    Args:
        diagonals: (probes, steps) of the tridiagonal matrices.
        couplings: (probes, steps) besides them; the last one is to the step that is not taken.
        size: rows of the matrix that was multiplied with.
    """
    diagonals, couplings = _cut(diagonals, couplings, size)
    probes, steps = diagonals.shape
    half, share = steps // 2, size / probes
    coarse = _rules(diagonals[:, :half], couplings[:, :half], share, size) if half else None
    return replace(_rules(diagonals, couplings, share, size), coarse=coarse)


def _cut(diagonals: jax.Array, couplings: jax.Array, size: int) -> tuple[jax.Array, jax.Array]:
    """Without what follows once the Krylov space is used up; NaN if F is not finite.

    It is used up where a coupling is rounding noise: nothing after it couples to the probe, and
    what is computed there (0 / 0, or any unit vector) is nothing."""
    scale = jax.lax.cummax(jnp.maximum(jnp.abs(diagonals), couplings), axis=1)
    used_up = couplings <= size * jnp.finfo(scale.dtype).eps * scale  # not so for NaN
    coupled = jnp.cumsum(used_up, axis=1) == 0
    couplings = jnp.where(coupled, couplings, 0.0)
    diagonals = diagonals.at[:, 1:].set(jnp.where(coupled[:, :-1], diagonals[:, 1:], 0.0))
    return diagonals, couplings


def _rules(diagonals: jax.Array, couplings: jax.Array, share: float, size: int) -> Roots:
    """Gauss's rule, (probes, steps) each, with the one of Gauss and Radau below it."""
    return Roots(
        *_quadrature(diagonals, couplings[:, :-1], share, size),
        below=Roots(*_quadrature(*_with_zero(diagonals, couplings), share, size)),
    )


def _with_zero(diagonals: jax.Array, couplings: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The tridiagonal matrix with one row more, by which 0 is an eigenvalue.

    Its last pivot must vanish. Where an earlier one does, but for rounding, 0 is one already."""

    def eliminate(pivot: jax.Array, row: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
        diagonal, coupling = row
        return diagonal - _quotient(coupling**2, pivot), None

    rows = diagonals[:, 1:].T, couplings[:, :-1].T
    pivot, _ = jax.lax.scan(eliminate, diagonals[:, 0], rows)
    last = _quotient(couplings[:, -1] ** 2, pivot)
    couplings = couplings.at[:, -1].multiply(last > 0)
    return jnp.column_stack([diagonals, last]), couplings


def _quotient(of: jax.Array, by: jax.Array) -> jax.Array:
    """0 where the divisor is not above 0; NaN is passed on."""
    return jnp.where(by <= 0, 0.0, of / jnp.where(by <= 0, 1.0, by))


def _quadrature(
    diagonals: jax.Array, offdiagonals: jax.Array, share: float, size: int
) -> tuple[jax.Array, jax.Array]:
    """Roots of the eigenvalues of tridiagonal matrices and their weights, (probes, steps) each; NaN
    if a matrix is not finite."""
    finite = jnp.isfinite(diagonals).all(axis=1, keepdims=True)
    finite &= jnp.isfinite(offdiagonals).all(axis=1, keepdims=True)
    tridiagonal = jax.vmap(jnp.diag)(jnp.where(finite, diagonals, 0.0))
    if diagonals.shape[1] > 1:
        off = jnp.where(finite, offdiagonals, 0.0)
        tridiagonal += jax.vmap(lambda off: jnp.diag(off, 1) + jnp.diag(off, -1))(off)
    eigenvalues, vectors = jnp.linalg.eigh(tridiagonal)
    roots = jnp.where(finite, roots_of_eigenvalues(eigenvalues, size), jnp.nan)
    return roots, share * vectors[:, 0, :] ** 2
