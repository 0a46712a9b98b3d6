"""The networks that are measured, and the goals."""

from __future__ import annotations

from dataclasses import dataclass

EPS = "1e-3:1e-1"
STEPS, PROBES = 128, 1  # of Lanczos quadrature, as sed2 has them by default


@dataclass(frozen=True)
class Case:
    """One network at one N and K."""

    model: str
    """In the paper's notation."""
    dataset: str
    """A named data set. The images of an MLP are flattened."""
    samples: int
    """N."""
    draws: int
    """K."""
    few: int
    """How many of the K draws the slow ways do; the rest is extrapolated."""


CASES = (
    Case("MLP 54-16-7", "covertype", samples=100, draws=100, few=5),
    Case("MLP 784-512-512-10", "mnist", samples=100, draws=10, few=1),
    Case("CNN 7-5|10-50-34-10", "mnist", samples=50, draws=20, few=1),
)
"""The N and K of the two large ones are those at which the project itself uses such networks."""

TOY_CASES = (
    Case("MLP 54-2-7", "covertype", samples=6, draws=3, few=2),
    Case("CNN 5|2-10", "mnist", samples=3, draws=2, few=2),
)

GOALS = {"paper": 40.0, "nngeometry": 10.0, "curvlinops": 10.0, "qiskit": 20.0, "training": 20.0}
"""How many times sed2's own time each family of ways should take; 5% of a training is 20 times."""
LIMIT_GOAL = 1.5
"""How many times the bare arithmetic sed2 should take at most, warm."""
