"""What the commands have in common: how they were called, the work, and what is told of it."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sed2.common import interrupts, terminal
from sed2.errors import one_line
from sed2.options import variables

if TYPE_CHECKING:
    from rich.console import Console

    from sed2.report.outputs import Outputs
    from sed2.runs.directory import RunDirectory


def command_line(arguments: Sequence[str] | None = None) -> str:
    """The command as one would type it again, with the `SED2_*` variables that are options.

    Args:
        arguments: by default those of this process.
    """
    given = sys.argv[1:] if arguments is None else arguments
    settings = (f"{name}={shlex.quote(value)}" for name, value in variables(os.environ).items())
    return " ".join([*settings, shlex.join(["sed2", *given])])


@contextmanager
def _kept_in(path: Path | None) -> Iterator[RunDirectory | None]:
    """The run directory of a command, or None without one: what is finished is kept, and an
    interrupt says how to go on.

    Raises:
        UsageError: it cannot be written, which is known before the work.
    """
    if path is None:
        yield None
        return
    from sed2.runs.directory import RunDirectory

    words = f"Interrupted. What was finished is kept in {path}: the same command goes on from there"
    try:
        with interrupts.told(one_line(words)):
            yield RunDirectory(path, command=command_line(), warn=terminal.warn, tell=terminal.say)
    except KeyboardInterrupt:
        terminal.say(words)
        raise


@contextmanager
def at_work(run_dir: Path | None, *, shown: bool = True) -> Iterator[dict[str, Any]]:
    """The run directory and the progress bar of a command, as the verbs of `sed2.api` take them."""
    from sed2.common.compilation import use_compilation_cache

    use_compilation_cache()
    with _kept_in(run_dir) as run, terminal.progress("sampling", wanted=shown) as progress:
        yield {"run_dir": run, "progress": progress}


def tell(result: Any, outputs: Outputs, *, verbose: bool = False) -> None:
    """Write the files of a result, print its tables, unless JSON is printed, say its warnings, and
    log it where that is asked for.

    Args:
        verbose: whether to print as well how the spectra were computed.
    """
    from sed2.ranking.results import Ranking
    from sed2.report.tables.ranking import ranking_warnings

    outputs.write(result)
    if not outputs.json_on_stdout:
        _print(result, terminal.out(), outputs.command, verbose=verbose)
    for warning in ranking_warnings(result) if isinstance(result, Ranking) else result.warnings:
        terminal.warn(warning)
    outputs.track(result)


def _print(result: Any, console: Console, command: str, *, verbose: bool) -> None:
    from sed2.generalisation.results import BoundResult
    from sed2.ranking.results import Ranking
    from sed2.report.tables.bound import print_bound
    from sed2.report.tables.checked import print_plan
    from sed2.report.tables.model import print_compute, print_smc
    from sed2.report.tables.ranking import print_rank
    from sed2.report.tables.selection import print_selection
    from sed2.report.tables.stability import print_stability
    from sed2.robustness.results import StabilityResult
    from sed2.selection.results import Selection

    match result:
        case Ranking():
            print_rank(console, result, command)
            models = [model.result for model in result.models]
        case Selection():
            print_selection(console, result)
            models = []
        case BoundResult():
            print_bound(console, result)
            models = [result.model]
        case StabilityResult():
            print_stability(console, result)
            models = list(result.models)
        case _:
            print_compute(console, result)
            models = [result]
    for model in models if verbose else ():
        print_plan(console, model.name, model.plan)
        print_smc(console, model)
