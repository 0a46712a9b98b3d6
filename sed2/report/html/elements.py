"""Elements that all pages have: headings, tables, lists. All text is text, never markup."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from sed2.report.layout import Table, in_words


def element(tag: str, *children: Element | str | None, **attributes: str) -> Element:
    """An element with text first, if any, and elements after it; None is left out.

    Args:
        attributes: `class_` is the attribute `class`, `aria_label` is `aria-label`.
    """
    names = {key: key.rstrip("_").replace("_", "-") for key in attributes}
    made = Element(tag, {names[key]: value for key, value in attributes.items() if value})
    for child in children:
        if isinstance(child, str):
            made.text = child
        elif child is not None:
            made.append(child)
    return made


def to_text(element: Element) -> str:
    """Escaped by the writer, whatever the names are."""
    return tostring(element, encoding="unicode", method="html")


def section(title: str, *children: Element | None) -> Element:
    """A part of the page under its heading; its id is made of the title."""
    name = title.lower().replace(" ", "-")
    heading = element("h2", title, id=f"{name}-title")
    return element("section", heading, *children, id=name, aria_labelledby=f"{name}-title")


def table_element(label: str, table: Table) -> Element:
    """A table in a box of its own, where it scrolls if it is too wide.

    Args:
        label: what a screen reader calls it.
        table: a reader may sort it if its cells have keys.
    """
    named = table.named or 0
    of_column = ["text" if at in table.text else "number" for at in range(len(table.headers))]
    made = element("table", class_="sortable" if table.keys else "")
    line = SubElement(SubElement(made, "thead"), "tr")
    for column, header in enumerate(table.headers):
        names = " name" * (column == named)
        line.append(element("th", header, scope="col", class_=f"{of_column[column]}{names}"))
    body = SubElement(made, "tbody")
    for number, row in enumerate(table.rows):
        line = SubElement(body, "tr")
        for column, text in enumerate(row):
            kind = table.kinds[number][column] if table.kinds else ""
            kinds = f"{of_column[column]} {kind}".strip()
            if column == named:
                span = element("span", text)
                cell = element("th", span, scope="row", class_=f"{kinds} name")
            else:
                cell = element("td", text, class_=kinds)
            key = table.keys[number][column] if table.keys else None
            if isinstance(key, str):
                cell.set("data-key", key)
            elif key is not None and not math.isnan(key):
                cell.set("data-key", repr(float(key)))
            line.append(cell)
    return element("div", made, class_="scroll", role="region", aria_label=label, tabindex="0")


def notes(lines: Iterable[str], kind: str = "notes") -> Element:
    """A list of sentences."""
    return element("ul", *(element("li", line) for line in lines), class_=kind)


def facts(values: Mapping[str, Any]) -> Element:
    """A list of names and their values."""
    pairs = (
        element("div", element("dt", name), element("dd", in_words(value)))
        for name, value in values.items()
    )
    return element("dl", *pairs)
