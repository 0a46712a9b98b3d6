"""The files that a command writes besides the terminal. Checked before the work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sed2.common import terminal
from sed2.common.files import check_files, kept_apart, replace_file
from sed2.errors import UsageError
from sed2.gating.outcome import GateResult
from sed2.generalisation.results import BoundResult
from sed2.ranking.results import Ranking
from sed2.report.comparison import Comparison
from sed2.report.documents.text import to_json
from sed2.report.tracking import TRACKERS, check, track
from sed2.results import ModelResult
from sed2.robustness.results import StabilityResult
from sed2.selection.results import Selection

PLOT_FORMATS = (".png", ".svg", ".pdf")


@dataclass(frozen=True)
class Outputs:
    """Where the results go besides the terminal."""

    files: Mapping[str, Path] = field(default_factory=dict)
    """By the names of their options."""
    json_on_stdout: bool = False
    """Then nothing else goes there."""
    command: str = ""
    """The command line, of which the page tells."""
    trackers: Mapping[str, str] = field(default_factory=dict)
    """Experiment or project by the name of a tracker's option."""

    @classmethod
    def check(cls, *, command: str = "", **files: str | Path | None) -> Outputs:
        """Find out before the work that every file can be written.

        Args:
            files: by the names of their options, trackers among them; None is not given.

        Raises:
            UsageError: a path cannot be written, the figure's format is not known, or a tracker is
                not here.
        """
        on_stdout = files.get("json") == "-"
        named = {name: file for name, file in files.items() if file is not None}
        trackers = {name: str(named.pop(name)) for name in TRACKERS if name in named}
        check(trackers)
        given = {name: Path(file) for name, file in named.items()}
        if on_stdout:
            del given["json"]
        if "plot" in given and given["plot"].suffix.lower() not in PLOT_FORMATS:
            raise UsageError(
                f"`{given['plot']}` has no known figure format",
                mend=f"End it in {', '.join(PLOT_FORMATS)}",
                where="plot",
            )
        check_files(given)
        return cls(given, on_stdout, command, trackers)

    def kept_apart(self) -> AbstractContextManager[None]:
        """Within it no file is read that is to be written."""
        return kept_apart(self.files)

    def write(self, result: Any) -> None:
        """Write all files of a result, and its JSON on stdout, before anything is said of it."""
        forms = self._forms(result)
        for name, path in self.files.items():
            content = forms[name]()
            replace_file(path, content.encode() if isinstance(content, str) else content)
        if self.json_on_stdout:
            terminal.write(forms["json"]())

    def track(self, result: Any) -> None:
        """Log a result, after all else is said and written.

        Raises:
            UsageError: a tracker has failed.
        """
        if self.trackers:
            track(self.trackers, self._forms(result)["json"](), self.command)

    def _forms(self, result: Any) -> dict[str, Callable[[], Any]]:
        """The content of each file that there is of a result: text or bytes, by its option."""
        match result:
            case ModelResult():
                from sed2.report.documents.model import compute_document, csv_text
                from sed2.report.figures.curves import curves_figure
                from sed2.report.html.compute import compute_page

                return {
                    "json": lambda: to_json(compute_document(result)),
                    "csv": lambda: csv_text([result]),
                    "plot": lambda: curves_figure([result], self._figure),
                    "html": lambda: compute_page(result, self.command),
                }
            case Ranking():
                from sed2.report.documents.model import csv_text
                from sed2.report.documents.ranking import rank_document
                from sed2.report.documents.training import csv_columns
                from sed2.report.figures.training import ranking_figure
                from sed2.report.html.ranking import rank_page

                results = [model.result for model in result.models]
                return {
                    "json": lambda: to_json(rank_document(result)),
                    "csv": lambda: csv_text(results, [csv_columns(its) for its in result.models]),
                    "plot": lambda: ranking_figure(result, self._figure),
                    "html": lambda: rank_page(result, self.command),
                }
            case BoundResult():
                from sed2.report.documents.bound import bound_document

                return {"json": lambda: to_json(bound_document(result))}
            case StabilityResult():
                from sed2.report.documents.stability import stability_csv, stability_document
                from sed2.report.figures.stability import stability_figure

                return {
                    "json": lambda: to_json(stability_document(result)),
                    "csv": lambda: stability_csv(result),
                    "plot": lambda: stability_figure(result, self._figure),
                }
            case GateResult():
                from sed2.report.documents.gate import gate_document
                from sed2.report.documents.junit import junit
                from sed2.report.documents.summary import summary
                from sed2.report.html.gate import gate_page

                return {
                    "json": lambda: to_json(gate_document(result)),
                    "junit": lambda: junit(result),
                    "summary": lambda: summary(result).encode(errors="replace"),
                    "html": lambda: gate_page(result, self.command),
                }
            case Selection():
                from sed2.report.documents.selection import selection_csv, selection_document
                from sed2.report.figures.selection import selection_figure
                from sed2.report.html.selection import selection_page

                return {
                    "json": lambda: to_json(selection_document(result)),
                    "csv": lambda: selection_csv(result),
                    "plot": lambda: selection_figure(result, self._figure),
                    "html": lambda: selection_page(result, self.command),
                }
            case Comparison():
                from sed2.report.documents.diff import diff_document

                return {"json": lambda: to_json(diff_document(result))}
            case _:  # a document
                return {"json": lambda: to_json(result)}

    @property
    def _figure(self) -> str:
        """The format of the figure."""
        return self.files["plot"].suffix[1:].lower()
