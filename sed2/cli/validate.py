"""`sed2 validate`: check a spec, compute nothing."""

from __future__ import annotations

from typing import Any

from sed2.cli.options import SpecArguments, Verbose, as_spec, with_options
from sed2.common import terminal
from sed2.settings import Settings


@with_options(Settings)
def validate(
    spec: SpecArguments,
    *,
    verbose: Verbose = False,
    options: dict[str, Any],
) -> None:
    """Check a spec, its settings and its fit to the data. Computes nothing.

    \b
    Examples:
      sed2 validate configs/mlps.yaml
      sed2 validate "MLP 54-16-7" --dataset covertype --eps 1e-3:1e-1
    """
    from sed2 import api
    from sed2.report.tables.checked import print_checked, print_plan

    checked = api.validate(as_spec(spec), plan=verbose, **options)
    print_checked(terminal.out(), checked)
    if verbose:
        for model in checked:
            print_plan(terminal.out(), model.name, model.plan)
