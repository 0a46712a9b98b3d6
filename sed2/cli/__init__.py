"""The command line: one thin file per command. Nothing outside this package prints or exits."""

from sed2.cli.app import main

__all__ = ["main"]
