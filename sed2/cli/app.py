"""The Typer app, and the one place where errors become exit codes."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from sed2 import terminal
from sed2.cli import compute, datasets, rank, schema, validate
from sed2.errors import ExitCode, Sed2Error

EPILOG = "Examples: `sed2 rank configs/mlps.yaml --eps 1e-3:1e-1`, \
`sed2 compute 'MLP 54-16-7' --dataset covertype --plot curve.png`"

app = typer.Typer(
    name="sed2",
    help="Rank neural architectures before training them, by the two-scale effective dimension.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(compute.compute)
app.command()(rank.rank)
app.command()(validate.validate)
app.add_typer(datasets.app, name="datasets")
app.command()(schema.schema)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"sed2 {version('sed2')}")
        raise typer.Exit


@app.callback()
def root(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error.", envvar="SED2_DEBUG")
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    os.environ["SED2_DEBUG"] = "1" if debug else ""


def main() -> None:
    """Run the command line and exit with a code of `sed2.errors.ExitCode`."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code.

    Raises:
        Exception: the original error, with --debug.
    """
    debug = "--debug" in arguments or bool(os.environ.get("SED2_DEBUG"))
    try:
        # Typer exits for usage errors (2) and for an interrupt (130) by itself.
        app(arguments, standalone_mode=True)
    except SystemExit as exit_:
        return int(exit_.code or 0)
    except Sed2Error as error:
        if debug:
            raise
        terminal.fail(str(error))
        return int(error.exit_code)
    except MemoryError:
        terminal.fail("out of memory. Take fewer --samples, or a lower --memory-gb")
        return int(ExitCode.NUMERICS)
    except Exception as error:
        if debug:
            raise
        terminal.fail(
            f"a defect of sed2: {type(error).__name__}: {error}. "
            "Please report it with the output of the same command with --debug"
        )
        return int(ExitCode.DEFECT)
    return int(ExitCode.OK)
