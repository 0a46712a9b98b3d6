"""What the gate returns: typed, immutable. The CLI merely prints it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from sed2.common.display import Brief, Models, Tabled
from sed2.errors import ExitCode
from sed2.gating.rules import Rules
from sed2.results import Provenance
from sed2.settings import Settings


class Status(StrEnum):
    """Of one gate, of a model, or of all."""

    PASSED = "passed"
    FAILED = "failed"
    UNDECIDED = "undecided"

    @classmethod
    def worst(cls, found: list[Status]) -> Status:
        """A failure is one whatever is left open; nothing to object to is a pass."""
        order = (cls.FAILED, cls.UNDECIDED, cls.PASSED)
        return next((status for status in order if status in found), cls.PASSED)


Kind = Literal["ratio", "floor", "parameters", "missing", "new"]


@dataclass(frozen=True)
class Check:
    """One gate of one model."""

    kind: Kind
    status: Status
    message: str
    """In one sentence without a full stop: what was demanded and what was found."""
    probability: float | None = None
    """That the demand is met, if that is a matter of chance."""


@dataclass(frozen=True)
class GatedScore:
    """A score as the gate compares it, in dimensions."""

    value: float
    """The mean over the batches of K draws."""
    lower_estimate: bool
    draws: int
    """Of all batches."""
    scatter: float
    """Standard error from all sources: how far away another seed lands, at the same N and K."""


@dataclass(frozen=True)
class Ratio:
    """Of the score to the baseline's."""

    value: float
    std_error: float
    """To first order, what the same inputs do to both left out; 0 for an unchanged model."""


@dataclass(frozen=True, repr=False, eq=False)
class GatedModel(Brief):
    """All gates of one model."""

    name: str
    where: str
    """`file:line:column` in the spec; of the spec's list, for a model that is missing there; empty
    for notation."""
    checks: tuple[Check, ...]
    parameters: int | None
    """None for a model that is missing in the spec."""
    score: GatedScore | None
    """None for a model that is missing, or new with no floor to hold it against."""
    baseline: GatedScore | None
    """None for a new model."""
    ratio: Ratio | None
    unchanged: bool
    """Whether the architecture is that of the baseline, so that the ratio is 1."""
    computed: bool
    """Whether anything was computed; an unchanged model is answered from the baseline."""

    @property
    def status(self) -> Status:
        return Status.worst([check.status for check in self.checks])


@dataclass(frozen=True, repr=False, eq=False)
class GateResult(Tabled, Models[GatedModel]):
    """All models of the spec and of the baseline, in the spec's order, the missing ones last."""

    models: tuple[GatedModel, ...]
    rules: Rules
    settings: Settings
    """Of the first model."""
    inputs: int
    """N: how many were used."""
    spec: str
    """The file, or the notation."""
    baseline: str
    """The file."""
    warnings: tuple[str, ...]
    provenance: Provenance | None
    """Of what was computed; None if nothing was."""

    @property
    def status(self) -> Status:
        return Status.worst([model.status for model in self.models])

    @property
    def exit_code(self) -> ExitCode:
        """That of the command line."""
        return {
            Status.PASSED: ExitCode.OK,
            Status.FAILED: ExitCode.GATE_FAILED,
            Status.UNDECIDED: ExitCode.UNDECIDED,
        }[self.status]
