"""What a ranking needs of each candidate, as tasks that have nothing to do with each other, and
where they are done: in this process, kept in a run directory (`sed2.runs`), or on a cluster
(`sed2.cluster`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Protocol

from sed2.baselines.registry import baseline_values
from sed2.baselines.results import BaselineValue
from sed2.chain import build_chain
from sed2.common.progress import Progress
from sed2.data.load import Dataset
from sed2.estimate import estimate
from sed2.fisher.pieces import UNKEPT, Pieces
from sed2.fisher.plan import NOMINAL_BUDGET, default_budget
from sed2.fisher.prefixes import ALONE, Prefixes
from sed2.results import ModelResult
from sed2.settings import Settings
from sed2.spec.schema import ModelSpec
from sed2.training.recipe import train
from sed2.training.result import Training
from sed2.training.settings import TrainingSettings

Value = ModelResult | dict[str, BaselineValue] | Training
Stage = Literal["estimate", "baselines", "training"]


@dataclass(frozen=True)
class Task:
    """One value of one candidate."""

    stage: Stage
    model: ModelSpec
    settings: Settings
    training: TrainingSettings | None = None
    """Of a training, and of nothing else."""

    @property
    def key(self) -> Hashable:
        """Tells it from all other tasks of a ranking, in which names are unique."""
        return self.stage, self.model.name, self.settings, self.training

    @property
    def title(self) -> str:
        """What is worked on, for the user."""
        return self.model.name + ("" if self.stage == "estimate" else f", {self.stage}")

    def __str__(self) -> str:
        return f"`{self.model.name}`{'' if self.stage == 'estimate' else f' ({self.stage})'}"

    def compute(
        self,
        dataset: Dataset,
        progress: Callable[[int, int], None],
        pieces: Pieces = UNKEPT,
        prefixes: Prefixes = ALONE,
    ) -> Value:
        """The value.

        Args:
            pieces, prefixes: as for `estimate`, if it is one.

        Raises:
            as `estimate`, `baseline_values` or `train`.
        """
        if self.stage == "estimate":
            return estimate(self.model, dataset, self.settings, progress, pieces, prefixes)
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


class Workplace(Protocol):
    """Where tasks are done."""

    @property
    def device(self) -> str:
        """What computes, as `sed2.runs.keys.numerics` tells it; empty if this process does."""
        ...

    def announce(self, tasks: Sequence[Task], progress: Progress) -> None:
        """Once, before any is done: all that are known to be needed."""
        ...

    def values(self, tasks: Sequence[Task], progress: Progress) -> list[Any]:
        """The values of tasks, in their order.

        Raises:
            as `Task.compute`; the first error ends it.
        """
        ...


class ThisProcess:
    """One task after the other. Estimates that are announced share their first blocks.

    Args:
        dataset: of all tasks.
    """

    device = ""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset, self._prefixes = dataset, ALONE

    def announce(self, tasks: Sequence[Task], progress: Progress) -> None:
        shape = self._dataset.input_shape
        self._prefixes = Prefixes(
            [
                build_chain(task.model.blocks, shape, task.settings.chain)
                for task in tasks
                if task.stage == "estimate"
            ]
        )

    def values(self, tasks: Sequence[Task], progress: Progress) -> list[Any]:
        return [
            task.compute(self._dataset, partial(progress, task.title), prefixes=self._prefixes)
            for task in tasks
        ]
