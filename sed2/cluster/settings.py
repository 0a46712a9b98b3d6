"""Which cluster, and what a task has of it."""

from __future__ import annotations

import logging
from collections.abc import Callable

from sed2.common import threads
from sed2.options import ClusterOptions
from sed2.settings import resolve

_LOG = logging.getLogger("sed2")


class Cluster:
    """A Ray cluster, and the CPUs and GPUs of one task.

    Args:
        address: as Ray takes it: `auto` for the cluster that this machine is a node of,
            `HOST:6379`, `ray://HOST:10001` from a machine that is none; `local` starts one on this
            machine alone, for as long as it is needed.
        cpus: of one task; XLA and BLAS have as many threads.
        gpus: of one task; a part of one is shared with other tasks. Without any, a task computes
            on its CPUs.
        tell: is told of candidates whose worker was lost, and that are done again; by default the
            log is.

    Raises:
        UsageError: a number is not allowed.
    """

    def __init__(
        self,
        address: str,
        *,
        cpus: int | str | None = None,
        gpus: float | str | None = None,
        tell: Callable[[str], None] = _LOG.warning,
    ) -> None:
        given = {"ray": address, "ray_cpus": cpus, "ray_gpus": gpus}
        its = resolve(given, {}, of=ClusterOptions)
        self.address, self.cpus, self.gpus, self.tell = address, its.cpus, its.gpus, tell

    @property
    def environment(self) -> dict[str, str]:
        """Variables of the processes that do the tasks."""
        variables = threads.variables(self.cpus)
        if not self.gpus:
            variables["JAX_PLATFORMS"] = "cpu"
        elif self.gpus < 1:  # XLA takes three quarters of a GPU that it has to itself
            variables["XLA_PYTHON_CLIENT_MEM_FRACTION"] = f"{0.75 * self.gpus:.3f}"
        return variables
