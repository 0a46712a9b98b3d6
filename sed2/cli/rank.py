"""`sed2 rank`: all models of a file, best first."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sed2.cli import options as shared
from sed2.cli.telling import at_work, tell
from sed2.options import TRAINING, ClusterOptions, DecidingOptions, LimitOptions, TrainingSettings
from sed2.settings import BUDGET, RANKED_BY, Settings


@shared.with_options(
    *(Settings, DecidingOptions, LimitOptions, TrainingSettings, ClusterOptions),
    score=RANKED_BY,
    eps="0.3; with --score lower 1e-3:1e-1:25",
)
@shared.with_outputs("json", "csv", "plot", "html", "mlflow", "wandb")
def rank(
    spec: shared.SpecArguments,
    *,
    until_decided: Annotated[
        bool,
        typer.Option(
            "--until-decided",
            help="Add draws and inputs where two neighbours are not told apart yet.",
            rich_help_panel=BUDGET.title,
        ),
    ] = False,
    train: Annotated[
        bool,
        typer.Option(
            "--train",
            help="Train every model as well, and correlate the score with the losses.",
            rich_help_panel=TRAINING.title,
        ),
    ] = False,
    baselines: Annotated[
        bool,
        typer.Option(
            "--baselines",
            help="Take the measures that 2sED has to beat as well: synflow, ..., early losses.",
        ),
    ] = False,
    allow_mixed: shared.AllowMixed = False,
    run_dir: shared.RunDir = None,
    verbose: shared.Verbose = False,
    outputs: shared.Outputs,
    options: dict[str, Any],
) -> None:
    """All models of a file, best first, and what to do about it.

    Ordered by `--score`: at eps_n of Theorem 5.1 with `--n-train`, else at `--eps`, by the mean if
    that is a grid. With `--train` every model is also trained, and the table tells whether the
    score predicts the loss.

    \b
    Examples:
      sed2 rank configs/mlps.yaml
      sed2 rank configs/mlps.yaml --score lower --eps 1e-3:1e-1
      sed2 rank configs/mlps.yaml --n-train 100000 --html rank.html --csv r.csv
      sed2 rank configs/mlps.yaml --until-decided --decide-at 0.9 --max-draws 400
      sed2 rank configs/mlps.yaml --n-train 10000 --train --epochs 100 --baselines
      sed2 rank "MLP 54-8-7" "MLP 54-16-7" --dataset covertype
      sed2 rank example:mlps --run-dir runs/mlps
      sed2 rank configs/mlps.yaml --run-dir runs/mlps --ray auto --ray-cpus 2
    """
    from sed2 import api

    with at_work(run_dir) as work:
        ranking = api.rank(
            shared.as_spec(spec),
            until_decided=until_decided,
            train=train,
            baselines=baselines,
            allow_mixed=allow_mixed,
            **work,
            **options,
        )
    tell(ranking, outputs, verbose=verbose)
