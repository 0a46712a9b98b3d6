"""Workflow commands of GitHub Actions: each gate that is no pass at its line of the spec.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

from pathlib import Path

from sed2.gating.outcome import GatedModel, GateResult, Status
from sed2.report import words as gate_words


def workflow_commands(result: GateResult, workspace: str = "") -> list[str]:
    """One `::error ...::` line for every gate that is no pass.

    Args:
        result: of the gate.
        workspace: folder of the repository, to which GitHub takes paths as relative.
    """
    return [
        f"::error {_place(model, workspace)}title={_property(f'sed2 gate {check.status}')}::"
        f"{_data(gate_words.complaint(model, check))}"
        for model in result.models
        for check in model.checks
        if check.status is not Status.PASSED
    ]


def _place(model: GatedModel, workspace: str) -> str:
    if not model.where:
        return ""
    file, line, column = model.where.rsplit(":", 2)
    path = Path(file).absolute()
    if workspace and path.is_relative_to(workspace):
        file = str(path.relative_to(workspace))
    return f"file={_property(file)},line={line},col={column},"


def _data(text: str) -> str:
    """The text of a command: a line break would end it, and begin another."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """A value of a property, which a colon or a comma would end as well."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
