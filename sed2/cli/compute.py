"""`sed2 compute`: the curves of one model."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sed2.cli import options as shared
from sed2.cli.telling import at_work, tell
from sed2.common import terminal
from sed2.options import ClusterOptions, HostOptions
from sed2.settings import Settings, resolve


def _shared_out(command: Callable[..., None]) -> Callable[..., None]:
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


@shared.with_options(Settings, ClusterOptions, HostOptions)
@_shared_out
@shared.with_outputs("json", "csv", "plot", "html", "mlflow", "wandb")
def compute(
    spec: shared.SpecArgument,
    *,
    model: shared.Model = None,
    run_dir: shared.RunDir = None,
    verbose: shared.Verbose = False,
    outputs: shared.Outputs,
    options: dict[str, Any],
) -> None:
    """Curves of 2sED and lower 2sED of one model over eps.

    \b
    Examples:
      sed2 compute "MLP 54-16-7" --dataset covertype
      sed2 compute model.yaml --dataset my.csv --label kind --standardize
      sed2 compute configs/mlps.yaml --model "MLP 54-16-7" --plot curve.pdf
      sed2 compute "MLP 54-16-7" --dataset covertype --html curve.html

    \b
    On many machines, by SLURM with a task per GPU; or by hand, here the second:
      srun sed2 compute large.yaml --distributed --json large.json
      sed2 compute a.yaml --coordinator node1:9911 --processes 2 --process 1
    """
    from sed2 import api
    from sed2.hosts import leads, together

    with at_work(run_dir, shown=leads()) as work:
        result = api.compute(spec, model=model, **work, **options)
    together(lambda: tell(result, outputs, verbose=verbose) if leads() else None)
