"""Which cluster, and what a task has of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from sed2.common import threads
from sed2.common.validation import StrictModel, read_flags
from sed2.settings import Number


def _shareable(gpus: float) -> float:
    if gpus > 1 and not gpus.is_integer():
        raise ValueError(f"`ray_gpus` above 1 must be a whole number, not {gpus:g}")
    return gpus


class ClusterOptions(StrictModel):
    ray: str = Field(min_length=1)
    ray_cpus: Annotated[int, Number] = Field(default=1, ge=1)
    ray_gpus: Annotated[float, Number, AfterValidator(_shareable)] = Field(default=0, ge=0)


class Cluster:
    """A Ray cluster, and the CPUs and GPUs of one task.

    Args:
        address: as Ray takes it: `auto` for the cluster that this machine is a node of,
            `HOST:6379`, `ray://HOST:10001` from a machine that is none; `local` starts one on this
            machine alone, for as long as it is needed.
        cpus: of one task; XLA and BLAS have as many threads.
        gpus: of one task; a part of one is shared with other tasks. Without any, a task computes
            on its CPUs.
        tell: is told of candidates whose worker was lost, and that are done again.

    Raises:
        UsageError: a number is not allowed.
    """

    def __init__(
        self,
        address: str,
        *,
        cpus: int | str | None = None,
        gpus: float | str | None = None,
        tell: Callable[[str], None] = lambda line: None,
    ) -> None:
        given: dict[str, Any] = {"ray": address, "ray_cpus": cpus, "ray_gpus": gpus}
        flags = read_flags(ClusterOptions, given)
        self.address, self.cpus, self.gpus = flags.ray, flags.ray_cpus, flags.ray_gpus
        self.tell = tell

    @property
    def environment(self) -> dict[str, str]:
        """Variables of the processes that do the tasks."""
        variables = threads.variables(self.cpus)
        if not self.gpus:
            variables["JAX_PLATFORMS"] = "cpu"
        elif self.gpus < 1:  # XLA takes three quarters of a GPU that it has to itself
            variables["XLA_PYTHON_CLIENT_MEM_FRACTION"] = f"{0.75 * self.gpus:.3f}"
        return variables
