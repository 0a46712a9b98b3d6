"""`sed2 report`: the ranking of a run directory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from sed2.cli.options import Outputs, with_outputs
from sed2.cli.telling import tell
from sed2.common import terminal


@with_outputs("json", "csv", "plot", "html", "mlflow", "wandb")
def report(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="A folder that `sed2 rank --run-dir` has made.")
    ],
    *,
    outputs: Outputs,
) -> None:
    """The ranking of a run directory, as far as the run came.

    Shows and writes what `sed2 rank` does, of the models that are finished, and warns of those that
    are not. Computes nothing and changes nothing in the folder. A folder of another command than
    `rank` holds no ranking: there the same command, given again, shows what is finished.

    \b
    Examples:
      sed2 report runs/mlps
      sed2 report runs/mlps --html ranking.html --json ranking.json
    """
    from sed2.runs.loading import load_run

    run = load_run(directory, terminal.warn)
    tell(run.ranking, replace(outputs, command=run.manifest.command))
