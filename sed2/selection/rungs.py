"""A rung of one candidate as a task: it goes on from where the rung before left it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import Field

from sed2.common.progress import Report
from sed2.common.validation import StrictModel
from sed2.data.load import Dataset
from sed2.options import TrainingSettings
from sed2.tasks import Stage, Task
from sed2.training import lanes
from sed2.training.many import train_some
from sed2.training.plan import check_training
from sed2.training.result import Stopped


class RungOf(StrictModel):
    """What a rung asks for. The checkpoint only saves work, so it tells no task from another."""

    training: TrainingSettings
    epochs: int
    """To which it goes, from the very beginning."""
    checkpoint: Any = Field(default=None, exclude=True)
    """A `Checkpoint` of the rung before."""

    def __hash__(self) -> int:
        return hash((self.training, self.epochs))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RungOf) and (
            (self.training, self.epochs) == (other.training, other.epochs)
        )


def _train_on(
    tasks: Sequence[Task], dataset: Dataset, progress: Report
) -> Iterator[tuple[int, Stopped]]:
    models, settings, own = [task.model for task in tasks], tasks[0].settings, tasks[0].own
    begun = [task.own.checkpoint for task in tasks]
    return train_some(models, dataset, settings, own.training, [own.epochs], begun, progress)


def _forecast(task: Task, dataset: Dataset) -> float:
    plan: Any = check_training(task.model, dataset, task.settings, task.own.training)
    return float(plan.bytes) + lanes.BYTES


RUNG = Stage("rung", "rungs", "rungs", Stopped, _forecast, together=_train_on)
"""A candidate trained to some epoch."""
