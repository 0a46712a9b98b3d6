"""Options that several commands share. Every field of `Settings` is an option, by itself."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from sed2.cli.completion import allowed_values, completer
from sed2.settings import Settings

SpecArgument = Annotated[
    str,
    typer.Argument(
        metavar="SPEC",
        help='A YAML file, or the paper\'s notation in quotes: `"MLP 54-16-7"`.',
    ),
]
Json = Annotated[
    str | None,
    typer.Option("--json", metavar="FILE", help="Write the result as JSON; `-` for stdout."),
]
Csv = Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write the curves as CSV.")]
Plot = Annotated[
    Path | None,
    typer.Option("--plot", metavar="FILE", help="Draw the curves: .png, .svg or .pdf."),
]
Html = Annotated[
    Path | None,
    typer.Option(
        "--html", metavar="FILE", help="Write tables and an interactive plot as one page."
    ),
]

AllowImport = Annotated[
    bool,
    typer.Option(
        "--allow-import",
        help="Import and run the Python code that `module:` names in the YAML. Trust it first.",
    ),
]
AllowPartial = Annotated[
    bool,
    typer.Option(
        "--allow-partial",
        help="Hold numbers of your own modules that are no parameters constant, not refuse them.",
    ),
]
Verbose = Annotated[
    bool,
    typer.Option("--verbose", "-v", help="Show how each block's spectrum is had, and its memory."),
]

_METAVARS = {
    "dataset": "NAME|FILE",
    "label": "COLUMN",
    "eps": "A:B[:POINTS]|A,B,...",
    "prior": "MEASURE",
}


def with_settings(command: Callable[..., None], **defaults: str) -> Callable[..., None]:
    """Give a command one option per setting; it receives those that were given as `settings`.

    Args:
        command: the body of the command.
        defaults: what its help tells instead of a field's own default.
    """
    parameters = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[
                bool | None if _is_flag(name) else str | None, _option(name, defaults.get(name))
            ],
        )
        for name in Settings.model_fields
    ]

    @functools.wraps(command)
    def with_flags(**arguments: Any) -> None:
        flags = {name: arguments.pop(name) for name in Settings.model_fields}
        given = {name: value for name, value in flags.items() if value is not None}
        command(**arguments, settings=given)

    own = inspect.signature(command, eval_str=True).parameters
    kept = [parameter for name, parameter in own.items() if name != "settings"]
    with_flags.__signature__ = inspect.Signature([*kept, *parameters])  # type: ignore[attr-defined]
    with_flags.__annotations__ = {p.name: p.annotation for p in [*kept, *parameters]}
    return with_flags


def _is_flag(name: str) -> bool:
    return Settings.model_fields[name].annotation is bool


def _option(name: str, default: str | None = None) -> Any:
    """The Typer option of a setting: its help is the field's docstring."""
    field = Settings.model_fields[name]
    flag = f"--{name.replace('_', '-')}"
    default = _show(field.get_default()) if default is None else default
    help_ = f"{field.description}{f' [default: {default}]' if default else ''}"
    if _is_flag(name):
        return typer.Option(f"{flag}/--no-{flag[2:]}", help=help_, rich_help_panel="Settings")
    return typer.Option(
        flag,
        help=help_,
        metavar=_METAVARS.get(name) or "|".join(allowed_values(name)) or "NUMBER",
        autocompletion=completer(name),
        rich_help_panel="Settings",
    )


def _show(default: Any) -> str:
    """A default as one would type it."""
    if default is None or default is False:
        return ""
    if isinstance(default, tuple):
        return f"{default[0]:g}:{default[-1]:g}:{len(default)}"
    return f"{default:g}" if isinstance(default, float) else str(default)
