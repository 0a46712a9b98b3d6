"""What a baseline is, and what it is measured of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from sed2.baselines.results import BaselineValue
from sed2.chain import Chain
from sed2.data.load import Dataset
from sed2.options import TrainingSettings
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
    training: TrainingSettings
    """Of the training that is to be predicted."""


@dataclass(frozen=True)
class BaselineMeasure:
    """A measure of an untrained network that is meant to predict how well it trains.

    Those of a family share their work, and have a class of their own that says how each is made of
    it."""

    name: str
    description: str
    """One line, with its source."""
    larger_is_better: bool = field(default=True, kw_only=True)
    """As its source has it, fixed before any correlation is seen."""


M = TypeVar("M", bound=BaselineMeasure)


@dataclass(frozen=True)
class Family(Generic[M]):
    """Measures that share their work."""

    measures: tuple[M, ...]
    steps: Callable[[Settings], int]
    """How many steps of progress it takes."""
    run: Callable[[Candidate, Sequence[M], Callable[[int], None]], dict[str, BaselineValue]]
    """From a candidate and the measures that are wanted to their values by name, with their cost
    where they do not share it; the last argument is called with the number of steps done.

    Raises:
        ResourceError: the work would not fit in memory.
        NumericsError: numbers came out not finite.
    """
