"""`--run-dir`: what is finished is kept, and an interrupt says how to go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sed2.common import interrupts, terminal
from sed2.errors import one_line
from sed2.options import OUTPUT

if TYPE_CHECKING:
    from sed2.runs.directory import RunDirectory

RunDir = Annotated[
    Path | None,
    typer.Option(
        "--run-dir",
        metavar="DIR",
        help="Keep spectra and results in this folder; the same command goes on from there, and "
        "one with other eps takes the spectra.",
        rich_help_panel=OUTPUT.title,
    ),
]


@contextmanager
def kept_in(path: Path | None) -> Iterator[RunDirectory | None]:
    """The run directory of a command, or None without one; checked before the work.

    Raises:
        UsageError: it cannot be written.
    """
    if path is None:
        yield None
        return
    from sed2.cli.runtime import command_line
    from sed2.runs.directory import RunDirectory

    words = f"Interrupted. What was finished is kept in {path}: the same command goes on from there"
    try:
        with interrupts.told(one_line(words)):
            yield RunDirectory(path, command=command_line(), warn=terminal.warn, tell=terminal.say)
    except KeyboardInterrupt:
        terminal.say(words)
        raise
