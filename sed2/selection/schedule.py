"""Successive halving: who is trained how far, so that a budget is spent and not exceeded.

Jamieson and Talwalkar, 2016 (arXiv 1502.07943): every rung trains what is left twice as long as
the one before, and keeps the better half.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sed2.errors import UsageError

FIRST = 200
"""Lengths of the first rung that are looked at. They need not be whole, so that the later ones
spend what is there."""
PRUNED_TO = 0.25
"""Share of the candidates that the score keeps for the first rung."""


@dataclass(frozen=True)
class Rung:
    """One round of training."""

    models: int
    """How many are trained in it."""
    epochs: int
    """To which they are trained, from the very beginning."""


def cost(rungs: tuple[Rung, ...]) -> int:
    """Epochs of networks: each rung goes on from the one before."""
    total, start = 0, 0
    for rung in rungs:
        total, start = total + rung.models * (rung.epochs - start), rung.epochs
    return total


def schedule(models: int, epochs: int, share: float, prune: bool) -> tuple[Rung, ...]:
    """The rungs that spend the most of a budget.

    Args:
        models: M, how many candidates there are.
        epochs: E, of a whole training.
        share: of the cost M E of training all, that is to be spent at most.
        prune: whether the score leaves out all but a quarter before the first rung.

    Raises:
        UsageError: not even one candidate can be trained for one epoch.
    """
    units = share * models * epochs * (1 + 1e-9)  # 0.1 * 50 is 5, whatever the rounding
    for count in range(_entrants(models, prune), 0, -1):
        planned = [_rungs(count, first, epochs) for first in np.geomspace(1, epochs, FIRST)]
        fitting = [rungs for rungs in planned if cost(rungs) <= units]
        if fitting:
            return max(fitting, key=cost)
    raise UsageError(
        f"{share:.3g} of the cost of training {models:,} candidates for {epochs:,} epochs is less "
        "than one epoch of one of them",
        mend="Raise `budget`, or `epochs`",
        where="budget",
    )


def _entrants(models: int, prune: bool) -> int:
    return min(max(2, round(PRUNED_TO * models)), models) if prune else models


def _rungs(models: int, first: float, epochs: int) -> tuple[Rung, ...]:
    """Until one is left, or the training is whole."""
    rungs = [Rung(models, round(first))]
    while rungs[-1].models > 1 and rungs[-1].epochs < epochs:
        first *= 2
        rungs.append(Rung((rungs[-1].models + 1) // 2, min(round(first), epochs)))
    return tuple(rungs)
