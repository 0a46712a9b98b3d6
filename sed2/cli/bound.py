"""`sed2 bound`: the generalisation bound of one model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sed2.cli.options import Model, SpecArgument, Verbose, with_options, with_outputs
from sed2.cli.run_dir import RunDir
from sed2.cli.telling import at_work, tell
from sed2.options import ClusterOptions, TheoremConstants
from sed2.settings import Settings

if TYPE_CHECKING:
    from sed2.report.outputs import Outputs


@with_options(TheoremConstants, Settings, ClusterOptions, zeta="2/3")
@with_outputs("json")
def bound(
    spec: SpecArgument,
    *,
    model: Model = None,
    run_dir: RunDir = None,
    verbose: Verbose = False,
    outputs: Outputs,
    options: dict[str, Any],
) -> None:
    """Generalisation bound of one model for n training points.

    Needs --n-train and --lipschitz. Shows Theorem 5.1 at eps_n and the covering numbers of
    Lemma B.2 over eps, what they assume and on whose word, and says `vacuous` where they tell
    nothing.

    \b
    Examples:
      sed2 bound "MLP 54-16-7" --dataset covertype --n-train 100000 --lipschitz 1
      sed2 bound model.yaml --n-train 1e6 --gamma 0.5 --lipschitz 2 --json -
    """
    from sed2 import api

    with at_work(run_dir) as work:
        result = api.bound(spec, model=model, **work, **options)
    tell(result, outputs, verbose=verbose)
