"""Spectra by structure: every unit or channel by itself (docs/concepts/measure.md, section 2).

- expected: F_j splits into one (p x p) matrix per unit, A_u^T A_u with A_u of (N * P, p) rows.
- empirical: F_j = (1/N) sum_n s_n s_n^T has rank at most N and does not split. The factor with
  rows s_n is folded, a few units at a time, into its (N x N) triangular factor, and never stands
  in memory whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp

from sed2.blocks.structure import Channels, Structure, UnitFactors
from sed2.fisher.roots import (
    Roots,
    compress,
    exact,
    fold,
    singular_values,
    smaller_gram,
    squared_singular_values,
)
from sed2.fisher.ways import Way


def expected_roots(
    structure: Structure, weights: jax.Array, sigma: jax.Array | float, way: Way, uniform: jax.Array
) -> Roots:
    """Roots of F_j = (1 / (sigma^2 N)) sum_n J_n^T J_n, by unit.

    Args:
        structure: the block's Jacobian at N inputs.
        weights: (N,) square roots of the inputs' weights in the average.
        sigma: standard deviation of the output noise.
        way: how many units are taken, and how many at a time, which bounds the memory.
        uniform: (units,) random numbers which choose the units, if not all are taken.

    Returns:
        One group per unit that is taken, or a single group that stands for every unit of a
        linear block.
    """
    units, linear, factor = _factors(structure, weights, sigma)
    if linear:
        return exact(singular_values(factor(jnp.array(0)))[None], units)
    chosen = jnp.arange(units) if way.samples == units else jnp.argsort(uniform)[: way.samples]
    roots_of = squared_singular_values if way.squared else singular_values
    values = _map(lambda unit: roots_of(factor(unit)), chosen, way.batch)
    return exact(values, units / way.samples)


def half_log_determinants(
    structure: Structure,
    weights: jax.Array,
    sigma: jax.Array | float,
    units: jax.Array,
    coefficients: jax.Array,
    amplitudes: jax.Array,
    batch: int,
) -> jax.Array:
    """sum_t c_t (1/2) log det(I + a_t^2 F_u): near sum_t c_t log det(I + a_t F_u^(1/2)), and by a
    Cholesky factor far cheaper than the eigenvalues.

    It is the midpoint rule with one point for

        log(1 + a sqrt(l)) = (2 / pi) int_0^(pi/2) (1/2) log(1 + a^2 l / tan(phi)^2) dphi.

    Args:
        structure: the block's Jacobian at N inputs.
        weights: (N,) square roots of the inputs' weights in the average.
        sigma: standard deviation of the output noise.
        units: (m,) which.
        coefficients, amplitudes: (T,) c and a.
        batch: how many units are taken at a time.

    Returns:
        (m,); NaN where a factor is not finite.
    """
    _, _, factor = _factors(structure, weights, sigma)

    def of_unit(unit: jax.Array) -> jax.Array:
        gram = smaller_gram(factor(unit))
        triangles = jnp.linalg.cholesky(jnp.eye(len(gram)) + amplitudes[:, None, None] ** 2 * gram)
        return coefficients @ jnp.log(jnp.diagonal(triangles, axis1=1, axis2=2)).sum(axis=1)

    return _map(of_unit, units, batch)


def _factors(
    structure: Structure, weights: jax.Array, sigma: jax.Array | float
) -> tuple[int, bool, Callable[[jax.Array], jax.Array]]:
    """How many units there are, whether all share one spectrum, and A_u of a unit by its number."""
    scaled = weights / (sigma * jnp.sqrt(weights.shape[0]))
    if isinstance(structure, Channels):

        def of_channel(unit: jax.Array) -> jax.Array:
            jacobian = structure.jacobian(unit)
            return (scaled[:, None, None] * jacobian).reshape(-1, jacobian.shape[-1])

        return structure.count, structure.shared, of_channel

    features, gains, units, own = structure
    features = compress(features)

    def of_unit(unit: jax.Array) -> jax.Array:
        rows = features if gains is None else gains[:, unit, None] * features
        if own is not None:
            rows = jnp.concatenate([rows, own[:, unit]], axis=1)
        return scaled[:, None] * rows

    return units, gains is None, of_unit


def empirical_roots(
    structure: Structure, noise: jax.Array, weights: jax.Array, sigma: jax.Array | float
) -> Roots:
    """Roots of F_j = (1/N) sum_n s_n s_n^T, s_n = J_n^T nu_n / sigma.

    Args:
        structure: the block's Jacobian at N inputs.
        noise: (N, *output_shape) the draw nu of the output noise; channels last.
        weights: (N,) square roots of the inputs' weights in the average.
        sigma: standard deviation of the output noise.

    Returns:
        One group of at most min(N, d_j) values.
    """
    inputs = weights.shape[0]
    scaled = weights / (sigma * jnp.sqrt(inputs))
    triangle = jnp.zeros((inputs, inputs))
    rest = 0
    if isinstance(structure, UnitFactors):
        features, gains, _, own = structure
        noise = noise * scaled[:, None]
        scores = compress(noise if gains is None else gains * noise)
        if own is not None:
            columns = (noise[:, :, None] * own).reshape(inputs, -1)
            triangle, rest = fold(triangle, columns.T), columns.shape[1]
        features = compress(features)
        units, width = scores.shape[1], features.shape[1]

        def rows(unit: jax.Array) -> jax.Array:  # of the row-wise Kronecker product
            return scores[:, unit, None] * features
    else:
        units = structure.count
        channels = noise.reshape(inputs, -1, units) * scaled[:, None, None]
        width = jax.eval_shape(structure.jacobian, jnp.array(0)).shape[-1]

        def rows(unit: jax.Array) -> jax.Array:
            return jnp.einsum("ni,nip->np", channels[:, :, unit], structure.jacobian(unit))

    group = min(units, max(1, math.ceil(2 * inputs / width)))
    padded = math.ceil(units / group) * group
    present = (jnp.arange(padded) < units).reshape(-1, group)
    numbers = jnp.minimum(jnp.arange(padded), units - 1).reshape(-1, group)

    def add(triangle: jax.Array, some: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
        unit, here = some
        columns = jax.vmap(rows)(unit) * here[:, None, None]  # (group, N, width)
        return fold(triangle, jnp.moveaxis(columns, 1, 2).reshape(-1, inputs)), None

    triangle, _ = jax.lax.scan(add, triangle, (numbers, present))
    return exact(singular_values(triangle)[None, : min(inputs, units * width + rest)])


def _map(function: Callable[[jax.Array], jax.Array], over: jax.Array, batch: int) -> jax.Array:
    if len(over) <= batch:
        return jax.vmap(function)(over)
    return jax.lax.map(function, over, batch_size=batch)
