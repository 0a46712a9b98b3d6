"""`--distributed`: this process is one of several, of which the first one speaks and writes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from sed2.common import terminal

Distributed = Annotated[
    bool,
    typer.Option(
        "--distributed",
        help="Share the draws out over the devices of several processes, which all run the same "
        "command. JAX finds them under SLURM, Kubernetes, Open MPI and on TPU; elsewhere the next "
        "three options say what it would find.",
    ),
]
Coordinator = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help="Where the processes meet: a free port of process 0's machine. "
        "[default: $JAX_COORDINATOR_ADDRESS]",
    ),
]
Processes = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="How many processes there are.")
]
Process = Annotated[
    int | None, typer.Option(metavar="I", min=0, help="Which of them this is, from 0.")
]
HostTimeout = Annotated[
    int | None,
    typer.Option(
        metavar="SECONDS",
        min=1,
        help="How long to wait for all processes to come, and for a sign of life from each. "
        "[default: 300]",
    ),
]


@contextmanager
def sharing_out(
    distributed: bool,
    coordinator: str | None,
    processes: int | None,
    process: int | None,
    host_timeout: int | None,
) -> Iterator[None]:
    """As `sed2.hosts.joined`, if one of the options asks for it.

    Raises:
        UsageError: the options do not go together, or the processes did not come together.
    """
    if not distributed and (coordinator, processes, process) == (None, None, None):
        if host_timeout is not None:
            from sed2.request import refuse_without  # which imports JAX

            words = {"host_timeout": host_timeout}
            refuse_without("--distributed", "no process is waited for", words)
        yield
        return
    from sed2.hosts import Meeting, joined

    if processes is not None:  # else it is JAX that reads the variable
        coordinator = coordinator or os.environ.get("JAX_COORDINATOR_ADDRESS")
    timeout = Meeting.timeout if host_timeout is None else host_timeout
    meeting = Meeting(coordinator, processes, process, timeout)
    terminal.reserve_stdout()  # the collectives of the CPU tell there that they are connected
    with joined(meeting):
        yield
