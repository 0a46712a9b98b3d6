"""What a task needs of a node, known before it is handed out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sed2.common.memory import GB
from sed2.data.load import Dataset
from sed2.errors import ResourceError
from sed2.fisher.plan import NOMINAL_BUDGET
from sed2.tasks import Task

PROCESS_BYTES = 0.5 * GB
"""Of a process of Ray and sed2 besides its arrays: 0.31 GB for a network of 100 parameters, 0.41 GB
for the training of one of 1,000 were measured."""

Resources = Mapping[str, float]
"""By Ray's names: `CPU`, `GPU`, `memory` (bytes)."""


def demand(task: Task, dataset: Dataset, cpus: int, gpus: float) -> Resources:
    """The resources of a task. The forecast is that of a machine with memory enough: a worker with
    less of it free takes smaller pieces.

    Raises:
        ResourceError: it would not fit in the memory budget.
    """
    needed = {"CPU": float(cpus), "memory": float(int(PROCESS_BYTES + _forecast(task, dataset)))}
    return needed | ({"GPU": gpus} if gpus else {})


def _forecast(task: Task, dataset: Dataset) -> float:
    """Bytes of the arrays that a task makes."""
    budget = task.settings.memory_gb or NOMINAL_BUDGET / GB
    settings = task.settings.model_copy(update={"memory_gb": budget})
    return task.stage.forecast(replace(task, settings=settings), dataset)


def fits(needed: Resources, node: Mapping[str, float]) -> bool:
    """Whether a node with these resources in all could ever do it."""
    return all(node.get(name, 0.0) >= amount for name, amount in needed.items())


def check_fits(tasks: Iterable[tuple[Task, Resources]], nodes: list[Mapping[str, Any]]) -> None:
    """
    Raises:
        ResourceError: a task needs more than any node has.
    """
    for task, needed in tasks:
        if not any(fits(needed, node["Resources"]) for node in nodes):
            raise no_node(task, needed, nodes)


def no_node(task: Task, needed: Resources, nodes: list[Mapping[str, Any]]) -> ResourceError:
    """What to say of a task that no node can do."""
    in_turn = ("GPU", "memory", "CPU") if "GPU" in needed else ("memory", "CPU")
    largest: Mapping[str, float] = max(
        (node["Resources"] for node in nodes),
        key=lambda has: [has.get(name, 0.0) for name in in_turn],
        default={},
    )
    has = _told({name: largest.get(name, 0.0) for name in needed})
    return ResourceError(
        f"{task} needs {_told(needed)}, and no node of the cluster has that: the largest of "
        f"{len(nodes)} has {has}",
        mend="Take fewer `ray_cpus` or `ray_gpus`, a lower `memory_gb`, or a larger node",
        where="ray",
    )


def _told(resources: Resources) -> str:
    units = {"CPU": "CPUs", "GPU": "GPUs"}
    return ", ".join(
        f"{amount / GB:,.1f} GB" if name == "memory" else f"{amount:g} {units[name]}"
        for name, amount in resources.items()
    )
