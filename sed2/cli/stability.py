"""`sed2 stability`: whether a ranking is settled at these settings."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sed2.cli import options as shared
from sed2.cli.telling import at_work, tell
from sed2.options import ClusterOptions
from sed2.settings import Settings


def _grid(name: str, what: str, default: str) -> Any:
    return typer.Option(
        f"--{name}-grid", metavar="A,B,...", help=f"{what}, ascending. [default: {default}]"
    )


@shared.with_options(Settings, ClusterOptions, input_groups="0 here")
@shared.with_outputs("json", "csv", "plot")
def stability(
    spec: shared.SpecArguments,
    *,
    samples_grid: Annotated[
        str | None,
        _grid("samples", "N, cut to the rows of the data", "50,100,200,500,1000,2000"),
    ] = None,
    draws_grid: Annotated[str | None, _grid("draws", "K", "25,50,100,250,500,1000")] = None,
    sigma_grid: Annotated[str | None, _grid("sigma", "sigma", "1e-4,1e-3,1e-2,1e-1,1")] = None,
    seeds: Annotated[
        str | None,
        typer.Option(metavar="S", help="How many seeds, from --seed on. [default: 5]"),
    ] = None,
    allow_mixed: shared.AllowMixed = False,
    run_dir: shared.RunDir = None,
    verbose: shared.Verbose = False,
    outputs: shared.Outputs,
    options: dict[str, Any],
) -> None:
    """Whether the ranking is settled at these settings.

    Varies N, K and sigma one at a time, the others as given, under several seeds, and says what
    N and K would settle the ranking.

    \b
    Examples:
      sed2 stability configs/mlps.yaml --plot stability.png
      sed2 stability s.yaml --samples-grid 100,500 --draws-grid 100,400 --json -
    """
    from sed2 import api

    with at_work(run_dir) as work:
        result = api.stability(
            shared.as_spec(spec),
            samples_grid=samples_grid,
            draws_grid=draws_grid,
            sigma_grid=sigma_grid,
            seeds=seeds,
            allow_mixed=allow_mixed,
            **work,
            **options,
        )
    tell(result, outputs, verbose=verbose)
