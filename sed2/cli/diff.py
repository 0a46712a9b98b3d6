"""`sed2 diff`: what changed between two results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sed2.cli.options import Outputs, with_outputs
from sed2.common import terminal


def _document(name: str, help_: str) -> typer.models.ArgumentInfo:
    return typer.Argument(metavar=name, help=help_)


@with_outputs("json")
def diff(
    before: Annotated[Path, _document("A.json", "A result of `compute`, `rank` or `gate`.")],
    after: Annotated[Path, _document("B.json", "A later one, of the same command.")],
    *,
    outputs: Outputs,
) -> None:
    """What changed between two results.

    Settings, data, versions, scores and places. Reads what `--json` of `compute`, `rank` or `gate`
    has written; models are known by their names. Exits with 0 whatever has changed: `sed2 gate`
    judges a change.

    \b
    Examples:
      sed2 diff before.json after.json
      sed2 diff main.json branch.json --json diff.json
    """
    from sed2.report.comparison import compare
    from sed2.report.documents.stored import read_document
    from sed2.report.tables.diff import print_diff

    comparison = compare(read_document(before), read_document(after))
    outputs.write(comparison)
    if not outputs.json_on_stdout:
        print_diff(terminal.out(), comparison)
