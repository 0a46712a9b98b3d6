"""How a command was called, and how its process ends."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from typing import NoReturn

from sed2.common import terminal


def leave(code: int) -> NoReturn:
    """End the process; without further ado where others work with it still (`sed2.hosts`)."""
    terminal.hush()
    hosts = sys.modules.get("sed2.hosts")  # where nothing has imported it, this one is alone
    if hosts is not None and hosts.are_several():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def command_line(arguments: Sequence[str] | None = None) -> str:
    """The command as one would type it again, with the `SED2_*` variables that are options.

    Args:
        arguments: by default those of this process.
    """
    from sed2.options import variables

    given = sys.argv[1:] if arguments is None else arguments
    settings = (f"{name}={shlex.quote(value)}" for name, value in variables(os.environ).items())
    return " ".join([*settings, shlex.join(["sed2", *given])])
