"""`sed2 init`: a spec to begin with."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from sed2.common import terminal
from sed2.errors import UsageError


def init(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")] = Path(
        "sed2.yaml"
    ),
) -> None:
    """Write a commented spec to begin with. A file that is there is kept.

    \b
    Examples:
      sed2 init
      sed2 init experiments/mlps.yaml
    """
    text = resources.files("sed2.spec").joinpath("starter.yaml").read_text("utf-8")
    try:
        with file.open("x", encoding="utf-8") as new:
            new.write(text)
    except FileExistsError:
        raise UsageError(
            f"there is a file `{file}` already, which is not overwritten",
            mend="Name another one, or remove it",
        ) from None
    except OSError as error:
        raise UsageError(
            f"cannot write `{file}`: {error.strerror or error}",
            mend="Name a file in a folder that exists and can be written",
        ) from error
    terminal.write(f"{file}: a spec to begin with; `sed2 rank {file}` runs it\n")
