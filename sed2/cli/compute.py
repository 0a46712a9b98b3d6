"""`sed2 compute`: the curves of one model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sed2.cli.hosts import shared_out
from sed2.cli.options import Model, SpecArgument, Verbose, with_options, with_outputs
from sed2.cli.run_dir import RunDir
from sed2.cli.telling import at_work, tell
from sed2.options import ClusterOptions, HostOptions
from sed2.settings import Settings

if TYPE_CHECKING:
    from sed2.report.outputs import Outputs


@with_options(Settings, ClusterOptions, HostOptions)
@shared_out
@with_outputs("json", "csv", "plot", "html", "mlflow", "wandb")
def compute(
    spec: SpecArgument,
    *,
    model: Model = None,
    run_dir: RunDir = None,
    verbose: Verbose = False,
    outputs: Outputs,
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
