"""The page of each command. `command`, the line that made it, is empty if none did."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element, fromstring

import numpy as np

from sed2.gating.outcome import GateResult
from sed2.ranking.results import RankedModel, Ranking
from sed2.ranking.size import of_several_sizes
from sed2.report.decision import decision, headline
from sed2.report.documents.gate import gate_document
from sed2.report.documents.model import compute_document, point_document
from sed2.report.documents.ranking import rank_document
from sed2.report.documents.selection import selection_document
from sed2.report.documents.text import to_json
from sed2.report.figures.curves import DRAWN, draw_curves, places, rendered
from sed2.report.figures.training import draw_ranking, draw_selection, draw_sizes
from sed2.report.html.elements import element, facts, notes, section, table_element
from sed2.report.html.page import asset, page
from sed2.report.layout import Column, Table, in_words
from sed2.report.tables import gate, model, ranking, selection, training
from sed2.report.tables.cells import coverage, score_at, score_in_words
from sed2.results import ModelResult
from sed2.selection.results import Selection

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_OPEN = 3  # crossings that are told without being asked for
_FIRST = ("P(best)", "parameters")  # columns, after the place, the name and the score
_BESIDE = 7  # baselines that have room beside each other


def compute_page(result: ModelResult, command: str = "") -> bytes:
    """The curves of a model and all that determines them."""
    values = model.curve_table(result, np.arange(len(result.eps)))
    told = notes(model.compute_notes(result, values.headers))
    content = [
        _curves([result], draw_curves([result])),
        section("Values", table_element("Values", values), told),
        section("Blocks", table_element("Blocks", model.block_table(result))),
    ]
    score = "undefined" if np.isnan(result.score.value) else score_in_words(result.score)
    at = score_at(result.settings, result.eps)
    title = f"{result.name}: {result.settings.score_name} {score} {at}"
    lead, document = [f"{coverage(result)}."], compute_document(result)
    return page("sed2 compute", title, lead, content, document, result.warnings, command)


def rank_page(result: Ranking, command: str = "") -> bytes:
    """The ranking, its curves and all that determines it."""
    document, warnings = rank_document(result), ranking.ranking_warnings(result)
    table = _most_important_first(ranking.rank_table(result, baselines=False))
    told, results = notes(ranking.rank_notes(result, table.headers)), [its.result for its in result]
    content = [
        section("Ranking", table_element("Ranking", table), told),
        _curves(results, draw_ranking(result), ranking.crossing_notes(result)),
        _sizes(result),
        _baselines(result),
        _prediction(result),
    ]
    own = _own_settings(document["models"])
    lead = [*decision(result), ranking.order_note(result), *ranking.size_notes(result)]
    title = headline(result)
    return page("sed2 rank", title, lead, content, document, warnings, command, own=own)


def selection_page(result: Selection, command: str = "") -> bytes:
    """The choice, the learning curves and all that determines them."""
    document, table = selection_document(result), selection.selection_table(result)
    told = notes(selection.selection_notes(result, table.headers))
    alt = "Training losses over the epochs, and their forecasts"
    content = [
        section("Candidates", table_element("Candidates", table), told),
        section("Learning curves", _still(draw_selection(result), alt)),
        section("Training", facts(document["training"])),
    ]
    lead = [*selection.verdict(result), selection.spent_note(result)]
    shown = "sed2 select", selection.headline(result), lead, content
    return page(*shown, document, result.warnings, command, scripts=["lists.js"])


def gate_page(result: GateResult, command: str = "") -> bytes:
    """The verdicts and how they came about."""
    document, table = gate_document(result), gate.gate_table(result, reasons=True)
    content = [
        section("Verdicts", table_element("Verdicts", table), notes(gate.notes(result))),
        section("Rules", facts(document["rules"])),
    ]
    shown = "sed2 gate", gate.headline(result), [f"{result.spec} against {result.baseline}."]
    return page(*shown, content, document, result.warnings, command, scripts=["lists.js"])


def _curves(
    results: Sequence[ModelResult], figure: Figure, crossings: Sequence[str] = ()
) -> Element:
    """The plot of the scripts, and a still figure in its place where no scripts run; and where the
    order changes, in gate."""
    plot = fromstring(asset("plot.html"))
    view = {
        "places": places([result.name for result in results]),
        "drawn": DRAWN,
        "at_eps_n": [_at_eps_n(result) for result in results],
    }
    plot.set("data-view", to_json(view))
    without = element("noscript", _still(figure, "Curves of the models over eps"))
    if not crossings:
        return section("Curves", without, plot)
    summary = element("summary", f"Where the order changes ({len(crossings)})")
    is_open = "open" if len(crossings) <= _OPEN else ""
    return section(
        "Curves", without, plot, element("details", summary, notes(crossings), open=is_open)
    )


def _at_eps_n(result: ModelResult) -> dict[str, Any]:
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


def _still(figure: Figure, alt: str) -> Element:
    """A figure as an image; `alt` says what it shows."""
    from matplotlib import rc_context

    with rc_context({"svg.fonttype": "none"}):  # text as text, which is a third of its outlines
        drawn = base64.b64encode(rendered(figure, "svg")).decode()
    return element("img", src=f"data:image/svg+xml;base64,{drawn}", alt=alt)


def _own_settings(models: Sequence[Mapping[str, Any]]) -> Element | None:
    """A table of the settings in which models of a document of `rank` differ, if they do."""
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


def _most_important_first(table: Table) -> Table:
    """The columns that a phone has room for before all others."""
    places = range(len(table.headers))
    return table.only(sorted(places, key=lambda i: i > 2 and table.headers[i] not in _FIRST))


def _baselines(result: Ranking) -> Element | None:
    """The baselines, in tables that have room beside each other's names."""
    columns = training.baseline_columns(result.models)
    if not columns:
        return None
    name: Column[RankedModel] = Column.of("model", lambda model: model.name)
    tables = [
        table_element("Baselines", Table.of([name, *some], result, named=0))
        for some in (columns[i : i + _BESIDE] for i in range(0, len(columns), _BESIDE))
    ]
    return section("Baselines", *tables, notes(training.baseline_notes(result.models)))


def _sizes(result: Ranking) -> Element | None:
    """The score against parameters and operations, where these differ."""
    if not of_several_sizes(result):
        return None
    alt = f"{result.settings.score_name} against parameters and operations, with Pareto fronts"
    return section("Score against size", _still(draw_sizes(result), alt))


def _prediction(result: Ranking) -> Element | None:
    """How the score and the baselines order the models against their losses, and what they cost."""
    if result.correlation:
        table = table_element("Correlations", training.prediction_table(result))
        told = notes(training.prediction_notes(result))
        return section("Correlation with the training losses", table, told)
    if result.models[0].baselines:
        table = table_element("Costs", training.cost_table(result))
        return section("Cost of the measures", table, notes(training.cost_notes(result)))
    return None
