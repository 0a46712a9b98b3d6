"""The page of `rank`."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from sed2.ranking.results import RankedModel, Ranking
from sed2.ranking.size import of_several_sizes
from sed2.report.decision import decision, headline
from sed2.report.documents.ranking import rank_document
from sed2.report.figures.training import ranking_figure, sizes_figure
from sed2.report.html import parts
from sed2.report.html.elements import notes, section, table_element
from sed2.report.layout import Column, Table
from sed2.report.tables.ranking import (
    crossing_notes,
    order_note,
    rank_notes,
    rank_table,
    ranking_warnings,
    size_notes,
)
from sed2.report.tables.training import (
    baseline_columns,
    baseline_notes,
    cost_notes,
    cost_table,
    prediction_notes,
    prediction_table,
)

_FIRST = ("P(best)", "parameters")  # columns, after the place, the name and the score
_BESIDE = 7  # baselines that have room beside each other


def rank_page(ranking: Ranking, command: str = "") -> bytes:
    """The ranking, its curves and all that determines it, as one HTML file.

    Args:
        command: the command line that made it; empty if none did.
    """
    document, warnings = rank_document(ranking), ranking_warnings(ranking)
    title = headline(ranking)
    table = _most_important_first(rank_table(ranking, baselines=False))
    told = notes(rank_notes(ranking, table.headers))
    content = [
        section("Ranking", table_element("Ranking", table), told),
        parts.curves(
            [model.result for model in ranking.models],
            lambda file_format: ranking_figure(ranking, file_format),
            crossing_notes(ranking),
        ),
        _sizes(ranking),
        _baselines(ranking),
        _prediction(ranking),
    ]
    own = parts.own_settings(document["models"])
    lead = [*decision(ranking), order_note(ranking), *size_notes(ranking)]
    return parts.result_page(
        "sed2 rank", title, lead, content, document, warnings, command, own=own
    )


def _most_important_first(table: Table) -> Table:
    """The columns that a phone has room for before all others."""
    places = range(len(table.headers))
    return table.only(sorted(places, key=lambda i: i > 2 and table.headers[i] not in _FIRST))


def _baselines(ranking: Ranking) -> Element | None:
    """The baselines, in tables that have room beside each other's names."""
    columns = baseline_columns(ranking.models)
    if not columns:
        return None
    name: Column[RankedModel] = Column.of("model", lambda model: model.name)
    tables = [
        table_element("Baselines", Table.of([name, *some], ranking.models, named=0))
        for some in (columns[i : i + _BESIDE] for i in range(0, len(columns), _BESIDE))
    ]
    return section("Baselines", *tables, notes(baseline_notes(ranking.models)))


def _sizes(ranking: Ranking) -> Element | None:
    """The score against parameters and operations, where these differ."""
    if not of_several_sizes(ranking):
        return None
    alt = f"{ranking.settings.score_name} against parameters and operations, with Pareto fronts"
    return section(
        "Score against size",
        parts.still(lambda file_format: sizes_figure(ranking, file_format), alt),
    )


def _prediction(ranking: Ranking) -> Element | None:
    """How the score and the baselines order the models against their losses, and what they cost."""
    if not ranking.correlation and not ranking.models[0].baselines:
        return None
    if not ranking.correlation:
        return section(
            "Cost of the measures",
            table_element("Costs", cost_table(ranking)),
            notes(cost_notes(ranking)),
        )
    return section(
        "Correlation with the training losses",
        table_element("Correlations", prediction_table(ranking)),
        notes(prediction_notes(ranking)),
    )
