"""Exact structure of a block's Jacobian, which makes its Fisher spectrum cheap.

A module says how its outputs depend on its parameters by `linearise(x)`, which returns the
mean O(x) and one of the structures below. `sed2.fisher` knows the spectrum of each structure;
a new structure needs one dataclass here and one function per estimator there.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable

import jax


class UnitFactors(NamedTuple):
    """Each output unit u depends on its own parameters only, linearly up to a gain.

    Row n of the Jacobian of unit u is gains[n, u] * features[n]; all other entries of the
    block's Jacobian are zero. So F_j is block diagonal with one (p x p) matrix per unit
    (measure.md, section 2).
    """

    features: jax.Array
    """(N, p): the unit's inputs, with a trailing 1 if it has a bias."""
    gains: jax.Array | None
    """(N, units): act'(z), or None for a linear block, whose units all share one spectrum."""
    units: int


@runtime_checkable
class Linearisable(Protocol):
    """A module whose Jacobian structure is known."""

    def linearise(self, x: jax.Array) -> tuple[jax.Array, UnitFactors]:
        """The mean O(x), shape (N, *output_shape), and the structure of dO/dtheta at x."""
        ...
