"""The command line: one thin file per command. Nothing outside this package prints or exits."""

import os
import sys

# Looking for pydantic's plugins reads every installed package, which `--help` should not wait for.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def main() -> None:
    """Run the command line and exit with a code of `sed2.errors.ExitCode`."""
    try:
        from sed2.common import interrupts

        interrupts.prepare()
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted\n")
        sys.exit(130)
    from sed2.cli import app  # with all that takes its time

    app.main()


__all__ = ["main"]
