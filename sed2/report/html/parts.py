"""Parts of several pages: warnings, settings, provenance, the command, the curves."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from sed2.report.html.elements import element, facts, folded, head, notes, section, table_element
from sed2.report.html.page import asset, page
from sed2.report.layout import Table, in_words

SCRIPTS = ("sort.js", "scales.js", "chart.js", "plot.js")
"""Of a page with curves."""
_OPEN = 3  # crossings that are told without being asked for


def result_page(
    by: str,
    title: str,
    lead: Sequence[str],
    content: Sequence[Element | None],
    document: dict[str, Any],
    warnings: Sequence[str],
    command: str,
    *,
    own: Element | None = None,
    scripts: Sequence[str] = SCRIPTS,
) -> bytes:
    """What all pages have around their content.

    Args:
        by: the command.
        lead: sentences below the title.
        document: as `--json` writes it.
        command: the command line that made it; empty if none did.
        own: settings that models have of their own.
    """
    top = head(by, title, *(element("p", line) for line in lead), alert(warnings))
    settings = section("Settings", facts(document["settings"]), own)
    end = [settings, provenance(document["provenance"]), made_by(command)]
    return page(title, [top, *content, warning_list(warnings), *end], document, scripts)


def alert(warnings: Sequence[str]) -> Element | None:
    """At the top of the page, that there are warnings below."""
    if not warnings:
        return None
    count = f"{len(warnings)} warning{'s' * (len(warnings) != 1)}"
    return element("p", element("a", count, href="#warnings"), class_="alert")


def warning_list(warnings: Sequence[str]) -> Element:
    """All warnings, or that there are none."""
    if not warnings:
        return section("Warnings", element("p", "There are none."))
    return section("Warnings", notes(warnings, "warnings"))


def own_settings(models: Sequence[Mapping[str, Any]]) -> Element | None:
    """A table of the settings in which models of a ranking differ; None if there are none.

    Args:
        models: of the document of `rank`.
    """
    differing = [
        name
        for name, value in models[0]["settings"].items()
        if any(model["settings"][name] != value for model in models)
    ]
    if not differing:
        return None
    rows = [
        [model["name"], *(in_words(model["settings"][name]) for name in differing)]
        for model in models
    ]
    return table_element("Settings of each model", Table(["model", *differing], rows))


def provenance(found: Mapping[str, Any] | None) -> Element:
    """Versions, device and hashes."""
    if found is None:
        return section("Provenance", element("p", "Nothing was computed."))
    return section("Provenance", facts(found))


def made_by(command: str) -> Element | None:
    """The command line that made the page, if one did."""
    if not command:
        return None
    return section("Command", element("pre", element("code", command)))


def curves(figure: Callable[[str], bytes], crossings: Sequence[str] = ()) -> Element:
    """The plot of the scripts, and what stands in its place where no scripts run.

    Args:
        figure: draws `svg`.
        crossings: where the order changes, in words.
    """
    plot = ElementTree.fromstring(asset("plot.html"))
    without = element("noscript", still(figure, "Curves of the models over eps"))
    if not crossings:
        return section("Curves", without, plot)
    title = f"Where the order changes ({len(crossings)})"
    changes = folded(title, notes(crossings), is_open=len(crossings) <= _OPEN)
    return section("Curves", without, plot, changes)


def still(figure: Callable[[str], bytes], alt: str) -> Element:
    """A figure as an image.

    Args:
        figure: draws `svg`.
        alt: what it shows.
    """
    from matplotlib import rc_context

    with rc_context({"svg.fonttype": "none"}):  # text as text, which is a third of its outlines
        drawn = base64.b64encode(figure("svg")).decode()
    return element("img", src=f"data:image/svg+xml;base64,{drawn}", alt=alt)
