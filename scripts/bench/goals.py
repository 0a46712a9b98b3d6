"""The goals, and whether they are met."""

from __future__ import annotations

from dataclasses import dataclass

from scripts.bench.cases import GOALS, LIMIT_GOAL
from scripts.bench.suite import Ratio, Result
from scripts.bench.ways import WAYS


@dataclass(frozen=True)
class Goal:
    """What was asked of sed2 against one family of ways, and what was found."""

    family: str
    goal: float
    way: str = ""
    """The one that was timed, by its name; empty if none could run."""
    cold: Ratio | None = None
    """None for the limit, which has no cold start."""
    warm: Ratio | None = None
    met: bool | None = None
    """None if it is not known."""


def goals_of(result: Result) -> list[Goal]:
    """Of every family that was asked for: judged cold, start and compilation included; the limit,
    warm."""
    present = {WAYS[name].family for name in result.ways}
    found = [_goal(result, family, goal) for family, goal in GOALS.items() if family in present]
    if "limit" in present:
        ratio = result.ratio("sed2", "warm", below="limit")
        met = ratio.median <= LIMIT_GOAL
        found.append(Goal("limit", LIMIT_GOAL, "limit", None, ratio, met))
    return found


def _goal(result: Result, family: str, goal: float) -> Goal:
    """By the family's fastest way that gives sed2's values, preferably of all blocks. A training is
    held against sed2 with its errors, which is what a user of the ranking waits for."""
    below = "sed2+errors" if family == "training" and "sed2+errors" in result.ways else "sed2"
    candidates = [
        way
        for way in result.ways.values()
        if WAYS[way.name].family == family and way.runs and WAYS[way.name].tolerance is not None
    ]
    if not candidates:
        return Goal(family, goal)
    best = min(candidates, key=lambda way: (way.partial, result.ratio(way.name, "cold").median))
    cold, warm = (result.ratio(best.name, kind, below) for kind in ("cold", "warm"))
    met = cold.median >= goal
    # Blocks that were left out make the ratio too small: it can be met, but not be missed.
    return Goal(family, goal, best.name, cold, warm, None if best.partial and not met else met)
