"""What is computed of one model, as tasks that have nothing to do with each other, and where they
are done: in this process, kept in a run directory (`sed2.runs`), or on a cluster (`sed2.cluster`).

A *stage* is a kind of value. Those of a ranking are here; others are where they are asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from sed2.baselines.results import BaselineValue
from sed2.chain import build_chain
from sed2.common.memory import GB
from sed2.common.progress import Progress, Report, part
from sed2.data.load import Dataset
from sed2.errors import DataError, NumericsError, ResourceError, SpecError, shown
from sed2.estimate import estimate
from sed2.estimators.diagnostics import noise_checks
from sed2.estimators.registry import reserved
from sed2.fisher.kept import UNKEPT, SpectraStore
from sed2.fisher.plan import NOMINAL_BUDGET, default_budget, make_plan
from sed2.fisher.prefixes import ALONE, Prefixes
from sed2.measure.uncertainty import Jackknife
from sed2.results import ModelResult
from sed2.settings import Settings
from sed2.spec.schema import ModelSpec
from sed2.training.result import Training


@dataclass(frozen=True)
class Stage:
    """A kind of value that a model has."""

    name: str
    folder: str
    """Of a run directory, in which its values are kept."""
    noun: str
    """What its values are, for the user."""
    kind: Any
    """The type of the values."""
    forecast: Callable[[Task, Dataset], float]
    """Bytes of the arrays that the task makes, on a machine with memory enough; the settings of the
    task name a budget.

    Raises:
        ResourceError: it would not fit in that budget.
    """
    compute: Callable[[Task, Dataset, Report, SpectraStore, Prefixes], Any] | None = None
    is_lasting: Callable[[Task, Any], bool] = lambda task, value: True
    """Whether that is its value anywhere; asked where it was just computed."""
    together: Callable[[Sequence[Task], Dataset, Report], Iterator[tuple[int, Any]]] | None = None
    """Instead of `compute`, where many tasks cost less together than one after the other: the
    places and values of tasks that differ in their models alone, as they are done."""

    def __reduce__(self) -> str | tuple[Any, ...]:
        """A stage is a constant of its module: another process has its own."""
        return _stage, ((self.together or self.compute).__module__, self.name)


def _stage(module: str, name: str) -> Stage:
    """The stage of that name which a module defines."""
    from importlib import import_module

    stages = (each for each in vars(import_module(module)).values() if isinstance(each, Stage))
    return next(each for each in stages if each.name == name)


@dataclass(frozen=True)
class Task:
    """One value of one model."""

    stage: Stage
    model: ModelSpec
    settings: Settings
    own: Any = None
    """What the stage asks for besides: a pydantic model, a number, or a tuple of numbers."""

    @property
    def key(self) -> Hashable:
        """Tells it from all other tasks of a call, in which names are unique."""
        return self.stage.name, self.model.name, self.settings, self.own

    @property
    def title(self) -> str:
        """What is worked on, for the user."""
        return self.model.name + ("" if self.stage is ESTIMATE else f", {self._what}")

    @property
    def _what(self) -> str:
        numbered = isinstance(self.own, int)
        return f"{self.stage.name} {self.own}" if numbered else self.stage.name

    def __str__(self) -> str:
        return f"`{self.model.name}`{'' if self.stage is ESTIMATE else f' ({self._what})'}"

    def compute(
        self,
        dataset: Dataset,
        progress: Report,
        store: SpectraStore = UNKEPT,
        prefixes: Prefixes = ALONE,
    ) -> Any:
        """The value; raises as what computes it. Numbers that fail are laid to the model and the
        data.

        Args:
            store, prefixes: as for `estimate`.
        """
        try:
            if self.stage.compute:
                return self.stage.compute(self, dataset, progress, store, prefixes)
            assert self.stage.together
            ((_, value),) = self.stage.together([self], dataset, progress)
            return value
        except NumericsError as fault:
            fault.where = fault.where or f"{self} on `{shown(dataset.name)}`"
            raise

    def is_lasting(self, value: Any) -> bool:
        """As of the stage."""
        return self.stage.is_lasting(self, value)


def _estimate(
    task: Task, dataset: Dataset, progress: Report, store: SpectraStore, prefixes: Prefixes
) -> ModelResult:
    return estimate(task.model, dataset, task.settings, progress, store, prefixes)


def forecast_spectra(task: Task, dataset: Dataset) -> float:
    """Of an estimate."""
    samples, forecasts = min(task.settings.samples, dataset.rows), []
    for its in task.settings.by_chain:
        chain = build_chain(task.model.blocks, dataset.input_shape, its.chain)
        extra = Jackknife.plan(its.draws, samples, dataset.rows, its.input_groups).extra
        room = reserved(chain, samples, its)
        runs, more = its.draws + extra, noise_checks(chain, its.draws)
        made = make_plan(chain, runs, samples, its, reserved=room, more=more)
        forecasts.append(made.bytes)
    return max(forecasts)


def _baselines(
    task: Task, dataset: Dataset, progress: Report, *_: object
) -> dict[str, BaselineValue]:
    from sed2.baselines.registry import UNTRAINED, baseline_values  # which few tasks wait for

    return baseline_values(task.model, dataset, task.settings, task.own or UNTRAINED, progress)


def _forecast_baselines(task: Task, dataset: Dataset) -> float:
    """The effective dimension of the whole network takes the most."""
    settings, samples = task.settings, min(task.settings.samples, dataset.rows)
    chain = build_chain(task.model.blocks, dataset.input_shape, "end-to-end")
    try:
        return make_plan(chain, settings.draws, samples, settings).bytes
    except ResourceError:  # then it is left undefined
        return (settings.memory_gb or NOMINAL_BUDGET / GB) * GB


def _is_lasting(task: Task, value: Mapping[str, BaselineValue]) -> bool:
    """A baseline may be missing only because little memory was free."""
    return (
        not any(math.isnan(baseline.value) for baseline in value.values())
        or task.settings.memory_gb is not None
        or default_budget() >= NOMINAL_BUDGET
    )


def _early(
    tasks: Sequence[Task], dataset: Dataset, progress: Report
) -> Iterator[tuple[int, dict[str, BaselineValue]]]:
    from sed2.baselines.early import early_losses

    models, first = [task.model for task in tasks], tasks[0]
    return early_losses(models, dataset, first.settings, first.own, progress=progress)


def _early_lasts(task: Task, value: Mapping[str, BaselineValue]) -> bool:
    """Those that are no part of the training are missing anywhere."""
    from sed2.baselines.early import EARLY_LOSSES

    part = {each.name for each in EARLY_LOSSES if each.epochs < task.own.epochs}
    return _is_lasting(task, {name: value[name] for name in part})


def _forecast_early(task: Task, dataset: Dataset) -> float:
    from sed2.training import lanes

    try:
        return _forecast_training(task, dataset) + lanes.BYTES
    except (DataError, ResourceError, SpecError):  # then it is left undefined
        return 0.0


def _train(task: Task, dataset: Dataset, progress: Report, *_: object) -> Training:
    from sed2.training.recipe import train

    return train(task.model, dataset, task.settings, task.own, progress)


def _forecast_training(task: Task, dataset: Dataset) -> float:
    from sed2.training.plan import check_training

    return check_training(task.model, dataset, task.settings, task.own).bytes


_Values = Mapping[str, BaselineValue]
ESTIMATE = Stage("estimate", "results", "models", ModelResult, forecast_spectra, _estimate)
BASELINES = Stage(
    "baselines", "baselines", "baselines", _Values, _forecast_baselines, _baselines, _is_lasting
)
EARLY = Stage(
    "early losses", "early", "early losses", _Values, _forecast_early, None, _early_lasts, _early
)
TRAINING = Stage("training", "trainings", "trainings", Training, _forecast_training, _train)


class Workplace(Protocol):
    """Where tasks are done."""

    @property
    def device(self) -> str:
        """What computes, as `sed2.runs.keys.numerics` tells it; empty if this process does."""
        ...

    def announce(self, tasks: Sequence[Task], progress: Progress) -> None:
        """Those that are done next, before any of them is."""
        ...

    def values(self, tasks: Sequence[Task], progress: Progress) -> list[Any]:
        """The values of tasks, in their order.

        Raises:
            as `Task.compute`; the first error ends it.
        """
        ...


class ThisProcess:
    """One task after the other. Those that are announced share their first blocks.

    Args:
        dataset: of all tasks.
    """

    device = ""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset, self._prefixes = dataset, ALONE

    def announce(self, tasks: Sequence[Task], progress: Progress) -> None:
        self._prefixes = shared_prefixes(tasks, self._dataset)

    def values(self, tasks: Sequence[Task], progress: Progress) -> list[Any]:
        found = dict(done_together(tasks, self._dataset, progress))
        for number, place in enumerate(_in_groups(tasks)):
            if place not in found:
                task = tasks[place]
                told = part(progress, task.title, number, len(tasks))
                found[place] = task.compute(self._dataset, told, prefixes=self._prefixes)
        return [found[place] for place in range(len(tasks))]


def _in_groups(tasks: Sequence[Task]) -> list[int]:
    """Their places, those with the same first blocks one after the other: what they share need not
    be kept for long."""
    seen: dict[Hashable, int] = {}

    def first_seen(place: int) -> list[int]:
        blocks = tasks[place].model.blocks
        return [seen.setdefault(blocks[:j], len(seen)) for j in range(1, len(blocks) + 1)]

    return sorted(range(len(tasks)), key=first_seen)


def done_together(
    tasks: Sequence[Task], dataset: Dataset, progress: Progress
) -> Iterator[tuple[int, Any]]:
    """The places and values of those tasks that are rather done together, as they are done."""
    alike: dict[Hashable, list[int]] = {}
    for place, task in enumerate(tasks):
        alike.setdefault((task.stage.name, task.settings, task.own), []).append(place)
    for places in alike.values():
        stage, its = tasks[places[0]].stage, [tasks[place] for place in places]
        if stage.together:
            for number, value in stage.together(its, dataset, partial(progress, stage.name)):
                yield places[number], value


def shared_prefixes(tasks: Sequence[Task], dataset: Dataset) -> Prefixes:
    """What the tasks that come to spectra share, each worked on once."""
    return Prefixes(
        [
            build_chain(task.model.blocks, dataset.input_shape, task.settings.chain)
            for task in tasks
            if task.stage not in (BASELINES, EARLY, TRAINING)
        ]
    )
