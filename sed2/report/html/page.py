"""A page as a whole: what all have around their content, in the template, with all inlined."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from importlib import resources
from string import Template
from typing import Any
from xml.etree.ElementTree import Element

from sed2.report.documents.text import to_json
from sed2.report.html.elements import element, facts, notes, section, to_text

CURVES = ("lists.js", "scales.js", "chart.js", "plot.js")
"""The scripts of a page with curves."""
_UNSAFE = {ord(character): f"\\u{ord(character):04x}" for character in "<>&"}
"""What could end a script element, or begin a comment in it. JSON may write it so anywhere."""


def page(
    by: str,
    title: str,
    lead: Sequence[str],
    content: Sequence[Element | None],
    document: Mapping[str, Any],
    warnings: Sequence[str],
    command: str,
    *,
    own: Element | None = None,
    scripts: Sequence[str] = CURVES,
) -> bytes:
    """One file that needs no other. A browser runs these scripts, by their hashes, and loads
    nothing.

    Args:
        by: the command.
        lead: sentences below the title.
        document: as `--json` writes it.
        command: the command line that made it; empty if none did.
        own: settings that models have of their own.
        scripts: assets by their names.
    """
    headings = element("p", by, class_="by"), element("h1", title)
    told = [element("p", line) for line in lead]
    found, code = document["provenance"], element("code", command)
    body = [
        element("header", *headings, *told, _warnings(warnings)),
        *content,
        section("Settings", facts(document["settings"]), own),
        section("Provenance", facts(found) if found else element("p", "Nothing was computed.")),
        section("Command", element("pre", code)) if command else None,
    ]
    style, codes = asset("style.css"), [asset(name) for name in scripts]
    filled = Template(asset("template.html")).substitute(
        policy=_policy(style, codes),
        title=html.escape(title),
        style=style,
        content="\n".join(to_text(part) for part in body if part is not None),
        document=_embedded(document),
        scripts="\n".join(f"<script>{code}</script>" for code in codes),
    )
    return filled.encode(errors="replace")


def asset(name: str) -> str:
    """The text of a file of this package."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _warnings(warnings: Sequence[str]) -> Element | None:
    """In a box that scrolls if they are many."""
    if not warnings:
        return None
    count = f"{len(warnings)} warning{'s' * (len(warnings) != 1)}"
    told = [element("p", count), notes(warnings, "")]
    return element("div", *told, class_="warnings", role="region", aria_label=count, tabindex="0")


def _policy(style: str, scripts: Sequence[str]) -> str:
    """A Content-Security-Policy by which these and no others are run, and nothing is loaded.

    https://www.w3.org/TR/CSP3/
    """
    allowed = " ".join(map(_hash, scripts)) or "'none'"
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {allowed}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _embedded(document: Mapping[str, Any]) -> str:
    """The document in ASCII, as a script element can hold it."""
    compact = json.dumps(json.loads(to_json(document)), separators=(",", ":"))
    return compact.translate(_UNSAFE)
