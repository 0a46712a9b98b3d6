"""What a baseline is, and what it is measured of."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sed2.chain import Chain
from sed2.data.load import Dataset
from sed2.settings import Settings
from sed2.spec.schema import ModelSpec


@dataclass(frozen=True)
class Candidate:
    """One model on one data set."""

    model: ModelSpec
    dataset: Dataset
    settings: Settings
    chain: Chain
    """Of the model's parametric blocks, whatever `settings.chain` says."""


@dataclass(frozen=True)
class BaselineValue:
    """What came out for one model."""

    value: float
    """NaN if it is undefined or not finite; never replaced by another number."""
    reason: str = ""
    """Why it is NaN; or what to know of it, if it is not."""

    @classmethod
    def of(cls, value: float, otherwise: str) -> BaselineValue:
        """The value itself, or NaN for that reason if it is not finite."""
        return cls(float(value)) if math.isfinite(value) else cls(math.nan, otherwise)


@dataclass(frozen=True)
class Family:
    """Baselines that share their work."""

    steps: Callable[[Settings], int]
    """How many steps of progress it takes."""
    measure: Callable[[Candidate, Sequence[str], Callable[[int], None]], dict[str, BaselineValue]]
    """From a candidate and the names that are wanted to their values; the last argument is called
    with the number of steps done.

    Raises:
        ResourceError: the work would not fit in memory.
        NumericsError: numbers came out not finite.
    """


@dataclass(frozen=True)
class Baseline:
    """A measure of an untrained network that is meant to predict how well it trains."""

    name: str
    description: str
    """One line, with its source."""
    larger_is_better: bool
    """As its source has it, fixed before any correlation is seen."""
    family: Family
    """How it is computed."""
