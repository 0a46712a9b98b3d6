"""Exact structure of a block's Jacobian, which makes its Fisher spectrum cheap.

A module may say how its outputs depend on its parameters by `linearise(x)`, which returns the
mean O(x) and one of the structures below. `sed2.fisher` knows the spectrum of each structure;
a new structure needs one dataclass here and one function per estimator there. A module without
`linearise` is handled by `sed2.fisher.generic`, from its `__call__` alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    import jax


class UnitFactors(NamedTuple):
    """Each output unit u depends on its own parameters only, linearly up to a gain.

    Row n of the Jacobian of unit u is gains[n, u] * features[n], followed by own[n, u]; all other
    entries of the block's Jacobian are zero. So F_j is block diagonal with one (p x p) matrix per
    unit (docs/concepts/measure.md, section 2).
    """

    features: jax.Array
    """(N, p): the unit's inputs, with a trailing 1 if it has a bias."""
    gains: jax.Array | None
    """(N, units): act'(z), or None for a linear block, whose units all share one spectrum."""
    units: int
    own: jax.Array | None = None
    """(N, units, q): the columns of parameters that come after (scale and shift of a norm)."""


@dataclass(frozen=True)
class Channels:
    """Each output channel c depends on its own parameters only, at P output positions.

    F_j is block diagonal with one (p x p) matrix per channel, as for `UnitFactors`, but the
    Jacobian of one channel must be made anew for each. Lives inside one traced program.
    """

    count: int
    jacobian: Callable[[jax.Array], jax.Array]
    """From the number of a channel, a traced integer, to its Jacobian (N, P, p)."""
    shared: bool = False
    """Whether it is the same for every channel (a linear block)."""


Structure = UnitFactors | Channels


@dataclass(frozen=True)
class Layout:
    """The sizes of a structure, known before anything is allocated."""

    units: int
    """Units or channels."""
    positions: int
    """P, the outputs of one unit for one input."""
    parameters: int
    """p, the parameters of one unit."""
    common: bool = False
    """Whether the units share their features, as in `UnitFactors`; they are compressed once."""
    redundant: int = 0
    """Parameters of a unit whose column is a combination of the others', whatever their values: the
    scale of a norm after a product, and a bias before it."""
    scratch: int = 0
    """Numbers that the Jacobians need per input and share among the units."""
    shared: bool = False
    """Whether all units share one spectrum (a linear block)."""


@runtime_checkable
class Linearisable(Protocol):
    """A module whose Jacobian structure is known."""

    def linearise(self, x: jax.Array) -> tuple[jax.Array, Structure]:
        """The mean O(x), shape (N, *output_shape), and the structure of dO/dtheta at x."""
        ...
