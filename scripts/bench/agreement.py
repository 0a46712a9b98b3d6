"""Do the ways agree with sed2 in value? No time of one that does not is reported."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scripts.bench.problem import Values


@dataclass(frozen=True)
class Answer:
    """sed2's own values, as in `Values`."""

    traces: np.ndarray
    logdets: np.ndarray
    squares: np.ndarray | None = None
    """(draws, parts) tr F^2."""
    sizes: np.ndarray | None = None
    """(parts,) parameters."""


@dataclass(frozen=True)
class Agreement:
    """How a way's values compare."""

    difference: float
    """The largest relative difference of traces and log-determinants."""
    deviations: float | None
    """For an estimate: the largest difference of traces, in their standard errors."""
    tolerance: float
    """What the one of the two that judges may be."""

    @property
    def holds(self) -> bool:
        """False if it is not finite, too."""
        judged = self.difference if self.deviations is None else self.deviations
        return judged <= self.tolerance


DEVIATIONS = 5.0
"""Of an estimated trace: a right one is further off once in 10^6 if it is normal, and those of few
probes are not far from it."""


def compare(
    found: Values, answer: Answer, taken: np.ndarray, tolerance: float | None, probes: int
) -> Agreement:
    """
    Args:
        taken: (parts,) whether the way took a part.
        tolerance: None if the values are estimates.
        probes: how many an estimate is the mean of.
    """
    pairs = ((found.traces, answer.traces), (found.logdets, answer.logdets))
    worst = float(np.max([_largest((got - want) / want, taken) for got, want in pairs]))
    if tolerance is not None:
        return Agreement(worst, None, tolerance)
    assert answer.squares is not None
    assert answer.sizes is not None
    d = answer.sizes
    # The variance of d v^T F v for v uniform on the sphere.
    variance = 2 * (d * answer.squares - answer.traces**2) / (d + 2) / probes
    deviations = (found.traces - answer.traces) / np.sqrt(variance)
    return Agreement(worst, _largest(deviations, taken), DEVIATIONS)


def _largest(differences: np.ndarray, taken: np.ndarray) -> float:
    """Of the parts (last axis) that were taken; NaN if one is NaN."""
    return float(np.abs(differences[..., taken]).max())
