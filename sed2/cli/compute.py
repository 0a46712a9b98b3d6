"""`sed2 compute`: the curves of one model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sed2.cli.hosts import shared_out
from sed2.cli.options import Model, SpecArgument, Verbose, with_options, with_outputs
from sed2.cli.run_dir import RunDir, kept_in
from sed2.common import terminal
from sed2.options import ClusterOptions, HostOptions
from sed2.settings import Settings

if TYPE_CHECKING:
    from sed2.report.outputs import Outputs
    from sed2.results import ModelResult


@with_options(Settings, ClusterOptions, HostOptions)
@shared_out
@with_outputs("json", "csv", "plot", "html")
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
    from sed2.common.compilation import use_compilation_cache
    from sed2.hosts import leads, together

    use_compilation_cache()
    with kept_in(run_dir) as run, terminal.progress("sampling", wanted=leads()) as progress:
        result = api.compute(spec, model=model, run_dir=run, progress=progress, **options)
    together(lambda: _tell(result, outputs, verbose) if leads() else None)


def _tell(result: ModelResult, outputs: Outputs, verbose: bool) -> None:
    from sed2.report.tables.checked import print_plan
    from sed2.report.tables.model import print_compute, print_smc

    outputs.write(result)
    for warning in result.warnings:
        terminal.warn(warning)
    if not outputs.json_on_stdout:
        print_compute(terminal.out(), result)
        if verbose:
            print_plan(terminal.out(), result.name, result.plan)
            print_smc(terminal.out(), result)
