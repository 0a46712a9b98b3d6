"""`sed2 select`: which of the models of a file to train."""

from __future__ import annotations

from typing import Any

from sed2.cli import options as shared
from sed2.cli.telling import at_work, tell
from sed2.options import ClusterOptions, LimitOptions, SelectOptions, TrainingSettings
from sed2.settings import Settings


@shared.with_options(Settings, SelectOptions, LimitOptions, TrainingSettings, ClusterOptions)
@shared.with_outputs("json", "csv", "plot", "html", "mlflow", "wandb")
def select(
    spec: shared.SpecArguments,
    *,
    allow_mixed: shared.AllowMixed = False,
    run_dir: shared.RunDir = None,
    outputs: shared.Outputs,
    options: dict[str, Any],
) -> None:
    """Which model of a file to train, chosen within a budget.

    A measure of the untrained networks leaves out three quarters of them (`--prune-by`). Short
    trainings go on from where they were, each round with the better half, until one candidate has
    the lowest loss at the end with probability `--decide-at`, or the budget is spent. `--epochs`
    are those of a whole training.

    \b
    Examples:
      sed2 select configs/mlps.yaml --epochs 40
      sed2 select sweep.yaml --epochs 100 --budget 5% --html choice.html
      sed2 select sweep.yaml --budget 10min --prune-by none --run-dir runs/sweep
    """
    from sed2 import api

    with at_work(run_dir) as work:
        selection = api.select(shared.as_spec(spec), allow_mixed=allow_mixed, **work, **options)
    tell(selection, outputs)
