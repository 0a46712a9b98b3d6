"""`sed2 doctor`: what sed2 finds on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from sed2.cli.options import with_outputs
from sed2.common import terminal
from sed2.errors import ExitCode

if TYPE_CHECKING:
    from sed2.report.outputs import Outputs


@with_outputs("json")
def doctor(*, outputs: Outputs) -> None:
    """What sed2 finds on this machine, and what is wrong with it.

    Versions, devices, precision, memory, cache and data.

    Exits with 0 if nothing is wrong; what is merely missing, such as data that can be fetched, is
    not. The first fault decides otherwise: 4 for data, 5 for precision.

    \b
    Examples:
      sed2 doctor
      sed2 doctor --json -
    """
    from dataclasses import asdict

    from sed2.cli.environment import examine
    from sed2.common.compilation import compilation_cache
    from sed2.report.layout import Table, print_table

    findings = examine(compilation_cache())
    faults = [finding for finding in findings if finding.fault is not ExitCode.OK]
    outputs.write(
        {
            "schema_version": 1,
            "healthy": not faults,
            "findings": [asdict(one) | {"fault": int(one.fault) or None} for one in findings],
        }
    )
    if not outputs.json_on_stdout:
        rows = [[one.what, one.found] for one in findings]
        print_table(terminal.out(), Table(["", "found"], rows, text=(0, 1), named=1))
    for finding in findings:
        if finding.mend:
            tell = terminal.fail if finding in faults else terminal.warn
            tell(f"{finding.what}: {finding.found}. {finding.mend}")
    if faults:
        raise typer.Exit(int(faults[0].fault))
