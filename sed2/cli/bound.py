"""`sed2 bound`: the generalisation bound of one model."""

from __future__ import annotations

from typing import Any

from sed2.cli import options as shared
from sed2.cli.telling import at_work, tell
from sed2.options import ClusterOptions, TheoremConstants
from sed2.settings import Settings


@shared.with_options(TheoremConstants, Settings, ClusterOptions, zeta="2/3")
@shared.with_outputs("json")
def bound(
    spec: shared.SpecArgument,
    *,
    model: shared.Model = None,
    run_dir: shared.RunDir = None,
    verbose: shared.Verbose = False,
    outputs: shared.Outputs,
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
