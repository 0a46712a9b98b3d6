"""`sed2 gate`: pass or fail a change of an architecture."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sed2.cli import options as shared
from sed2.cli.telling import at_work
from sed2.common import terminal
from sed2.errors import one_line
from sed2.options import ClusterOptions, GateOptions
from sed2.settings import Settings

if TYPE_CHECKING:
    from sed2.gating.outcome import GateResult

STEP_SUMMARY = "GITHUB_STEP_SUMMARY"


@shared.with_options(GateOptions, Settings, ClusterOptions)
@shared.with_outputs("json", "junit", "summary", "html")
def gate(
    spec: shared.SpecArguments,
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
    allow_mixed: shared.AllowMixed = False,
    run_dir: shared.RunDir = None,
    outputs: shared.Outputs,
    options: dict[str, Any],
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
    from sed2 import api

    options["allow_mixed"] = allow_mixed
    if update:
        if outputs.files or outputs.json_on_stdout:
            terminal.warn(
                "--update judges nothing, so --json, --junit, --summary and --html are not written"
            )
        _update(shared.as_spec(spec), baseline, run_dir, options)
        return
    with at_work(run_dir) as work:
        result = api.gate(shared.as_spec(spec), baseline, **work, **options)
    _write(result, outputs)
    _print(result, on_stdout=not outputs.json_on_stdout)
    raise typer.Exit(int(result.exit_code))


def _update(spec: Any, path: Path, run_dir: Path | None, options: dict[str, Any]) -> None:
    from sed2 import api
    from sed2.common.files import check_writable, kept_apart, replace_file
    from sed2.gating.baseline import read_baseline, to_text

    # What is there already is replaced only if it is a baseline: a slip must not cost a spec.
    old = read_baseline(path) if path.exists() and path.stat().st_size else None
    check_writable("baseline", path)
    with kept_apart({"baseline": path}), at_work(run_dir) as work:
        made = api.make_baseline(spec, old, **work, **options)
    replace_file(path, to_text(made).encode())
    count = len(made.models)
    terminal.out().print(
        one_line(f"{path}: {count} model{'s' * (count != 1)} written."),
        markup=False,
        soft_wrap=True,
    )


def _print(result: GateResult, *, on_stdout: bool) -> None:
    from sed2.report.documents.ci import workflow_commands
    from sed2.report.tables.gate import complaints, print_gate

    for warning in result.warnings:
        terminal.warn(warning)
    if on_stdout:
        print_gate(terminal.out(), result)
    for complaint in complaints(result):
        terminal.fail(complaint)
    if os.environ.get("GITHUB_ACTIONS"):
        workspace = os.environ.get("GITHUB_WORKSPACE", "")
        for line in workflow_commands(result, workspace):
            terminal.command(line)


def _write(result: GateResult, outputs: shared.Outputs) -> None:
    """Write all files; GitHub's own may hold what another command of the step has written."""
    from sed2.report.documents.ci import append_summary

    step = os.environ.get(STEP_SUMMARY)
    own = outputs.files.get("summary")
    if step and (own is None or own.resolve() == Path(step).resolve()):
        files = {name: path for name, path in outputs.files.items() if name != "summary"}
        replace(outputs, files=files).write(result)
        if not append_summary(Path(step), result):
            terminal.warn(f"${STEP_SUMMARY} is full, or cannot be written: it has no verdicts")
    else:
        outputs.write(result)
