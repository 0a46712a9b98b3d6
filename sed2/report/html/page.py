"""The page as a whole: its parts put in the template, styles and scripts inlined."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Sequence
from importlib import resources
from string import Template
from typing import Any
from xml.etree.ElementTree import Element, tostring

from sed2.report.documents.text import to_json

_UNSAFE = {ord(character): f"\\u{ord(character):04x}" for character in "<>&"}
"""What could end a script element, or begin a comment in it. JSON may write it so anywhere."""


def page(
    title: str,
    content: Sequence[Element | None],
    document: dict[str, Any],
    scripts: Sequence[str],
) -> bytes:
    """One file that needs no other.

    A browser runs the scripts given here, by their hashes, and loads nothing.

    Args:
        title: of the window.
        content: the body; None is left out.
        document: as `--json` writes it.
        scripts: assets by their names.
    """
    style, codes = asset("style.css"), [asset(name) for name in scripts]
    body = [to_text(part) for part in content if part is not None]
    filled = Template(asset("template.html")).substitute(
        policy=_policy(style, codes),
        title=html.escape(title),
        style=style,
        content="\n".join(body),
        document=_embedded(document),
        scripts="\n".join(f"<script>{code}</script>" for code in codes),
    )
    return filled.encode(errors="replace")


def asset(name: str) -> str:
    """The text of a file of this package."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def to_text(element: Element) -> str:
    """Escaped by the writer, whatever the names are."""
    return tostring(element, encoding="unicode", method="html")


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


def _embedded(document: dict[str, Any]) -> str:
    """The document in ASCII, as a script element can hold it."""
    compact = json.dumps(json.loads(to_json(document)), separators=(",", ":"))
    return compact.translate(_UNSAFE)
