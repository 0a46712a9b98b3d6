"""The page of `rank`."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree.ElementTree import Element

from sed2.ranking.results import RankedModel, Ranking
from sed2.report.documents.ranking import rank_document
from sed2.report.figures.training import ranking_figure
from sed2.report.html import parts
from sed2.report.html.elements import Cell, element, head, notes, plain, section, table
from sed2.report.html.page import page
from sed2.report.tables.ranking import (
    crossing_notes,
    order_note,
    rank_notes,
    rank_table,
    ranking_warnings,
)
from sed2.report.tables.training import (
    baseline_columns,
    baseline_notes,
    prediction_notes,
    prediction_table,
)

_KEYS: dict[str, Callable[[RankedModel], float | str]] = {
    "#": lambda model: model.rank,
    "model": lambda model: model.result.name,
    "lower 2sED": lambda model: model.result.score.value,
    "95% interval": lambda model: model.result.score.interval[0],
    "train loss": lambda model: model.training.mean if model.training else float("nan"),
    "P(best)": lambda model: model.probability_best.score,
    "P(order)": lambda model: model.order_probability.score,
    "N": lambda model: model.result.inputs,
    "K": lambda model: model.result.settings.draws,
    "parameters": lambda model: model.result.parameters,
    "2sED": lambda model: model.result.two_sed_score.value,
    "ESS": lambda model: model.result.effective_sample_size.min(),
    "accuracy": lambda model: model.training.mean_accuracy if model.training else float("nan"),
}
"""What each column of the terminal's table is sorted by."""


def rank_page(ranking: Ranking, command: str = "") -> bytes:
    """The ranking, its curves and all that determines it, as one HTML file.

    Args:
        command: the command line that made it; empty if none did.
    """
    document, warnings = rank_document(ranking), ranking_warnings(ranking)
    count = len(ranking.models)
    title = f"{count} model{'s' * (count != 1)}, ranked before training"
    headers, rows = _table(ranking)
    return page(
        title,
        [
            head(
                "sed2 rank",
                title,
                element("p", order_note(ranking)),
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
    headers, rows = rank_table(ranking)
    others, values = baseline_columns(ranking.models, without=headers)
    return [*headers, *others], [
        [
            *(Cell(text, _KEYS[name](model)) for name, text in zip(headers, row, strict=True)),
            *(
                Cell(text, (model.baselines or {})[name].value)
                for name, text in zip(others, more, strict=True)
            ),
        ]
        for model, row, more in zip(ranking.models, rows, values, strict=True)
    ]


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
