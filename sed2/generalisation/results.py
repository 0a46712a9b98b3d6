"""What `bound` returns: Theorem 5.1 and Lemma B.2 for one model, and on whose word they stand."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sed2.common.display import Brief, Tabled
from sed2.results import ModelResult


@dataclass(frozen=True)
class Assumption:
    """Something that Theorem 5.1 takes for granted, and on whose word."""

    name: str
    statement: str
    source: Literal["user", "measured", "assumed"]
    """The user said so, sed2 measured it, or nobody vouches for it."""


@dataclass(frozen=True)
class Bracket:
    """A number that grows with 2sED: with 2sED as estimated, and with its upper bound (11)."""

    estimate: float
    """Plain Monte Carlo estimates 2sED from below, so this may be too small."""
    at_most: float
    """With the measured rank and largest eigenvalue; NaN where these are not measured."""


@dataclass(frozen=True, repr=False, eq=False)
class Covering(Brief):
    """Lemma B.2: natural logarithms of how many Fisher balls of radius eps cover the parameters."""

    eps: np.ndarray
    """(E,)."""
    estimate: np.ndarray
    """(E,) the lemma's bound with 2sED as estimated."""
    at_most: np.ndarray
    """(E,) the lemma's bound with the upper bound (11) on 2sED; NaN where it is not measured."""
    cubes: np.ndarray
    """(E,) how many equal cubes do, without any lemma; NaN like `at_most`."""

    @property
    def vacuous(self) -> np.ndarray:
        """(E,) whether the lemma is not shown to improve on equal cubes."""
        return ~(self.at_most < self.cubes)


@dataclass(frozen=True, repr=False, eq=False)
class BoundResult(Tabled):
    """Theorem 5.1 and Lemma B.2 for one model and one size of the training set.

    All logarithms are natural."""

    model: ModelResult
    """What d_zeta, the rank and the largest eigenvalue are from."""
    lipschitz: float
    """L of the Fisher field."""
    theorem_k: float
    """K of the theorem, not the number of draws."""
    theorem_c: float | None
    """C of the theorem, if it was given."""
    loss_bound: float | None
    """b, for a loss in [0, 2b], if it was given."""
    log_covering_constant: float
    """log C_d."""
    two_sed: Bracket
    """d_zeta(eps_n), in dimensions."""
    log_probability: Bracket
    """Bound on log P(sup |R - R_n| >= C eps_n)   (Theorem 5.1)."""
    smallest_k: Bracket
    """Only a K above this makes the bound on P less than 1."""
    covering: Covering
    """Over the eps grid."""
    covering_at_eps_n: Covering
    """The same at eps_n alone, E = 1."""
    gamma_0: float
    """For a gamma below it the bound vanishes as n grows; NaN if mu is not measured."""
    assumptions: tuple[Assumption, ...]
    warnings: tuple[str, ...]

    @property
    def eps_n(self) -> float:
        """The covering radius of Theorem 5.1."""
        return float(self.covering_at_eps_n.eps[0])

    @property
    def log_h(self) -> float:
        """log H, H = 4 C_d."""
        return math.log(4) + self.log_covering_constant

    @property
    def deviation(self) -> float | None:
        """C eps_n, if C was given."""
        return None if self.theorem_c is None else self.theorem_c * self.eps_n

    @property
    def says_nothing_of_the_loss(self) -> bool:
        """Whether C eps_n is at least 2b: two risks in [0, 2b] are never further apart."""
        deviation, b = self.deviation, self.loss_bound
        return deviation is not None and b is not None and deviation >= 2 * b

    @property
    def vacuous(self) -> bool:
        """Whether the theorem tells nothing: P is not shown to be below 1, or of no deviation that
        the loss could not have anyway."""
        return not self.log_probability.at_most < 0 or self.says_nothing_of_the_loss
