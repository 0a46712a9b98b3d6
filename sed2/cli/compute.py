"""`sed2 compute`: the curves of one model."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sed2 import terminal
from sed2.cli.options import (
    AllowImport,
    AllowPartial,
    Csv,
    Html,
    Json,
    Plot,
    Spec,
    Verbose,
    with_settings,
)


@with_settings
def compute(
    spec: Spec,
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
    settings: dict[str, Any],
) -> None:
    """Curves of 2sED and lower 2sED of one model over eps.

    \b
    Examples:
      sed2 compute "MLP 54-16-7" --dataset covertype
      sed2 compute model.yaml --dataset my.csv --label kind --standardize
      sed2 compute configs/mlps.yaml --model "MLP 54-16-7" --plot curve.pdf
      sed2 compute "MLP 54-16-7" --dataset covertype --html curve.html
    """
    from sed2.cli.runtime import command_line, use_compilation_cache
    from sed2.report.files import Outputs

    outputs = Outputs.check(json=json, csv=csv, plot=plot, html=html, command=command_line())
    from sed2 import api
    from sed2.report import tables

    use_compilation_cache()
    with terminal.progress("sampling") as progress:
        result = api.compute(
            spec,
            model=model,
            allow_import=allow_import,
            allow_partial=allow_partial,
            progress=progress,
            **settings,
        )
    for warning in result.warnings:
        terminal.warn(warning)
    if not outputs.json_on_stdout:
        tables.print_compute(terminal.out(), result)
        if verbose:
            tables.print_plan(terminal.out(), result.name, result.plan)
            tables.print_smc(terminal.out(), result)
    outputs.write_compute(result)
