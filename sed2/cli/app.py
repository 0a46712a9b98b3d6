"""The Typer app, and the one place where errors become exit codes."""

from __future__ import annotations

import errno
import logging
import os
import sys
import traceback
from functools import cache
from importlib import import_module
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from sed2.common import terminal, threads
from sed2.errors import ExitCode, Sed2Error, SpecError, UsageError, shown

_LONGEST_COMPLAINT = 300  # characters of Typer's words
EPILOG = """\b
Examples:
  sed2 rank configs/mlps.yaml --eps 1e-3:1e-1
  sed2 compute "MLP 54-16-7" --dataset covertype --plot curve.png
  sed2 --install-completion

\b
Exit codes:
  0    done; a gate passed
  1    a defect of sed2 itself
  2    the command line or the spec is wrong, or an output cannot be written
  3    a gate failed
  4    data is missing or unreadable
  5    the numbers failed, would not fit in memory, or another process stopped
  6    a gate could not decide
  130  interrupted; what was finished is kept

\b
Environment:
  SED2_*          any setting: SED2_DRAWS is --draws, which comes first
  SED2_CACHE_DIR  where compiled programs are kept
  SED2_DATA_DIR   where data sets are kept
  NO_COLOR        no colour, no progress bar
"""
COMMANDS = {
    "init": "Write a commented spec to begin with.",
    "compute": "Curves of 2sED and lower 2sED of one model over eps.",
    "rank": "All models of a file, best first, and what to do about it.",
    "select": "Which model of a file to train, chosen within a budget.",
    "report": "The ranking of a run directory, as far as the run came.",
    "gate": "Pass or fail a change of an architecture, against a baseline.",
    "stability": "Whether the ranking is settled at these settings.",
    "bound": "Generalisation bound of one model for n training points.",
    "diff": "What changed between two results.",
    "validate": "Check a spec, its settings and its fit to the data.",
    "schema": "Print the JSON Schema of the YAML.",
    "doctor": "What sed2 finds on this machine, and what is wrong with it.",
    "datasets": "What `--dataset` accepts, and getting it.",
}
"""The modules of `sed2.cli` with the commands, and how their help begins."""


@cache
def _command(name: str) -> Any:
    """Typer's command of that name; its options take longer to make than `--help` does."""
    module = import_module(f"sed2.cli.{name}")
    own = getattr(module, "app", None)
    if own is None:
        from sed2.cli.options import Grouped

        own = typer.Typer(add_completion=False, rich_markup_mode=None)
        own.command(cls=Grouped)(getattr(module, name))
    command = typer.main.get_command(own)
    command.name = name
    return command


class _Commands(dict[str, Any]):
    """By name; each is made when it is asked for."""

    def __getitem__(self, name: str) -> Any:
        return _command(name) if name in self else super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        return _command(name) if name in self else default

    def values(self) -> Any:
        return {name: _command(name) for name in self}.values()

    def items(self) -> Any:
        return {name: _command(name) for name in self}.items()


class _CommandGroup(TyperGroup):
    """All commands, of which `--help` shows the names and how their help begins."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _Commands(dict.fromkeys(COMMANDS))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


class _Said(logging.Handler):
    """What is logged during the work is said on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        terminal.say(record.getMessage())


logging.getLogger("sed2").addHandler(_Said())
logging.getLogger("matplotlib").setLevel(logging.ERROR)  # a cache it cannot write costs time only
app = typer.Typer(
    name="sed2",
    cls=_CommandGroup,
    help="Rank neural architectures before training them, by the two-scale effective dimension.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help reads better in 80 columns than Typer's panels
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from sed2.common.distribution import version

        terminal.write(f"sed2 {version()}\n")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error. [env var: SED2_DEBUG]")
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    asked = os.environ.get("SED2_DEBUG", "").strip().lower()
    if asked not in ("", "0", "1", "false", "true"):
        raise UsageError(f"it must be true or false, not `{shown(asked)}`", where="SED2_DEBUG")
    context.obj["debug"] = debug or asked in ("1", "true")


def main() -> None:
    """Run the command line and exit with a code of `sed2.errors.ExitCode`."""
    threads.prepare()
    terminal.make_ready()
    leave(run(sys.argv[1:]))


def leave(code: int) -> NoReturn:
    """End the process; without further ado where others work with it still (`sed2.hosts`)."""
    terminal.hush()
    hosts = sys.modules.get("sed2.hosts")  # where nothing has imported it, this one is alone
    if hosts is not None and hosts.are_several():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code."""
    options = {"debug": False}
    try:
        # An interrupt is an exit (130) to Typer.
        code = app(arguments, prog_name="sed2", obj=options, standalone_mode=False)
        return int(code or ExitCode.OK)
    except SystemExit as exit_:
        return int(exit_.code or 0)
    except Exception as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # whose message is the help
            error.show()  # type: ignore[attr-defined]
            return int(ExitCode.USAGE)
        if options["debug"]:
            for line in traceback.format_exc().splitlines():
                terminal.say(line)
        message, code = _explain(error)
        if code == ExitCode.DEFECT and _starts_afresh():
            return run(arguments)
        terminal.fail(message)
        return int(code)
    return int(ExitCode.OK)


def _as_typed(error: Sed2Error) -> str:
    """An error, in which the arguments of Python are the options of the command line."""
    from sed2.cli.options import flag, with_dashes

    commands = [typer.main.get_command(app)]
    for command in commands:
        commands += getattr(command, "commands", {}).values()
    parameters = (parameter for command in commands for parameter in command.params)
    names = {its.name for its in parameters if its.param_type_name == "option"}
    if isinstance(error, SpecError):  # whose names are keys of the YAML
        return str(error)
    where = flag(error.where) if error.where in names else error.where
    return str(type(error)(error.cause, mend=with_dashes(error.mend, names), where=where))


def _explain(error: Exception) -> tuple[str, ExitCode]:
    """The one message of an error, and its exit code."""
    if isinstance(error, Sed2Error):
        return _as_typed(error), error.exit_code
    if hasattr(error, "format_message"):  # Typer's, whatever it calls its classes
        return str(_in_own_words(error)), ExitCode.USAGE
    if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error):  # the latter is JAX's
        mend = "Take fewer --samples or --draws, or a lower --memory-gb"
        return f"out of memory. {mend}", ExitCode.NUMERICS
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "no space left for the output. Free some, or send it elsewhere", ExitCode.USAGE
    if (platforms := os.environ.get("JAX_PLATFORMS")) and _raised_in(error, "xla_bridge.py"):
        cause = f"JAX_PLATFORMS: JAX finds no device of `{shown(platforms)}` here"
        return f"{cause}. Unset it, or install what JAX needs for it", ExitCode.USAGE
    defect = f"{type(error).__name__}: {error}".rstrip(".: ")
    return (
        f"a defect of sed2: {defect}. "
        "Please report it with the output of the same command with `sed2 --debug`",
        ExitCode.DEFECT,
    )


def _starts_afresh() -> bool:
    """Whether what failed may be a program that was compiled before, and is compiled anew now."""
    compilation, hosts = map(sys.modules.get, ("sed2.common.compilation", "sed2.hosts"))
    alone = hosts is None or not hosts.are_several()  # or the others would wait for this process
    return alone and compilation is not None and compilation.start_afresh()


def _in_own_words(error: Any) -> UsageError:
    """What Typer says of a command line: the cause, the option, the nearest name."""
    said = shown(error.format_message().rstrip(".").replace("'", "`"), _LONGEST_COMPLAINT)
    command = error.ctx.command_path if error.ctx else "sed2"
    near = [f"`{name}`" for name in getattr(error, "possibilities", None) or ()]
    mend = f"Did you mean {' or '.join(near)}? " if near else ""
    mend += f"`{command} --help` shows what there is"
    if not (option := getattr(error, "option_name", "")):
        return UsageError(f"{said[:1].lower()}{said[1:]}", mend=mend)
    if "requires an argument" in said:
        cause, mend = "it needs a value", f"Write `{option} VALUE`"
    elif "does not take a value" in said:
        cause, mend = "it takes no value", f"Write `{option}` alone"
    else:
        cause = "there is no such option"
    return UsageError(cause, mend=mend, where=shown(option))


def _raised_in(error: Exception, file: str) -> bool:
    """Whether an error comes from a file of that name."""
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and os.path.basename(frames[-1].filename) == file
