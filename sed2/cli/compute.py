"""`sed2 compute`: the curves of one model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sed2.cli.hosts import Coordinator, Distributed, HostTimeout, Process, Processes, sharing_out
from sed2.cli.options import (
    AllowImport,
    AllowPartial,
    Csv,
    Html,
    Json,
    Plot,
    SpecArgument,
    Verbose,
    with_settings,
)
from sed2.common import terminal

if TYPE_CHECKING:
    from sed2.report.outputs import Outputs
    from sed2.results import ModelResult


@with_settings
def compute(
    spec: SpecArgument,
    *,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which model of a file with several.")
    ] = None,
    json: Json = None,
    csv: Csv = None,
    plot: Plot = None,
    html: Html = None,
    allow_import: AllowImport = False,
    allow_partial: AllowPartial = False,
    verbose: Verbose = False,
    distributed: Distributed = False,
    coordinator: Coordinator = None,
    processes: Processes = None,
    process: Process = None,
    host_timeout: HostTimeout = None,
    settings: dict[str, Any],
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
    from sed2.hosts import leads, together

    with sharing_out(distributed, coordinator, processes, process, host_timeout):
        files = {"json": json, "csv": csv, "plot": plot, "html": html} if leads() else {}
        outputs = together(lambda: _check(files))
        from sed2 import api
        from sed2.common.compilation import use_compilation_cache

        use_compilation_cache()
        with terminal.progress("sampling", wanted=leads()) as progress:
            result = api.compute(
                spec,
                model=model,
                allow_import=allow_import,
                allow_partial=allow_partial,
                progress=progress,
                **settings,
            )
        together(lambda: _tell(result, outputs, verbose) if leads() else None)


def _check(files: dict[str, Any]) -> Outputs:
    from sed2.cli.runtime import command_line
    from sed2.report.outputs import Outputs

    return Outputs.check(**files, command=command_line())


def _tell(result: ModelResult, outputs: Outputs, verbose: bool) -> None:
    from sed2.report.tables.checked import print_plan
    from sed2.report.tables.model import print_compute, print_smc

    for warning in result.warnings:
        terminal.warn(warning)
    if not outputs.json_on_stdout:
        print_compute(terminal.out(), result)
        if verbose:
            print_plan(terminal.out(), result.name, result.plan)
            print_smc(terminal.out(), result)
    outputs.write_compute(result)
