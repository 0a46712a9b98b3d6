"""The tasks of a ranking, handed out to a cluster; their values, taken in as they come.

Ray would do lost tasks again by itself, but without a bound where memory was short, and it would
not say which. So it is asked to do a task once, and it is counted here.
"""

from __future__ import annotations

import pickle
import sys
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from sed2.blocks.base import OfUser
from sed2.cluster.connect import alive, connected
from sed2.cluster.demand import Resources, check_fits, demand, fits, no_node
from sed2.cluster.settings import Cluster
from sed2.cluster.worker import Tally, work
from sed2.common.interrupts import noted
from sed2.common.progress import Progress
from sed2.data.load import Dataset
from sed2.errors import ResourceError, Sed2Error, UsageError
from sed2.runs.directory import RunDirectory
from sed2.runs.keys import user_modules
from sed2.tasks import Task

ATTEMPTS = 4
"""How often a task is begun at most."""
PATIENCE = 60.0
"""Seconds to wait for a node to come back where no other can do what is left."""
_POLL = 0.5  # seconds between two looks at the progress
_SHARES = 1000  # of the work of one task, for the bar


@dataclass(frozen=True)
class _Attempt:
    """A task that was handed out."""

    task: Task
    number: int
    needed: Resources
    sealed: bytes
    """The task as it is sent."""
    count: int = 1
    """Which attempt this is."""


class ClusterWorkplace:
    """The values of a ranking, by a cluster: a `sed2.tasks.Workplace`.

    Args:
        ray: the package, connected.
        cluster: what a task has of it.
        dataset: of all tasks.
        run: where values are kept as they come, and looked for first.
    """

    def __init__(self, ray: Any, cluster: Cluster, dataset: Dataset, run: RunDirectory | None):
        self._ray, self._cluster, self._dataset, self._run = ray, cluster, dataset, run
        self._values: dict[Hashable, Any] = {}
        self._numbers = count()
        self._sent = ray.put(dataset)
        self._tally = ray.remote(Tally).options(num_cpus=0, max_restarts=-1).remote()
        self._work = ray.remote(work)

    @property
    def device(self) -> str:
        """What the values come from, as `sed2.runs.keys.numerics` tells it."""
        if not self._cluster.gpus:
            return "cpu: cpu"
        kinds = {
            name.removeprefix("accelerator_type:")
            for node in alive(self._ray)
            for name in node["Resources"]
            if name.startswith("accelerator_type:")
        }
        return f"gpu: of a cluster: {', '.join(sorted(kinds))}"

    def announce(self, tasks: Sequence[Task], progress: Progress) -> None:
        """All that are announced are handed out at once, and done."""
        self.values(tasks, progress)

    def values(self, tasks: Sequence[Task], progress: Progress) -> list[Any]:
        """The values of tasks, in their order.

        Raises:
            as `fill`.
        """
        self.fill(tasks, progress)
        return [self._values[task.key] for task in tasks]

    def fill(self, tasks: Sequence[Task], progress: Progress) -> None:
        """Have the values of all tasks.

        Args:
            progress: called with what to say of it, the work done, and its total.

        Raises:
            ResourceError: a task needs more than any node has, or its worker was lost too often.
            Sed2Error: of any kind, if a task raises it; the others are cancelled then, and those
                that were done are kept.
        """
        missing = [task for task in tasks if not self._is_there(task)]
        attempts = [
            _Attempt(
                task,
                next(self._numbers),
                demand(task, self._dataset, self._cluster.cpus, self._cluster.gpus),
                _sealed(task),
            )
            for task in missing
        ]
        check_fits(((each.task, each.needed) for each in attempts), alive(self._ray))
        running: dict[Any, _Attempt] = {}
        try:
            for attempt in attempts:
                running[self._hand_out(attempt)] = attempt
            shown = _ClusterProgress(self._ray, self._tally, len(running), progress)
            with noted() as raise_noted:
                self._take_in(running, shown, raise_noted)
                raise_noted()
        finally:
            for reference in running:  # if any are left
                self._ray.cancel(reference, force=True)

    def _is_there(self, task: Task) -> bool:
        if task.key not in self._values and self._run:
            found = self._run.find(task, self._dataset)
            if found is not None:
                self._values[task.key] = found
        return task.key in self._values

    def _hand_out(self, attempt: _Attempt) -> Any:
        hand_out = self._work.options(
            num_cpus=self._cluster.cpus,
            num_gpus=self._cluster.gpus,
            memory=int(attempt.needed["memory"]),
            max_retries=0,
            runtime_env={"env_vars": self._cluster.environment},
        )
        return hand_out.remote(
            attempt.sealed, attempt.task.model.name, self._sent, attempt.number, self._tally
        )

    def _take_in(
        self,
        running: dict[Any, _Attempt],
        progress: _ClusterProgress,
        raise_noted: Callable[[], None],
    ) -> None:
        """Until nothing is running."""
        waiting_since: float | None = None
        while running:
            raise_noted()
            ready, _ = self._ray.wait(list(running), timeout=_POLL)
            if ready:
                ready, _ = self._ray.wait(list(running), num_returns=len(running), timeout=0)
            faults: list[Exception] = []
            for reference in ready:
                attempt = running.pop(reference)
                try:
                    self._keep(attempt.task, *self._fetch(reference))
                except _Lost as lost:
                    if attempt.count < ATTEMPTS:
                        again = self._again(attempt)
                        running[self._hand_out(again)] = again
                    else:
                        faults.append(_lost_too_often(attempt.task, lost))
                except Exception as error:
                    faults.append(error)
            if faults:  # after all that came with it is kept
                raise faults[0]
            progress.show(running)
            if ready or self._some_fits(running):
                waiting_since = None
            else:
                waiting_since = waiting_since or time.monotonic()
                if time.monotonic() - waiting_since > PATIENCE:
                    attempt = next(iter(running.values()))
                    raise no_node(attempt.task, attempt.needed, alive(self._ray))

    def _fetch(self, reference: Any) -> tuple[Any, bool]:
        """The value, and whether it is lasting.

        Raises:
            _Lost: its worker, or what it returned, was lost.
            Sed2Error: of the task.
        """
        errors = self._ray.exceptions
        try:
            outcome: tuple[Any, bool] | Sed2Error = pickle.loads(self._ray.get(reference))
        except errors.RayTaskError as error:  # a defect, or what the user's own code raised
            raise error.cause if isinstance(error.cause, Exception) else error from error
        except errors.RayError as error:
            raise _Lost(" ".join(str(error).split())) from error
        if isinstance(outcome, Sed2Error):
            raise outcome
        return outcome

    def _again(self, attempt: _Attempt) -> _Attempt:
        self._cluster.tell(
            f"the worker of {attempt.task} was lost: it is begun again, as number "
            f"{attempt.count + 1} of {ATTEMPTS}"
        )
        return replace(attempt, count=attempt.count + 1)

    def _keep(self, task: Task, value: Any, is_lasting: bool) -> None:
        if self._run and is_lasting:
            self._run.keep(task, self._dataset, value)
        self._values[task.key] = value

    def _some_fits(self, running: dict[Any, _Attempt]) -> bool:
        """Whether the nodes that are left can do anything of what is."""
        nodes = [node["Resources"] for node in alive(self._ray)]
        return any(fits(attempt.needed, node) for attempt in running.values() for node in nodes)


class _Lost(Exception):
    """A worker or its value was lost; why, in Ray's words."""


class _ClusterProgress:
    """What is told while tasks are running."""

    def __init__(self, ray: Any, tally: Any, total: int, report: Progress) -> None:
        self._ray, self._tally, self._total, self._report = ray, tally, total, report
        self._asked: Any = None
        self._shares: dict[int, float] = {}

    def show(self, running: dict[Any, _Attempt]) -> None:
        """How many are done, and how far the others are, as far as that is known by now."""
        self._ask()
        begun = {each.number: self._shares.get(each.number) for each in running.values()}
        shares = [share for share in begun.values() if share is not None]
        done = self._total - len(running)
        self._report(
            f"{done} of {self._total} done, {len(shares)} at work",
            int(_SHARES * (done + sum(shares))),
            _SHARES * self._total,
        )

    def _ask(self) -> None:
        """Take what the tally has answered, and ask it anew. It may be lost like any worker."""
        if self._asked is not None:
            if not self._ray.wait([self._asked], timeout=0)[0]:
                return
            try:
                self._shares = self._ray.get(self._asked)
            except self._ray.exceptions.RayError:
                self._shares = {}
        self._asked = self._tally.shares.remote()


def _lost_too_often(task: Task, lost: _Lost) -> ResourceError:
    return ResourceError(
        f"the worker of {task} was lost {ATTEMPTS} times, the last time so: {lost}",
        mend="What was finished is kept in the run directory, if there is one. If memory was "
        "short, give a lower `memory_gb`, or more `ray_cpus` so that fewer tasks share a node",
        where="ray",
    )


def _sealed(task: Task) -> bytes:
    """A task as it is sent: with the user's own code, which the nodes need not have.

    Raises:
        UsageError: it cannot be sent.
    """
    from ray import cloudpickle

    with ExitStack() as stack:
        if any(isinstance(block, OfUser) for block in task.model.blocks):
            for name in user_modules():
                if name != "__main__":  # which is sent anyway
                    cloudpickle.register_pickle_by_value(sys.modules[name])
                    stack.callback(cloudpickle.unregister_pickle_by_value, sys.modules[name])
        try:
            sealed: bytes = cloudpickle.dumps(task)
        except Exception as error:
            raise UsageError(
                f"{task} cannot be sent to a cluster: {type(error).__name__}: {error}",
                mend="Name it by `module: package.module:factory`, or leave out `ray`",
                where="ray",
            ) from error
    return sealed


@contextmanager
def opened(
    cluster: Cluster, dataset: Dataset, run: RunDirectory | None
) -> Iterator[ClusterWorkplace]:
    """A sweep on a cluster, for as long as it is needed.

    Raises:
        UsageError: as `connected`.
    """
    with connected(cluster) as ray:
        yield ClusterWorkplace(ray, cluster, dataset, run)
