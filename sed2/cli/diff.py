"""`sed2 diff`: what changed between two results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sed2.cli.options import Json
from sed2.common import terminal


def _document(name: str, help_: str) -> typer.models.ArgumentInfo:
    return typer.Argument(metavar=name, help=help_)


def diff(
    before: Annotated[Path, _document("A.json", "A result of `compute`, `rank` or `gate`.")],
    after: Annotated[Path, _document("B.json", "A later one, of the same command.")],
    *,
    json: Json = None,
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
    from sed2.common.files import check_files, replace_file
    from sed2.report.comparison import compare
    from sed2.report.documents.diff import diff_document
    from sed2.report.documents.stored import read_document
    from sed2.report.documents.text import to_json
    from sed2.report.tables.diff import print_diff

    file = None if json is None or json == "-" else Path(json)
    check_files({"--json": file}, taken={"A.json": before, "B.json": after})
    comparison = compare(read_document(before), read_document(after))
    document = to_json(diff_document(comparison))
    if json == "-":
        terminal.write(document)
        return
    print_diff(terminal.out(), comparison)
    if file:
        replace_file(file, document.encode())
