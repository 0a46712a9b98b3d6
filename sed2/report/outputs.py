"""The files that a command writes besides the terminal. Checked before the work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sed2.common import terminal
from sed2.common.files import check_files, kept_apart, replace_file
from sed2.errors import UsageError
from sed2.gating.outcome import GateResult
from sed2.generalisation.results import BoundResult
from sed2.ranking.results import Ranking
from sed2.report.comparison import Comparison
from sed2.report.documents.bound import bound_document
from sed2.report.documents.ci import junit, summary
from sed2.report.documents.diff import diff_document
from sed2.report.documents.gate import gate_document
from sed2.report.documents.model import compute_document, csv_text
from sed2.report.documents.ranking import rank_csv, rank_document
from sed2.report.documents.selection import selection_csv, selection_document
from sed2.report.documents.stability import stability_csv, stability_document
from sed2.report.documents.text import to_json
from sed2.report.figures.curves import draw_curves, rendered
from sed2.report.figures.stability import draw_stability
from sed2.report.figures.training import draw_ranking, draw_selection
from sed2.report.html.pages import compute_page, gate_page, rank_page, selection_page
from sed2.report.tracking import TRACKERS, check, track
from sed2.results import ModelResult
from sed2.robustness.results import StabilityResult
from sed2.selection.results import Selection

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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
        for name, path in self.files.items():
            content = self._content(name, result)
            replace_file(path, content.encode() if isinstance(content, str) else content)
        if self.json_on_stdout:
            terminal.write(_json(result))

    def track(self, result: Any) -> None:
        """Log a result, after all else is said and written.

        Raises:
            UsageError: a tracker has failed.
        """
        if self.trackers:
            track(self.trackers, _json(result), self.command)

    def _content(self, name: str, result: Any) -> str | bytes:
        """What the file of an option holds."""
        match name:
            case "json":
                return _json(result)
            case "csv":
                return _CSV[type(result)](result)
            case "plot":
                file_format = self.files["plot"].suffix[1:].lower()
                return rendered(_FIGURES[type(result)](result), file_format)
            case "html":
                return _PAGES[type(result)](result, self.command)
            case "junit":
                return junit(result)
            case _:
                return summary(result).encode(errors="replace")


def _json(result: Any) -> str:
    return to_json(_DOCUMENTS.get(type(result), dict)(result))


_DOCUMENTS: Mapping[type, Callable[[Any], dict[str, Any]]] = {
    ModelResult: compute_document,
    Ranking: rank_document,
    Selection: selection_document,
    StabilityResult: stability_document,
    BoundResult: bound_document,
    GateResult: gate_document,
    Comparison: diff_document,
}
"""Of each kind of result; anything else is a document itself."""
_CSV: Mapping[type, Callable[[Any], str]] = {
    ModelResult: lambda result: csv_text([result]),
    Ranking: rank_csv,
    Selection: selection_csv,
    StabilityResult: stability_csv,
}
_FIGURES: Mapping[type, Callable[[Any], Figure]] = {
    ModelResult: lambda result: draw_curves([result]),
    Ranking: draw_ranking,
    Selection: draw_selection,
    StabilityResult: draw_stability,
}
_PAGES: Mapping[type, Callable[[Any, str], bytes]] = {
    ModelResult: compute_page,
    Ranking: rank_page,
    Selection: selection_page,
    GateResult: gate_page,
}
