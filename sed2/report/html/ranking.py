"""The page of `rank`."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from sed2.ranking.results import Ranking
from sed2.ranking.size import of_several_sizes
from sed2.report.decision import decision, headline
from sed2.report.documents.ranking import rank_document
from sed2.report.figures.training import ranking_figure, sizes_figure
from sed2.report.html import parts
from sed2.report.html.elements import Cell, element, head, notes, plain, section, table
from sed2.report.html.page import page
from sed2.report.tables.ranking import (
    crossing_notes,
    order_note,
    rank_columns,
    rank_notes,
    ranking_warnings,
    size_notes,
)
from sed2.report.tables.training import (
    baseline_columns,
    baseline_notes,
    prediction_notes,
    prediction_table,
)


def rank_page(ranking: Ranking, command: str = "") -> bytes:
    """The ranking, its curves and all that determines it, as one HTML file.

    Args:
        command: the command line that made it; empty if none did.
    """
    document, warnings = rank_document(ranking), ranking_warnings(ranking)
    title = headline(ranking)
    headers, rows = _table(ranking)
    return page(
        title,
        [
            head(
                "sed2 rank",
                title,
                *(element("p", line) for line in decision(ranking)),
                *(element("p", line) for line in (order_note(ranking), *size_notes(ranking))),
                parts.alert(warnings),
            ),
            section(
                "Ranking",
                table("Ranking", headers, rows, text=(1,), named=1, sortable=True),
                notes([*rank_notes(ranking, headers), *baseline_notes(ranking.models)]),
            ),
            parts.curves(
                lambda file_format: ranking_figure(ranking, file_format),
                crossing_notes(ranking),
            ),
            _sizes(ranking),
            _prediction(ranking),
            parts.warning_list(warnings),
            parts.setting_list(document["settings"], parts.own_settings(document["models"])),
            parts.provenance(document["provenance"]),
            parts.made_by(command),
        ],
        document,
        parts.SCRIPTS,
    )


def _table(ranking: Ranking) -> tuple[list[str], list[list[Cell]]]:
    """Headers and cells, those of the baselines last."""
    columns = rank_columns(ranking)
    headers = [column.header for column in columns]
    others, values = baseline_columns(ranking.models, without=headers)
    return [*headers, *others], [
        [
            *(Cell(column.cell(model), column.key(model)) for column in columns),
            *(
                Cell(text, (model.baselines or {})[name].value)
                for name, text in zip(others, more, strict=True)
            ),
        ]
        for model, more in zip(ranking.models, values, strict=True)
    ]


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
    """How the score and the baselines order the models against their losses."""
    if not ranking.correlation:
        return None
    headers, rows = prediction_table(ranking)
    return section(
        "Correlation with the training losses",
        table("Correlations", headers, plain(rows)),
        notes(prediction_notes(ranking)),
    )
