"""Proposals: preconditioned Crank-Nicolson steps that adapt their length and their shape.

    z' = mu + sqrt(1 - b^2) (z - mu) + b L xi,   xi ~ N(0, I)

is reversible under N(mu, L L^T) for every b (Cotter et al. 2013, doi:10.1214/13-STS421). With
mu = 0 and L = I that is the parameter measure in z; with a fit to particles it follows the tilt.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

OWN_ACCEPTANCE, JOINT_ACCEPTANCE = 0.3, 0.7
"""Aimed at: of the steps of units by their own terms, of particles by the terms of later blocks.
The latter is high, since a walk that is refused as a whole is dear."""


@dataclass
class Tuning:
    """How far a block's moves go, adapted from each move to the next one of all particles."""

    step: float = 0.5
    """b."""
    share: float = 1.0
    """Of the units that are moved at a time."""

    def size(self, units: int) -> int:
        """How many units are moved at a time: all of them halved some times, since each size takes
        a program of its own."""
        size = units
        while size > 1 and size > self.share * units:
            size = math.ceil(size / 2)
        return size

    def adapt(self, own: float, joint: float, units: int) -> None:
        """Towards the acceptance aimed at: the step by the units' own acceptance, the share by
        that of the whole; the step by both where the share has come down to one unit."""
        least = 1 / units
        if units > 1 and (self.share > least or joint > JOINT_ACCEPTANCE):
            self.share *= np.exp(joint - JOINT_ACCEPTANCE)
            self.step *= np.exp(own - OWN_ACCEPTANCE)
        else:
            self.step *= np.exp(own * joint - OWN_ACCEPTANCE)
        self.step, self.share = min(self.step, 1.0), min(max(self.share, least), 1.0)


@dataclass(frozen=True)
class Gaussian:
    """A normal approximation of the parameters of one unit, from all units of all particles."""

    mean: np.ndarray
    """(c,)."""
    factor: np.ndarray
    """(c, c) lower triangular: the covariance is factor @ factor.T."""

    @classmethod
    def fit(cls, units: np.ndarray) -> Gaussian:
        """To units (n, c), shrunk towards the prior N(0, I) as far as n is small against c."""
        count, size = units.shape
        keep = count / (count + size)
        mean = keep * units.mean(axis=0)
        covariance = keep * np.cov(units, rowvar=False, ddof=0).reshape(size, size)
        return cls(mean, np.linalg.cholesky(covariance + (1 - keep) * np.eye(size)))

    def propose(self, units: np.ndarray, noise: np.ndarray, step: float) -> np.ndarray:
        """Reversible under the approximation; all (n, c)."""
        kept = np.sqrt(1 - step**2) * (units - self.mean)
        return self.mean + kept + step * noise @ self.factor.T

    def log_ratio(self, units: np.ndarray) -> np.ndarray:
        """(n,) log of the prior's density over the approximation's, up to a constant."""
        import scipy.linalg

        white = scipy.linalg.solve_triangular(self.factor, (units - self.mean).T, lower=True)
        return (np.square(white).sum(axis=0) - np.square(units).sum(axis=1)) / 2
