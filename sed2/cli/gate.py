"""`sed2 gate`: pass or fail a change of an architecture."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sed2.cli.options import AllowImport, AllowPartial, Html, Json, SpecArgument, with_settings
from sed2.common import terminal
from sed2.errors import one_line

if TYPE_CHECKING:
    from sed2.gating.outcome import GateResult

STEP_SUMMARY = "GITHUB_STEP_SUMMARY"


@with_settings
def gate(
    spec: SpecArgument,
    *,
    baseline: Annotated[
        Path,
        typer.Option(
            "--baseline",
            metavar="FILE",
            help="The scores to compare with, as --update writes them; commit it with the spec.",
        ),
    ],
    update: Annotated[
        bool, typer.Option("--update", help="Write the baseline and judge nothing.")
    ] = False,
    min_ratio: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER",
            help="Score demanded of each model, times that of the baseline. [default: 0.95]",
        ),
    ] = None,
    confidence: Annotated[
        str | None,
        typer.Option(metavar="NUMBER", help="Of a pass and of a failure. [default: 0.95]"),
    ] = None,
    max_draws: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER",
            help="Draws per model at most, where fewer do not decide. [default: 8 times --draws]",
        ),
    ] = None,
    max_parameters: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Parameters of each model at most.")
    ] = None,
    min_score: Annotated[
        str | None,
        typer.Option(metavar="NUMBER", help="Score of each model at least, at that confidence."),
    ] = None,
    allow_missing: Annotated[
        bool,
        typer.Option("--allow-missing", help="Let models of the baseline be gone from the spec."),
    ] = False,
    allow_new: Annotated[
        bool, typer.Option("--allow-new", help="Let models of the spec have no baseline.")
    ] = False,
    json: Json = None,
    junit: Annotated[
        Path | None,
        typer.Option("--junit", metavar="FILE", help="Write the verdicts as JUnit XML."),
    ] = None,
    summary: Annotated[
        Path | None,
        typer.Option(
            "--summary",
            metavar="FILE",
            help="Write the verdicts as Markdown. [default: $GITHUB_STEP_SUMMARY, if that is set]",
        ),
    ] = None,
    html: Html = None,
    allow_import: AllowImport = False,
    allow_partial: AllowPartial = False,
    settings: dict[str, Any],
) -> None:
    """Pass or fail a change of an architecture, against a baseline.

    Exits with 0 if every model passes, 3 if one fails, 6 if one is undecided.
    docs/tutorials/gate.md says how to run it in CI, docs/concepts/gate.md how sure it is.

    \b
    Examples:
      sed2 gate configs/mlps.yaml --baseline sed2-baseline.json --update
      sed2 gate configs/mlps.yaml --baseline sed2-baseline.json
      sed2 gate configs/mlps.yaml --baseline b.json --min-ratio 0.9 --junit j.xml
      sed2 gate configs/mlps.yaml --baseline b.json --html gate.html
    """
    outputs = _GateOutputs(json, junit, summary, html)
    from sed2 import api
    from sed2.common.compilation import use_compilation_cache

    trusted: dict[str, Any] = {"allow_import": allow_import, "allow_partial": allow_partial}
    if update:
        outputs.leave_out()
        _update(spec, baseline, {"max_draws": max_draws} | trusted | settings)
        return
    outputs.check(baseline)
    use_compilation_cache()
    with terminal.progress("sampling") as progress:
        result = api.gate(
            spec,
            baseline,
            min_ratio=min_ratio,
            confidence=confidence,
            max_draws=max_draws,
            max_parameters=max_parameters,
            min_score=min_score,
            allow_missing=allow_missing,
            allow_new=allow_new,
            progress=progress,
            **trusted,
            **settings,
        )
    _print(result, on_stdout=json != "-")
    outputs.write(result)
    raise typer.Exit(int(result.exit_code))


def _update(spec: str, path: Path, settings: dict[str, Any]) -> None:
    from sed2 import api
    from sed2.common.compilation import use_compilation_cache
    from sed2.common.files import check_writable, replace_file
    from sed2.gating.baseline import read_baseline, to_text

    # What is there already is replaced only if it is a baseline: a slip must not cost a spec.
    old = read_baseline(path) if path.exists() and path.stat().st_size else None
    check_writable("--baseline", path)
    use_compilation_cache()
    with terminal.progress("sampling") as progress:
        made = api.make_baseline(spec, old, progress=progress, **settings)
    replace_file(path, to_text(made).encode())
    count = len(made.models)
    terminal.out().print(
        one_line(f"{path}: {count} model{'s' * (count != 1)} written."),
        markup=False,
        soft_wrap=True,
    )


def _print(result: GateResult, *, on_stdout: bool) -> None:
    from sed2.report import words as gate_words
    from sed2.report.documents import annotations as gate_annotations
    from sed2.report.tables import gate as gate_table

    for warning in result.warnings:
        terminal.warn(warning)
    if on_stdout:
        gate_table.print_gate(terminal.out(), result)
    for complaint in gate_words.complaints(result):
        terminal.fail(complaint)
    if os.environ.get("GITHUB_ACTIONS"):
        workspace = os.environ.get("GITHUB_WORKSPACE", "")
        for line in gate_annotations.workflow_commands(result, workspace):
            terminal.command(line)


class _GateOutputs:
    """Where the verdicts go besides the terminal."""

    def __init__(
        self, json: str | None, junit: Path | None, summary: Path | None, html: Path | None
    ) -> None:
        self.json = None if json in (None, "-") else Path(str(json))
        self.json_on_stdout = json == "-"
        self.junit, self.summary, self.html = junit, summary, html
        step = os.environ.get(STEP_SUMMARY)
        self.step_summary = Path(step) if step else None

    def leave_out(self) -> None:
        """For a run that has no verdicts."""
        if self.json or self.json_on_stdout or self.junit or self.summary or self.html:
            terminal.warn(
                "--update judges nothing, so --json, --junit, --summary and --html are not written"
            )

    def check(self, baseline: Path) -> None:
        """Find out before the work that every file can be written.

        Raises:
            UsageError: one cannot, or two are the same.
        """
        from sed2.common.files import check_files

        files = {
            "--json": self.json,
            "--junit": self.junit,
            "--summary": self.summary,
            "--html": self.html,
        }
        check_files(files, taken={"--baseline": baseline})

    def write(self, result: GateResult) -> None:
        """Write all files."""
        from sed2.common.files import replace_file
        from sed2.report.documents import gate as gate_files
        from sed2.report.documents.junit import junit
        from sed2.report.documents.summary import append_summary, summary
        from sed2.report.documents.text import to_json

        document = to_json(gate_files.gate_document(result))
        if self.json_on_stdout:
            terminal.write(document)
        elif self.json:
            replace_file(self.json, document.encode())
        if self.junit:
            replace_file(self.junit, junit(result))
        if self.html:
            from sed2.cli.runtime import command_line
            from sed2.report.html.gate import gate_page

            replace_file(self.html, gate_page(result, command_line()))
        if self.summary and not self._is_step_summary(self.summary):
            replace_file(self.summary, summary(result).encode(errors="replace"))
        elif self.step_summary and not append_summary(self.step_summary, result):
            terminal.warn(f"${STEP_SUMMARY} is full, or cannot be written: it has no verdicts")

    def _is_step_summary(self, path: Path) -> bool:
        """GitHub's file may hold what another command of the step has written."""
        return self.step_summary is not None and path.resolve() == self.step_summary.resolve()
