"""What of the docs is generated: commands and YAML, from the code that reads them.

A hook of MkDocs (`hooks:` in mkdocs.yml). In a page, the line

    <!-- generated: commands -->

is replaced by what the function of that name in `PARTS` returns, when the site is built.
"""

from __future__ import annotations

import html
import inspect
import re
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import typer

from sed2.blocks import KINDS
from sed2.cli.app import app
from sed2.options import SECTIONS
from sed2.settings import Settings

_MARK = re.compile(r"^<!-- generated: (\w+) -->$", re.MULTILINE)
_UNLIMITED = 2**31 - 1
"""A limit as high as this is no news."""
_HELP = "-h"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """MkDocs calls this with the text of every page."""
    return _MARK.sub(lambda found: PARTS[found[1]](), markdown)


def commands() -> str:
    """Every command with its options; options that several commands have alike come last."""
    leaves = dict(_leaves(typer.main.get_command(app), "sed2"))
    uses = Counter(row for command in leaves.values() for row in map(_row, _options(command)))
    shared = {row: panel for row, panel in _panels(leaves.values()).items() if uses[row] > 1}
    text = [_command(name, command, shared) for name, command in leaves.items()]
    text.append("## Options of several commands")
    for panel in dict.fromkeys(shared.values()):
        rows = [row for row, its in shared.items() if its == panel]
        text.append(f"### {panel}\n\n{_table(('option', 'meaning', 'default'), rows)}")
    return "\n\n".join(text)


def settings() -> str:
    """Every setting: a key of the YAML, a flag and a variable at once."""
    return _fields(Settings.model_json_schema(), "key")


def sections() -> str:
    """Every other option, by the section of the YAML that it stands in."""
    return "\n\n".join(
        f"### {key}\n\n{_fields(kind.model_json_schema(), 'key')}" for key, kind in SECTIONS.items()
    )


def blocks() -> str:
    """Every kind of block with its options."""
    text = []
    inner: dict[str, Mapping[str, Any]] = {}
    for kind, block in sorted(KINDS.items()):
        schema = block.model_json_schema()
        inner |= schema.get("$defs", {})  # of `residual` all kinds
        text.append(f"### {kind}\n\n{_escape(inspect.cleandoc(block.__doc__ or ''))}")
        text.append(_fields(inner.get(block.__name__, schema), "option"))
    whole = {"block", *(block.__name__ for block in KINDS.values())}
    for name in sorted(inner.keys() - whole):
        schema = inner[name]
        text.append(f"### {name.lower()} of a block\n\n{_escape(schema['description'])}")
        text.append(_fields(schema, "option"))
    return "\n\n".join(text)


PARTS: Mapping[str, Callable[[], str]] = {
    "commands": commands,
    "settings": settings,
    "sections": sections,
    "blocks": blocks,
}


Row = tuple[str, ...]


def _leaves(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """The commands below a command, by what one types."""
    for word, each in getattr(command, "commands", {}).items():
        below = dict(_leaves(each, f"{name} {word}"))
        yield from below.items() if below else [(f"{name} {word}", each)]


def _command(name: str, command: Any, shared: Mapping[Row, str]) -> str:
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    rows = [_row(option) for option in _options(command)]
    own = [row for row in rows if row not in shared]
    usage = " ".join([name, *(each.metavar or each.name.upper() for each in arguments)])
    text = [f"## {name}", f"```text\n{usage} [OPTIONS]\n```", *_paragraphs(command.help or "")]
    table = [(f"`{each.metavar or each.name.upper()}`", *_meaning(each.help)) for each in arguments]
    text.append(_table(("option", "meaning", "default"), [*table, *own]))
    also = ", ".join(_shared(rows, shared))
    if also:
        text.append(f"And the [options of several commands](#options-of-several-commands): {also}.")
    return "\n\n".join(part for part in text if part)


def _shared(rows: Sequence[Row], shared: Mapping[Row, str]) -> Iterator[str]:
    """The shared options among those of a command; of a whole panel, its name."""
    flags = {_flag(row) for row in rows}
    for panel in dict.fromkeys(shared.values()):
        its = dict.fromkeys(_flag(row) for row in shared if shared[row] == panel)
        if its.keys() <= flags:
            yield f"all of [{panel}](#{panel.lower()})"
        else:
            yield from (_flag(row) for row in rows if shared.get(row) == panel)


def _flag(row: Row) -> str:
    return row[0].split(",")[0].split(" ")[0]


def _paragraphs(help_: str) -> Iterator[str]:
    """A docstring of Typer's as Markdown: what `\\b` keeps as it is becomes code."""
    for paragraph in inspect.cleandoc(help_).split("\n\n"):
        kept = paragraph.removeprefix("\b\n")
        if kept == paragraph:
            yield _escape(paragraph)
        else:
            yield f"```text\n{textwrap.dedent(kept).strip()}\n```"


def _options(command: Any) -> list[Any]:
    return [
        each
        for each in command.params
        if each.param_type_name == "option" and not each.hidden and _HELP not in each.opts
    ]


def _panels(all_commands: Any) -> dict[Row, str]:
    """The panel of every option, in the order of the commands."""
    return {
        _row(option): getattr(option, "rich_help_panel", None) or "Options"
        for command in all_commands
        for option in _options(command)
    }


def _row(option: Any) -> Row:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    value = "" if option.is_flag else f" `{option.metavar or option.type.name.upper()}`"
    return (f"{names}{value}", *_meaning(option.help))


def _meaning(help_: str | None) -> Row:
    """What an option is, and its default, which stands in brackets at the end."""
    found = re.fullmatch(r"(.*?)(?: \[default: (.*)\])?", help_ or "", re.DOTALL)
    assert found  # the pattern takes anything
    return _escape(found[1]), f"`{found[2]}`" if found[2] else ""


def _fields(schema: Mapping[str, Any], noun: str) -> str:
    """The table of a pydantic model, from its JSON Schema."""
    rows = [
        (
            f"`{name}`",
            _allowed(field),
            _escape(field.get("description", "")),
            "**needed**" if name in schema.get("required", ()) else _default(field.get("default")),
        )
        for name, field in schema["properties"].items()
    ]
    return _table((noun, "value", "meaning", "default"), rows)


def _allowed(schema: Mapping[str, Any]) -> str:
    """What a JSON Schema allows, in words."""
    if "anyOf" in schema:
        forms = [_allowed(form) for form in schema["anyOf"] if form.get("type") != "null"]
        return " or ".join(dict.fromkeys(forms))
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1].lower()
        return f"[{name}](#{name}-of-a-block)"
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{word}`" for word in schema["enum"])
    kind = {
        "integer": "whole number",
        "number": "number",
        "string": "text",
        "boolean": "`true`, `false`",
        "array": "list",
    }[schema["type"]]
    if "$ref" in schema.get("items", {}):
        kind = "list of blocks"
    if "prefixItems" in schema:
        kind = f"list of {len(schema['prefixItems'])}"
    limits = [
        f"{word} {schema[key]:g}"
        for key, word in (
            ("minimum", "at least"),
            ("exclusiveMinimum", "above"),
            ("maximum", "at most"),
            ("exclusiveMaximum", "below"),
        )
        if key in schema and schema[key] < _UNLIMITED
    ]
    return f"{kind} {', '.join(limits)}".strip()


def _default(value: object) -> str:
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else value
    return f"`{text:g}`" if isinstance(text, float) else f"`{text}`"


def _table(head: Sequence[str], rows: Sequence[Row]) -> str:
    """A Markdown table; a column that is empty throughout is left out."""
    if not rows:
        return ""
    used = [i for i in range(len(head)) if any(row[i] for row in rows)]
    lines = [[head[i] for i in used], ["---"] * len(used)]
    lines += [[row[i].replace("\n", " ") for i in used] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _escape(text: str) -> str:
    """Plain text with code in backticks, as Markdown shows it."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(
        part if part.startswith("`") else html.escape(part, quote=False).replace("*", "\\*")
        for part in parts
    )
