"""`sed2 report`: the ranking of a run directory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sed2.cli.options import Csv, Html, Json, Plot
from sed2.common import terminal


def report(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="A folder that `sed2 rank --run-dir` has made.")
    ],
    *,
    json: Json = None,
    csv: Csv = None,
    plot: Plot = None,
    html: Html = None,
) -> None:
    """The ranking of a run directory, as far as the run came.

    Shows and writes what `sed2 rank` does, of the models that are finished, and warns of those that
    are not. Computes nothing and changes nothing in the folder.

    \b
    Examples:
      sed2 report runs/mlps
      sed2 report runs/mlps --html ranking.html --json ranking.json
    """
    from sed2.report.outputs import Outputs
    from sed2.report.tables.ranking import print_rank, ranking_warnings
    from sed2.runs.loading import load_run

    run = load_run(directory, terminal.warn)
    outputs = Outputs.check(json=json, csv=csv, plot=plot, html=html, command=run.manifest.command)
    for warning in ranking_warnings(run.ranking):
        terminal.warn(warning)
    if not outputs.json_on_stdout:
        print_rank(terminal.out(), run.ranking)
    outputs.write_rank(run.ranking)
