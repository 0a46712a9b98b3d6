"""The files that a command writes besides the terminal. Checked before the work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sed2.common import terminal
from sed2.common.files import check_files, replace_file
from sed2.errors import UsageError
from sed2.generalisation.results import BoundResult
from sed2.ranking.results import Ranking
from sed2.report.documents.bound import bound_document
from sed2.report.documents.model import compute_document, csv_text
from sed2.report.documents.ranking import rank_document
from sed2.report.documents.text import SCHEMA_VERSION, to_json
from sed2.report.documents.training import (
    csv_columns,
)
from sed2.results import ModelResult
from sed2.robustness.results import StabilityResult

PLOT_FORMATS = (".png", ".svg", ".pdf")


@dataclass(frozen=True)
class Outputs:
    """Where the results go besides the terminal."""

    json: Path | None
    json_on_stdout: bool
    csv: Path | None
    plot: Path | None
    html: Path | None = None
    command: str = ""
    """The command line, of which the page tells."""

    @classmethod
    def check(
        cls,
        *,
        json: str | None = None,
        csv: Path | None = None,
        plot: Path | None = None,
        html: Path | None = None,
        command: str = "",
    ) -> Outputs:
        """Find out before the work that every file can be written.

        Raises:
            UsageError: a path cannot be written, or the figure's format is not known.
        """
        if plot is not None and plot.suffix.lower() not in PLOT_FORMATS:
            raise UsageError(
                f"`{plot}` has no known figure format",
                mend=f"End it in {', '.join(PLOT_FORMATS)}",
                where="--plot",
            )
        json_file = None if json is None or json == "-" else Path(json)
        check_files({"--json": json_file, "--csv": csv, "--plot": plot, "--html": html})
        return cls(json_file, json == "-", csv, plot, html, command)

    def write_compute(self, result: ModelResult) -> None:
        """Write all files of `compute`."""
        self._write_curves(compute_document(result), [result])
        if self.html is not None:
            from sed2.report.html.compute import compute_page

            replace_file(self.html, compute_page(result, self.command))

    def write_rank(self, ranking: Ranking) -> None:
        """Write all files of `rank`."""
        results = [model.result for model in ranking.models]
        more = [csv_columns(model) for model in ranking.models]

        def figure(file_format: str) -> bytes:
            from sed2.report.figures.training import ranking_figure

            return ranking_figure(ranking, file_format)

        self._write(rank_document(ranking), lambda: csv_text(results, more), figure)
        if self.html is not None:
            from sed2.report.html.ranking import rank_page

            replace_file(self.html, rank_page(ranking, self.command))

    def write_bound(self, result: BoundResult) -> None:
        """Write the JSON of `bound`."""
        self._write_curves(bound_document(result), [result.model])

    def write_stability(self, result: StabilityResult) -> None:
        """Write all files of `stability`."""
        from sed2.report.documents.stability import stability_csv, stability_document

        def figure(file_format: str) -> bytes:
            from sed2.report.figures.stability import stability_figure

            return stability_figure(result, file_format)

        self._write(
            stability_document(result, SCHEMA_VERSION), lambda: stability_csv(result), figure
        )

    def _write_curves(self, document: dict[str, Any], results: list[ModelResult]) -> None:
        def figure(file_format: str) -> bytes:
            from sed2.report.figures.curves import curves_figure

            return curves_figure(results, file_format)

        self._write(document, lambda: csv_text(results), figure)

    def _write(
        self,
        document: dict[str, Any],
        table: Callable[[], str],
        figure: Callable[[str], bytes],
    ) -> None:
        text = to_json(document)
        if self.json_on_stdout:
            terminal.write(text)
        elif self.json is not None:
            replace_file(self.json, text.encode())
        if self.csv is not None:
            replace_file(self.csv, table().encode())
        if self.plot is not None:
            replace_file(self.plot, figure(self.plot.suffix[1:].lower()))
