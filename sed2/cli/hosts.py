"""`--distributed`: this process is one of several, of which the first one speaks and writes."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sed2.common import terminal
from sed2.options import HostOptions
from sed2.settings import resolve


def shared_out(command: Callable[..., None]) -> Callable[..., None]:
    """Run a command within `sed2.hosts.joined`, if one of its `HostOptions` asks for it."""

    @functools.wraps(command)
    def run(*, options: dict[str, Any], **arguments: Any) -> None:
        given = {name: options.pop(name) for name in HostOptions.fields() if name in options}
        with _joined(given):
            command(**arguments, options=options)

    return run


@contextmanager
def _joined(given: Mapping[str, Any]) -> Iterator[None]:
    """
    Raises:
        UsageError: the options do not go together, or the processes did not come together.
    """
    its = resolve(given, os.environ, of=HostOptions)
    coordinator = its.coordinator
    if not its.distributed and (coordinator, its.processes, its.process) == (None, None, None):
        if given:
            from sed2.request import refuse_without  # which imports JAX

            words = {"host_timeout": given.get("host_timeout")}
            refuse_without("distributed", "no process is waited for", words)
        yield
        return
    from sed2.hosts import Meeting, joined

    if its.processes is not None:  # else it is JAX that reads the variable
        coordinator = coordinator or os.environ.get("JAX_COORDINATOR_ADDRESS")
    meeting = Meeting(coordinator, its.processes, its.process, its.host_timeout)
    terminal.reserve_stdout()  # the collectives of the CPU tell there that they are connected
    with joined(meeting):
        yield
