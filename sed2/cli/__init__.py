"""The command line: one thin file per command. Nothing outside this package prints or exits."""

import os

# Looking for pydantic's plugins reads every installed package, which `--help` should not wait for.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

from sed2.cli.app import main

__all__ = ["main"]
