"""What a ranking needs of each candidate, as tasks that have nothing to do with each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Literal

from sed2.baselines import BaselineValue, baseline_values
from sed2.data.load import Dataset
from sed2.estimate import estimate
from sed2.resources import NOMINAL_BUDGET, default_budget
from sed2.results import ModelResult
from sed2.settings import Settings
from sed2.spec.schema import ModelSpec
from sed2.training import Training, TrainingSettings, train

Value = ModelResult | dict[str, BaselineValue] | Training


@dataclass(frozen=True)
class Task:
    """One value of one candidate."""

    stage: Literal["estimate", "baselines", "training"]
    model: ModelSpec
    settings: Settings
    training: TrainingSettings | None = None
    """Of a training, and of nothing else."""

    @property
    def key(self) -> Hashable:
        """Tells it from all other tasks of a ranking, in which names are unique."""
        return self.stage, self.model.name, self.settings, self.training

    def __str__(self) -> str:
        return f"`{self.model.name}`{'' if self.stage == 'estimate' else f' ({self.stage})'}"

    def compute(self, dataset: Dataset, progress: Callable[[int, int], None]) -> Value:
        """The value.

        Raises:
            as `estimate`, `baseline_values` or `train`.
        """
        if self.stage == "estimate":
            return estimate(self.model, dataset, self.settings, progress)
        if self.stage == "baselines":
            return baseline_values(self.model, dataset, self.settings, progress=progress)
        assert self.training  # or it would be no training
        return train(self.model, dataset, self.settings, self.training, progress)

    def is_lasting(self, value: Value) -> bool:
        """Whether that is its value anywhere; asked where it was just computed. A baseline may be
        missing only because little memory was free."""
        return (
            not isinstance(value, Mapping)
            or not any(math.isnan(baseline.value) for baseline in value.values())
            or self.settings.memory_gb is not None
            or default_budget() >= NOMINAL_BUDGET
        )
