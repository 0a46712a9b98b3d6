"""What a baseline is, and what it is measured of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sed2.baselines.results import BaselineValue
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
class BaselineMeasure:
    """A measure of an untrained network that is meant to predict how well it trains."""

    name: str
    description: str
    """One line, with its source."""
    larger_is_better: bool
    """As its source has it, fixed before any correlation is seen."""
    family: Family
    """How it is computed."""
