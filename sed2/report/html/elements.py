"""Elements that all pages have: headings, tables, lists. All text is text, never markup."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, SubElement

from sed2.report.layout import in_words


@dataclass(frozen=True)
class Cell:
    """Of a table."""

    text: str
    key: float | str = math.nan
    """What its column is sorted by; NaN is missing, and sorted last."""
    kind: str = ""
    """A class of the style sheet."""


def element(tag: str, *children: Element | str, **attributes: str) -> Element:
    """An element with text first, if any, and elements after it.

    Args:
        attributes: `class_` is the attribute `class`, `aria_label` is `aria-label`.
    """
    names = {key: key.rstrip("_").replace("_", "-") for key in attributes}
    made = Element(tag, {names[key]: value for key, value in attributes.items() if value})
    for child in children:
        if isinstance(child, str):
            made.text = child
        else:
            made.append(child)
    return made


def section(title: str, *children: Element | None) -> Element:
    """A part of the page under its heading; its id is made of the title."""
    name = title.lower().replace(" ", "-")
    heading = element("h2", title, id=f"{name}-title")
    present = [child for child in children if child is not None]
    return element("section", heading, *present, id=name, aria_labelledby=f"{name}-title")


def head(by: str, title: str, *children: Element | None) -> Element:
    """The top of the page."""
    present = [child for child in children if child is not None]
    return element("header", element("p", by, class_="by"), element("h1", title), *present)


def table(
    label: str,
    headers: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    *,
    text: Iterable[int] = (0,),
    named: int = 0,
    sortable: bool = False,
) -> Element:
    """A table in a box of its own, where it scrolls if it is too wide.

    Args:
        label: what a screen reader calls it.
        text: columns of text, to the left; all others are numbers.
        named: the column that names the row.
        sortable: whether a reader may sort it; each cell needs its key.
    """
    kinds = ["text" if column in text else "number" for column in range(len(headers))]
    made = element("table", class_="sortable" if sortable else "")
    line = SubElement(SubElement(made, "thead"), "tr")
    for column, (header, kind) in enumerate(zip(headers, kinds, strict=True)):
        names = " name" * (column == named)
        line.append(element("th", header, scope="col", class_=f"{kind}{names}"))
    body = SubElement(made, "tbody")
    for row in rows:
        line = SubElement(body, "tr")
        for column, (cell, kind) in enumerate(zip(row, kinds, strict=True)):
            line.append(_cell(cell, kind, is_name=column == named))
    return element("div", made, class_="scroll", role="region", aria_label=label, tabindex="0")


def _cell(cell: Cell, kind: str, *, is_name: bool) -> Element:
    kinds = f"{kind} {cell.kind}".strip()
    if is_name:
        made = element("th", element("span", cell.text), scope="row", class_=f"{kinds} name")
    else:
        made = element("td", cell.text, class_=kinds)
    if isinstance(cell.key, str) or not math.isnan(cell.key):
        made.set("data-key", cell.key if isinstance(cell.key, str) else repr(float(cell.key)))
    return made


def plain(rows: Sequence[Sequence[str]]) -> list[list[Cell]]:
    """Cells of a table that is not sorted."""
    return [[Cell(text) for text in row] for row in rows]


def notes(lines: Iterable[str], kind: str = "notes") -> Element:
    """A list of sentences."""
    return element("ul", *(element("li", line) for line in lines), class_=kind)


def folded(title: str, content: Element, *, is_open: bool) -> Element:
    """What a reader may open."""
    made = element("details", element("summary", title), content)
    if is_open:
        made.set("open", "open")
    return made


def facts(values: Mapping[str, Any]) -> Element:
    """A list of names and their values."""
    pairs = (
        element("div", element("dt", name), element("dd", in_words(value)))
        for name, value in values.items()
    )
    return element("dl", *pairs)
