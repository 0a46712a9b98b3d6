"""A rung of one candidate as a task: it goes on from where the rung before left it."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

from pydantic import Field

from sed2.common.progress import Report
from sed2.common.validation import StrictModel
from sed2.data.load import Dataset
from sed2.fisher.kept import SpectraStore
from sed2.fisher.prefixes import Prefixes
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


def _compute(
    task: Task, dataset: Dataset, progress: Report, store: SpectraStore, prefixes: Prefixes
) -> Stopped:
    ((_, stopped),) = _together([task], dataset, progress)
    return stopped


def _together(
    tasks: Sequence[Task], dataset: Dataset, progress: Report
) -> Iterator[tuple[int, Stopped]]:
    groups: dict[Hashable, list[int]] = {}
    for place, task in enumerate(tasks):
        groups.setdefault((task.settings, task.own), []).append(place)
    for places in groups.values():
        first = tasks[places[0]]
        for number, stopped in train_some(
            [tasks[place].model for place in places],
            dataset,
            first.settings,
            first.own.training,
            [first.own.epochs],
            [tasks[place].own.checkpoint for place in places],
            progress,
        ):
            yield places[number], stopped


def _forecast(task: Task, dataset: Dataset) -> float:
    plan: Any = check_training(task.model, dataset, task.settings, task.own.training)
    return float(plan.bytes) + lanes.BYTES


RUNG = Stage("rung", "rungs", "rungs", Stopped, _compute, _forecast, together=_together)
"""A candidate trained to some epoch."""
