"""Parts of several pages: warnings, settings, provenance, the command, the curves."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from sed2.report.documents.model import point_document
from sed2.report.documents.text import to_json
from sed2.report.figures.curves import DRAWN, places
from sed2.report.html.elements import element, facts, folded, head, notes, section, table_element
from sed2.report.html.page import asset, page
from sed2.report.layout import Table, in_words
from sed2.results import ModelResult

SCRIPTS = ("lists.js", "scales.js", "chart.js", "plot.js")
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
    top = head(by, title, *(element("p", line) for line in lead), warning_list(warnings))
    settings = section("Settings", facts(document["settings"]), own)
    end = [settings, provenance(document["provenance"]), made_by(command)]
    return page(title, [top, *content, *end], document, scripts)


def warning_list(warnings: Sequence[str]) -> Element | None:
    """All warnings, in a box that scrolls if they are many; None if there are none."""
    if not warnings:
        return None
    count = f"{len(warnings)} warning{'s' * (len(warnings) != 1)}"
    told = [element("p", count), notes(warnings, "")]
    return element("div", *told, class_="warnings", role="region", aria_label=count, tabindex="0")


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


def curves(
    results: Sequence[ModelResult],
    figure: Callable[[str], bytes],
    crossings: Sequence[str] = (),
) -> Element:
    """The plot of the scripts, and what stands in its place where no scripts run.

    Args:
        results: the models in their order.
        figure: draws `svg`.
        crossings: where the order changes, in words.
    """
    plot = ElementTree.fromstring(asset("plot.html"))
    view = {
        "places": places([result.name for result in results]),
        "drawn": DRAWN,
        "at_eps_n": [at_eps_n(result) for result in results],
    }
    plot.set("data-view", to_json(view))
    without = element("noscript", still(figure, "Curves of the models over eps"))
    if not crossings:
        return section("Curves", without, plot)
    title = f"Where the order changes ({len(crossings)})"
    changes = folded(title, notes(crossings), is_open=len(crossings) <= _OPEN)
    return section("Curves", without, plot, changes)


def at_eps_n(result: ModelResult) -> dict[str, Any]:
    """The measures at eps_n, each as one point of its curve in the document; none without it."""
    if result.eps_n is None:
        return {}
    found = {"two_sed": result.two_sed_score, "lower_two_sed": result.score}
    if result.factors:
        found["lower_two_sed"] = result.factors.lower
        found["end_to_end"] = result.factors.end_to_end
        if result.settings.score == "joint":
            found["joint"] = result.score
    return {name: point_document(score) for name, score in found.items()}


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
