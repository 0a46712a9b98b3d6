"""`sed2 rank`: all models of a file, best first."""

from __future__ import annotations

from typing import Annotated, Any

import typer

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
from sed2.cli.ray import Ray, RayCpus, RayGpus, cluster_of
from sed2.cli.run_dir import RunDir, kept_in
from sed2.common import terminal


def _number(help_: str) -> Any:
    return typer.Option(metavar="NUMBER", help=help_)


@with_settings
def rank(
    spec: SpecArgument,
    *,
    json: Json = None,
    csv: Csv = None,
    plot: Plot = None,
    html: Html = None,
    allow_import: AllowImport = False,
    allow_partial: AllowPartial = False,
    verbose: Verbose = False,
    until_decided: Annotated[
        bool,
        typer.Option(
            "--until-decided",
            help="Add draws and inputs where two neighbours are not told apart yet.",
        ),
    ] = False,
    decide_at: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER",
            help="Probability demanded of every order of neighbours. [default: 0.95]",
        ),
    ] = None,
    max_draws: Annotated[
        str | None,
        typer.Option(metavar="NUMBER", help="Draws per model at most. [default: 8 times --draws]"),
    ] = None,
    max_samples: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER", help="Inputs per model at most. [default: 8 times --samples]"
        ),
    ] = None,
    train: Annotated[
        bool,
        typer.Option(
            "--train", help="Train every model as well, and correlate the score with the losses."
        ),
    ] = False,
    epochs: Annotated[
        str | None, _number("Passes over the training set of --train. [default: 10]")
    ] = None,
    batch_size: Annotated[str | None, _number("Rows of one step. [default: 64]")] = None,
    learning_rate: Annotated[str | None, _number("Step size of Adam. [default: 0.001]")] = None,
    train_seeds: Annotated[
        str | None, _number("Trainings of each model, to average. [default: 3]")
    ] = None,
    train_samples: Annotated[
        str | None, _number("Rows to train on. [default: those of --n-train, or all]")
    ] = None,
    baselines: Annotated[
        bool,
        typer.Option(
            "--baselines", help="Take the measures that 2sED has to beat as well: synflow, ..."
        ),
    ] = False,
    run_dir: RunDir = None,
    ray: Ray = None,
    ray_cpus: RayCpus = None,
    ray_gpus: RayGpus = None,
    settings: dict[str, Any],
) -> None:
    """All models of a file, largest lower 2sED first.

    Ordered at eps_n of Theorem 5.1 with `--n-train`, else by the mean over the eps grid. With
    `--train` every model is also trained, and the table tells whether the score predicts the loss.

    \b
    Examples:
      sed2 rank configs/mlps.yaml --eps 1e-3:1e-1
      sed2 rank configs/mlps.yaml --n-train 100000 --html rank.html --csv r.csv
      sed2 rank configs/mlps.yaml --until-decided --decide-at 0.9 --max-draws 400
      sed2 rank configs/mlps.yaml --n-train 10000 --train --epochs 100 --baselines
      sed2 rank configs/mlps.yaml --run-dir runs/mlps
      sed2 rank configs/mlps.yaml --run-dir runs/mlps --ray auto --ray-cpus 2
    """
    from sed2.cli.runtime import command_line
    from sed2.common.compilation import use_compilation_cache
    from sed2.report.outputs import Outputs

    outputs = Outputs.check(json=json, csv=csv, plot=plot, html=html, command=command_line())
    from sed2 import api
    from sed2.report.tables.checked import print_plan
    from sed2.report.tables.model import print_smc
    from sed2.report.tables.ranking import print_rank, ranking_warnings

    use_compilation_cache()
    cluster = cluster_of(ray, ray_cpus, ray_gpus)
    with kept_in(run_dir) as run, terminal.progress("sampling") as progress:
        ranking = api.rank(
            spec,
            allow_import=allow_import,
            allow_partial=allow_partial,
            until_decided=until_decided,
            decide_at=decide_at,
            max_draws=max_draws,
            max_samples=max_samples,
            train=train,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            train_seeds=train_seeds,
            train_samples=train_samples,
            baselines=baselines,
            run_dir=run,
            ray=cluster,
            progress=progress,
            **settings,
        )
    for warning in ranking_warnings(ranking):
        terminal.warn(warning)
    if not outputs.json_on_stdout:
        print_rank(terminal.out(), ranking)
        if verbose:
            for model in ranking.models:
                print_plan(terminal.out(), model.result.name, model.result.plan)
                print_smc(terminal.out(), model.result)
    outputs.write_rank(ranking)
