"""What the paper says, and whether it holds here, by a rule that was fixed before the runs.

A claim is made of parts, and a part is an inequality that is measured once under each of S seeds.
Every measured number has an interval from its scatter over the seeds, and the intervals of one
claim hold together with 95% confidence (Bonferroni). The claim holds if all of its intervals lie
where the paper has them, it does not hold if one lies beyond the limit altogether, and otherwise
nothing is decided. Under one seed nothing is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
MAX_DIGITS = 6
"""Decimals of a number that is told."""


class Verdict(StrEnum):
    """What came of a claim, or of a part of it."""

    HOLDS = "holds"
    FAILS = "does not hold"
    UNDECIDED = "not decided"
    SKIPPED = "not tested"


@dataclass(frozen=True)
class Interval:
    """That holds a true value with some confidence; without bounds for one seed."""

    estimate: float
    low: float
    high: float

    def side(self, limit: float) -> int:
        """1 or -1 if it lies above or below the limit, else 0."""
        if self.low > limit:
            return 1
        return -1 if self.high < limit else 0


def mean_interval(values: np.ndarray, confidence: float = CONFIDENCE) -> Interval:
    """Student's t interval of the mean of (S,) numbers, one for each seed.

    Raises:
        ValueError: a number is not finite.
    """
    seeds, mean = _count(values), float(values.mean())
    if seeds == 1:
        return Interval(mean, -math.inf, math.inf)
    error = float(values.std(ddof=1)) / math.sqrt(seeds)
    reach = float(stats.t.ppf((1 + confidence) / 2, seeds - 1)) * error
    return Interval(mean, mean - reach, mean + reach)


def scatter_interval(values: np.ndarray, confidence: float = CONFIDENCE) -> Interval:
    """Chi-squared interval of the standard deviation of (S,) numbers, one for each seed.

    Raises:
        ValueError: a number is not finite.
    """
    seeds = _count(values)
    if seeds == 1:
        return Interval(math.nan, 0.0, math.inf)
    scatter = float(values.std(ddof=1))
    tails = [(1 + confidence) / 2, (1 - confidence) / 2]
    low, high = scatter * np.sqrt((seeds - 1) / stats.chi2.ppf(tails, seeds - 1))
    return Interval(scatter, float(low), float(high))


def _count(values: np.ndarray) -> int:
    if not np.isfinite(values).all():
        raise ValueError(f"a number to judge by is not finite: {values}")
    return len(values)


@dataclass(frozen=True)
class Inequality:
    """The mean over the seeds lies on one side of a limit where the paper is right."""

    what: str
    values: np.ndarray
    """(S,)."""
    limit: float = 0.0
    below: bool = False
    """Whether it should lie below the limit, not above."""
    unit: str = ""
    """Written after the numbers."""

    @property
    def measured(self) -> tuple[np.ndarray, ...]:
        return (self.values,)

    def verdict(self, confidence: float) -> Verdict:
        side = mean_interval(self.values, confidence).side(self.limit)
        return _SIDES[-side if self.below else side]

    def told(self, confidence: float) -> str:
        limit = f" (limit {self.limit:g}{self.unit})" if self.limit else ""
        return f"{self.what}: {_told(self.values, confidence)}{self.unit}{limit}"


@dataclass(frozen=True)
class Scatter:
    """The standard deviation between seeds lies below a limit where the paper is right."""

    what: str
    values: np.ndarray
    """(S,)."""
    limit: float
    unit: str = ""

    @property
    def measured(self) -> tuple[np.ndarray, ...]:
        return (self.values,)

    def verdict(self, confidence: float) -> Verdict:
        return _SIDES[-scatter_interval(self.values, confidence).side(self.limit)]

    def told(self, confidence: float) -> str:
        found = scatter_interval(self.values, confidence)
        told = f"{found.estimate:.2g} ({found.low:.2g} to {found.high:.2g}){self.unit}"
        return f"{self.what}: {told} (limit {self.limit:g}{self.unit})"


@dataclass(frozen=True)
class SameSign:
    """The means of two differences have the same sign where the paper is right."""

    what: str
    first: np.ndarray
    """(S,)."""
    second: np.ndarray
    """(S,)."""

    @property
    def measured(self) -> tuple[np.ndarray, ...]:
        return self.first, self.second

    def verdict(self, confidence: float) -> Verdict:
        return _SIDES[math.prod(mean_interval(each, confidence).side(0) for each in self.measured)]

    def told(self, confidence: float) -> str:
        first, second = (_told(each, confidence) for each in self.measured)
        return f"{self.what}: {first} and {second}"


_SIDES = {1: Verdict.HOLDS, 0: Verdict.UNDECIDED, -1: Verdict.FAILS}
Part = Inequality | Scatter | SameSign


@dataclass(frozen=True)
class Statement:
    """What the paper says, and where."""

    text: str
    where: str


@dataclass(frozen=True)
class Claim:
    """A statement, and what was measured of it in one way."""

    statement: Statement
    way: str
    """By what it was tested."""
    parts: tuple[Part, ...]
    remark: str = ""
    """What the numbers do not say by themselves."""
    skipped: str = ""
    """Why nothing was tested, if so."""

    @property
    def confidence(self) -> float:
        """Of each single interval."""
        intervals = sum(len(part.measured) for part in self.parts)
        return 1 - (1 - CONFIDENCE) / max(intervals, 1)

    @property
    def verdict(self) -> Verdict:
        if self.skipped or not self.parts:
            return Verdict.SKIPPED
        verdicts = {part.verdict(self.confidence) for part in self.parts}
        if Verdict.FAILS in verdicts:
            return Verdict.FAILS
        return Verdict.HOLDS if verdicts == {Verdict.HOLDS} else Verdict.UNDECIDED

    def as_json(self) -> dict[str, Any]:
        """As it is stored."""
        return {
            "says": self.statement.text,
            "where": self.statement.where,
            "way": self.way,
            "verdict": str(self.verdict),
            "parts": [
                {
                    "told": part.told(self.confidence),
                    "verdict": str(part.verdict(self.confidence)),
                    "by_seed": [values.tolist() for values in part.measured],
                }
                for part in self.parts
            ],
            "remark": self.skipped or self.remark,
        }


def not_tested(statements: Sequence[Statement], reason: str) -> tuple[Claim, ...]:
    """Claims of an experiment that could not be made."""
    return tuple(Claim(statement, "", (), skipped=reason) for statement in statements)


def _told(values: np.ndarray, confidence: float) -> str:
    """Mean and half width of the interval, with two significant digits of the latter."""
    found = mean_interval(values, confidence)
    if math.isinf(found.high):
        return f"{found.estimate:+.3g} (one seed)"
    reach = found.high - found.estimate
    scale = reach or abs(found.estimate) or 1.0
    digits = min(max(0, 1 - math.floor(math.log10(scale))), MAX_DIGITS)
    return f"{found.estimate:+.{digits}f} ± {reach:.{digits}f}"
