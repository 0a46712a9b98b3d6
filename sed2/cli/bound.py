"""`sed2 bound`: the generalisation bound of one model."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import typer

from sed2.cli.options import AllowImport, AllowPartial, Json, SpecArgument, Verbose, with_settings
from sed2.common import terminal


@partial(with_settings, zeta="2/3")
def bound(
    spec: SpecArgument,
    *,
    lipschitz: Annotated[
        str | None,
        typer.Option(
            metavar="L",
            help="Lipschitz constant of the normalised Fisher field on the unit cube, your word.",
        ),
    ] = None,
    theorem_k: Annotated[
        str | None,
        typer.Option(
            metavar="K",
            help="The theorem's constant K, your word; not the number of draws. 1 is assumed.",
        ),
    ] = None,
    theorem_c: Annotated[
        str | None,
        typer.Option(metavar="C", help="The theorem's constant C, your word; else left as C."),
    ] = None,
    loss_bound: Annotated[
        str | None,
        typer.Option(metavar="B", help="b of a loss in [0, 2b], your word, to judge C eps_n by."),
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which model of a file with several.")
    ] = None,
    json: Json = None,
    allow_import: AllowImport = False,
    allow_partial: AllowPartial = False,
    verbose: Verbose = False,
    settings: dict[str, Any],
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
    from sed2.report.outputs import Outputs

    outputs = Outputs.check(json=json)
    from sed2 import api
    from sed2.common.compilation import use_compilation_cache
    from sed2.report.tables.bound import print_bound
    from sed2.report.tables.checked import print_plan

    use_compilation_cache()
    with terminal.progress("sampling") as progress:
        result = api.bound(
            spec,
            lipschitz=lipschitz,
            theorem_k=theorem_k,
            theorem_c=theorem_c,
            loss_bound=loss_bound,
            model=model,
            allow_import=allow_import,
            allow_partial=allow_partial,
            progress=progress,
            **settings,
        )
    for warning in result.warnings:
        terminal.warn(warning)
    if not outputs.json_on_stdout:
        print_bound(terminal.out(), result)
        if verbose:
            print_plan(terminal.out(), result.model.name, result.model.plan)
    outputs.write_bound(result)
