"""Options of the command line, made from those of `sed2.options`, and what several commands share.

A new option is a field of a class there, and needs nothing here.
"""

from __future__ import annotations

import functools
import inspect
import os
import re
from collections.abc import Callable, Container, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from sed2.cli.completion import allowed_values, completer
from sed2.common import terminal
from sed2.errors import UsageError, shown
from sed2.options import CLUSTER, GATE, NAMES, OUTPUT, THEOREM, TRAINING, foreign_variables
from sed2.settings import BUDGET, DATA, MEASURE, Options, Panel

if TYPE_CHECKING:
    from sed2.report.outputs import Outputs as Outputs
else:
    Outputs = Any  # it is imported when a command is run

Command = Callable[..., None]

_SPECS = (
    "A YAML file; one that ships with sed2 (`example:mlps`); an ONNX file; a config.json of "
    "Hugging Face; or the paper's notation in quotes"
)
SpecArgument = Annotated[
    str,
    typer.Argument(
        metavar="SPEC",
        help=f'{_SPECS}: `"MLP 54-16-7"`.',
    ),
]
SpecArguments = Annotated[
    list[str],
    typer.Argument(
        metavar="SPEC...",
        help=f'{_SPECS}: `"MLP 54-16-7"`, of which there may be several.',
    ),
]
Model = Annotated[
    str | None, typer.Option(metavar="NAME", help="Which model of a file with several.")
]
Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose",
        "-v",
        help="Show how each block's spectrum is computed, and its memory.",
        rich_help_panel=OUTPUT.title,
    ),
]
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
AllowMixed = Annotated[
    bool,
    typer.Option(
        "--allow-mixed",
        help="Compare models that are split into blocks in different manners (--blocks) as well.",
    ),
]
TRUST = {
    "allow_import": "Import and run the Python code that `module:` names in the YAML. "
    "Trust it first.",
    "allow_partial": "Hold numbers of your own modules that are no parameters constant, not refuse "
    "them.",
}
"""Options of every command that reads a spec, by name."""
OUTPUTS = {
    "json": "Write the result as JSON; `-` for stdout.",
    "csv": "Write the curves as CSV.",
    "plot": "Draw the curves: .png, .svg or .pdf.",
    "html": "Write tables and an interactive plot as one page.",
    "junit": "Write the verdicts as JUnit XML.",
    "summary": "Write the verdicts as Markdown; by default to $GITHUB_STEP_SUMMARY, if that is "
    "set.",
}
"""Help of the files that commands write, by the names of their options."""
TRACKERS = {
    "mlflow": ("EXPERIMENT", "Log the result to MLflow, where MLFLOW_TRACKING_URI says."),
    "wandb": ("PROJECT", "Log the result to Weights & Biases; WANDB_MODE=offline keeps it here."),
}
"""What the name of a tracker's option is of, and its help."""
PANELS = (DATA, MEASURE, BUDGET, TRAINING, GATE, THEOREM, CLUSTER, OUTPUT)
"""In the order of `--help`; what has no panel comes before them."""
_METAVARS = {
    "dataset": "NAME|FILE",
    "label": "COLUMN",
    "x_key": "NAME",
    "y_key": "NAME",
    "eps": "A:B[:POINTS]|A,B,...",
    "prior": "MEASURE",
    "sigma": "NUMBER|limit",
    "ray": "ADDRESS",
    "coordinator": "HOST:PORT",
}


class Grouped(TyperCommand):
    """A command whose help groups the options by their panels, without boxes."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        groups: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        groups |= {panel.title: [] for panel in PANELS}
        for parameter in self.get_params(ctx):
            if record := parameter.get_help_record(ctx):
                is_argument = parameter.param_type_name == "argument"
                title = getattr(parameter, "rich_help_panel", None) or "Options"
                groups["Arguments" if is_argument else title].append(record)
        for title, records in groups.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def as_spec(specs: list[str]) -> str | list[str]:
    """SPEC as the verbs of `sed2.api` take it.

    Raises:
        UsageError: there are several, and one is no notation.
    """
    from sed2.spec.notation import looks_like_notation

    if len(specs) == 1:
        return specs[0]
    for spec in specs:
        if not looks_like_notation(spec):
            raise UsageError(
                f"`{shown(spec)}` is no notation, and where there are several SPEC each has to be "
                "one",
                mend='Give one file, or notations in quotes: "MLP 54-8-7" "MLP 54-16-7"',
            )
    return specs


def flag(name: str) -> str:
    """An option as it is typed."""
    return f"--{name.replace('_', '-')}"


def with_dashes(text: str, names: Container[str]) -> str:
    """Text in which `name` is an option of one of these names, as the command line types it."""

    def shown(match: re.Match[str]) -> str:
        return flag(match[1]) if match[1] in names else match[0]

    return re.sub(r"(?<!Did you mean )`(\w+)`", shown, text)


def with_options(*kinds: type[Options], **defaults: str) -> Callable[[Command], Command]:
    """Give a command the options of these classes; it receives those given as `options`, by name.

    Args:
        defaults: what its help tells instead of a field's own default.
    """

    def give(command: Command) -> Command:
        added = [
            _parameter(name, None, annotation)
            for kind in kinds
            for name, annotation in _annotations(kind, defaults)
        ]
        for name, help_ in TRUST.items():
            option = typer.Option(flag(name), help=help_)
            added.append(_parameter(name, False, Annotated[bool, option]))

        def run(**arguments: Any) -> None:
            for warning in foreign_variables(os.environ):
                terminal.warn(warning)
            given = {its.name: (arguments.pop(its.name), its.default) for its in added}
            options = {name: its for name, (its, default) in given.items() if its is not default}
            command(**arguments, options=options)

        return _extended(command, run, "options", added)

    return give


def with_outputs(*names: str) -> Callable[[Command], Command]:
    """Give a command the options of these outputs; it receives them, checked, as `outputs`.

    None of them may be a file that the command reads. Where several processes work together only
    the first one has them.
    """

    def give(command: Command) -> Command:
        added = []
        for name in names:
            kind: Any = str if name in ("json", *TRACKERS) else Path  # no path is `-`
            metavar, help_ = TRACKERS.get(name) or ("FILE", OUTPUTS[name])
            option = typer.Option(
                flag(name), metavar=metavar, help=help_, rich_help_panel=OUTPUT.title
            )
            added.append(_parameter(name, None, Annotated[kind | None, option]))

        def run(**arguments: Any) -> None:
            from sed2.cli.telling import command_line
            from sed2.hosts import leads, together
            from sed2.report.outputs import Outputs

            files = {name: arguments.pop(name) for name in names}
            files = files if leads() else {}
            outputs = together(lambda: Outputs.check(command=command_line(), **files))
            with outputs.kept_apart():
                command(**arguments, outputs=outputs)

        return _extended(command, run, "outputs", added)

    return give


def _parameter(name: str, default: Any, annotation: Any) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )


def _extended(
    command: Command, run: Command, without: str, added: Iterable[inspect.Parameter]
) -> Command:
    """`run` with the name, the help and the parameters of a command, all but one, and more."""
    command.__annotations__.pop(without)  # it may name what is not imported for the help
    own = inspect.signature(command, eval_str=True).parameters
    parameters = [*(its for name, its in own.items() if name != without), *added]
    extended = functools.wraps(command)(run)
    extended.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    extended.__annotations__ = {its.name: its.annotation for its in parameters}
    return extended


def _annotations(kind: type[Options], defaults: dict[str, str]) -> Iterable[tuple[str, Any]]:
    """The options of a class as Typer takes them; the help is the docstring of the field."""
    for name, field in kind.fields().items():
        its = kind.model_fields[field]
        default = defaults.get(name, _show(its.get_default()))
        panel = next((its for its in its.metadata if isinstance(its, Panel)), kind.panel)
        text = with_dashes(its.description or "", NAMES)
        help_ = f"{text}{f' [default: {default}]' if default else ''}"
        if its.annotation is bool:
            names = f"{flag(name)}/--no-{flag(name)[2:]}"
            option = typer.Option(names, help=help_, rich_help_panel=panel.title)
            yield name, Annotated[bool | None, option]
        else:
            option = typer.Option(
                flag(name),
                help=help_,
                metavar=_METAVARS.get(name) or "|".join(allowed_values(its)) or "NUMBER",
                autocompletion=completer(name, its),
                rich_help_panel=panel.title,
            )
            yield name, Annotated[str | None, option]


def _show(default: Any) -> str:
    """A default as one would type it."""
    if default is None or default is False:
        return ""
    if isinstance(default, tuple):
        return f"{default[0]:g}:{default[-1]:g}:{len(default)}"
    return f"{default:g}" if isinstance(default, float) else str(default)
