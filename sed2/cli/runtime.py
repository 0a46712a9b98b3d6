"""What a command sets up before JAX compiles anything, and how it was called.

A library must not; we may."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn


def compilation_cache() -> Path:
    """In `$SED2_CACHE_DIR`, by default the user's cache folder."""
    import pooch

    return Path(os.environ.get("SED2_CACHE_DIR") or pooch.os_cache("sed2")) / "xla"


def use_compilation_cache() -> None:
    """Keep compiled programs on disk, so that the second run of a spec compiles nothing.

    A folder that cannot be written costs time, not correctness, so JAX merely goes on without
    it."""
    import jax

    jax.config.update("jax_compilation_cache_dir", str(compilation_cache()))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def leave(code: int) -> NoReturn:
    """End the process; without further ado where others work with it still (`sed2.hosts`)."""
    hosts = sys.modules.get("sed2.hosts")  # where nothing has imported it, this one is alone
    if hosts is not None and hosts.are_several():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def command_line(arguments: Sequence[str] | None = None) -> str:
    """The command as one would type it again, with the `SED2_*` variables that are settings.

    Args:
        arguments: by default those of this process.
    """
    from sed2.settings import variables

    given = sys.argv[1:] if arguments is None else arguments
    settings = (f"{name}={shlex.quote(value)}" for name, value in variables(os.environ).items())
    return " ".join([*settings, shlex.join(["sed2", *given])])
