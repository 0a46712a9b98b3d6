"""Several processes, on one machine or many, that do the work of one together.

Each runs the same command. `jax.distributed` joins them, and their devices share the draws out
(`sed2.common.devices`). Here is the rest: how they come together, that all are asked for the same,
and that none waits for ever for another.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from typing import Any, TypeVar

import numpy as np

from sed2 import errors
from sed2.errors import HostError, NumericsError, Sed2Error, UsageError, shown

T = TypeVar("T")
_HAND = "give `coordinator` HOST:PORT, `processes` N and `process` I"
_HASH = 12  # characters of a hash that a message shows


@dataclass(frozen=True)
class Meeting:
    """Where the processes meet, and which of them this is: what is None, JAX finds out.

    Raises:
        UsageError: the three are not given together, or make no sense.
    """

    coordinator: str | None = None
    """HOST:PORT, on the machine of process 0."""
    processes: int | None = None
    process: int | None = None
    """From 0."""
    timeout: int = 300
    """Seconds to wait for all to come, and for a sign of life from each."""

    def __post_init__(self) -> None:
        given = (self.coordinator, self.processes, self.process)
        if given == (None, None, None):
            return
        if self.coordinator is None or self.processes is None or self.process is None:
            raise UsageError(
                "an address, the number of processes and that of this one go together",
                mend="Give `coordinator`, `processes` and `process`, or none of them where JAX "
                "finds the cluster by itself (SLURM, Kubernetes, Open MPI, TPU)",
            )
        _, _, port = self.coordinator.rpartition(":")
        if not self._host or not port.isdigit() or not 0 < self._port < 2**16:
            raise UsageError(
                f"`{shown(self.coordinator)}` is no address",
                mend="Write HOST:PORT, such as node1:9911",
                where="coordinator",
            )
        if not 0 <= self.process < self.processes:
            raise UsageError(
                f"there is no process {self.process} of {self.processes}",
                mend="Count from 0",
                where="process",
            )

    @property
    def _host(self) -> str:
        return (self.coordinator or "").rpartition(":")[0].strip("[]")

    @property
    def _port(self) -> int:
        return int((self.coordinator or "").rpartition(":")[2])

    def check_port(self) -> None:
        """Where this process is to listen, that it can; JAX itself would crash.

        Raises:
            UsageError: the port is taken.
        """
        if self.process != 0:
            return
        try:
            socket.create_server(("", self._port)).close()
        except OSError as error:
            raise UsageError(
                f"cannot listen on port {self._port}: {error.strerror}",
                mend="Take another port, in every process",
                where="coordinator",
            ) from error

    def missed(self) -> UsageError:
        """What to say if they did not come together in time."""
        where = "coordinator" if self.coordinator else "distributed"
        at = self.coordinator or "the address that JAX has found"
        if self.coordinator and self.process and not self._is_open():
            cause = f"no process 0 at {at} within {self.timeout} s"
        else:
            cause = f"not all processes came to {at} within {self.timeout} s"
        return UsageError(
            cause,
            mend="Start all of them, with the same address and number of processes, and let the "
            "port through; or raise `host_timeout`",
            where=where,
        )

    def _is_open(self) -> bool:
        try:
            socket.create_connection((self._host, self._port), timeout=5).close()
        except OSError:
            return False
        return True


@contextmanager
def joined(meeting: Meeting) -> Iterator[None]:
    """Within it this process is one of several, and leaves together with them.

    After an error that the others do not have they would wait for it, and it for them. So it does
    not leave then, `are_several` remains true, and the process has to end without further ado
    (`os._exit`): JAX then ends the others within the timeout, at once where they wait for a number.

    Raises:
        UsageError: they did not come together.
    """
    meeting.check_port()
    _join(meeting)
    import jax

    try:
        yield
    except HostError:
        raise
    except Sed2Error:  # which all of them raise
        jax.distributed.shutdown()
        raise
    jax.distributed.shutdown()


def _join(meeting: Meeting) -> None:
    """In a thread, which may be left behind: where it waits in vain, JAX aborts the process."""
    import jax

    # It would catch SIGTERM, to wait for a checkpoint. There is none, and a scheduler means it.
    jax.config.update("jax_enable_preemption_service", False)
    failed: list[Exception] = []

    def initialise() -> None:
        try:
            jax.distributed.initialize(
                meeting.coordinator,
                meeting.processes,
                meeting.process,
                initialization_timeout=2 * meeting.timeout,  # never before our own
                heartbeat_timeout_seconds=meeting.timeout,
                shutdown_timeout_seconds=meeting.timeout,
            )
        except Exception as error:
            failed.append(error)

    thread = Thread(target=initialise, daemon=True)
    thread.start()
    thread.join(meeting.timeout)
    if thread.is_alive():
        raise meeting.missed()
    if failed:
        raise UsageError(
            f"JAX cannot join the processes: {str(failed[0]).rstrip('.')}",
            mend=f"Where it does not find the cluster by itself, {_HAND}",
            where="distributed",
        ) from failed[0]


def are_several() -> bool:
    """Whether this process is one of several. JAX is not imported to find that out."""
    jax = sys.modules.get("jax")
    return jax is not None and jax.distributed.is_initialized()


def leads() -> bool:
    """Whether it is for this process to speak and to write."""
    if not are_several():
        return True
    import jax

    return bool(jax.process_index() == 0)


def together(step: Callable[[], T], told: Callable[[T], Mapping[str, Any]] = lambda _: {}) -> T:
    """Take a step that each process takes for itself, and go on if all of them can.

    Args:
        step: what may fail in one process alone, such as reading a file.
        told: of its result, what must be the same in all of them, by name: as JSON can say it.

    Raises:
        Sed2Error: that of the step, of this process or else of another one.
        UsageError: what is told differs.
        HostError: another process has stopped.
    """
    if not are_several():
        return step()
    from sed2.common.devices import exchanged

    own: Sed2Error | None = None
    try:
        result = step()
        mine = {"told": told(result)}
    except Sed2Error as error:
        own, mine = error, {"error": {"kind": type(error).__name__, "text": str(error)}}
    each = [json.loads(text) for text in exchanged(json.dumps(mine))]
    if own is not None:
        raise own
    for process, its in enumerate(each):
        if "error" in its:
            kind: type[Sed2Error] = getattr(errors, its["error"]["kind"])
            raise kind(f"process {process} has stopped: {its['error']['text']}")
    _refuse_differences([its["told"] for its in each])
    return result


def check_alike(numbers: np.ndarray) -> None:
    """Compare what the processes have found; all must call it.

    Raises:
        NumericsError: it differs by more than rounding.
        HostError: another process has stopped.
    """
    if not are_several():
        return
    from sed2.common.devices import exchanged

    each = [json.loads(text) for text in exchanged(json.dumps(numbers.tolist()))]
    for process, its in enumerate(each):
        if not np.allclose(each[0], its, rtol=1e-9, atol=0, equal_nan=True):
            raise NumericsError(
                f"processes 0 and {process} have come to different numbers",
                mend="Run all of them on machines of one kind",
            )


def _refuse_differences(told: list[dict[str, Any]]) -> None:
    first = told[0]
    for process, other in enumerate(told):
        names = [name for name in first | other if first.get(name) != other.get(name)]
        if names:
            found = "; ".join(
                f"{name}: {_short(first.get(name))} and {_short(other.get(name))}" for name in names
            )
            raise UsageError(
                f"processes 0 and {process} are not asked for the same ({found})",
                mend="Give all of them the same command, files and packages",
            )


def _short(value: Any) -> str:
    text = shown(value)
    return f"{text[:_HASH]}..." if len(text) > 4 * _HASH and " " not in text else text
