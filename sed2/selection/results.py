"""What `select` returns: the choice, how sure it is, and what it took."""

from __future__ import annotations

from dataclasses import dataclass

from sed2.common.display import Brief, Models, Tabled
from sed2.options import TrainingSettings
from sed2.results import Provenance
from sed2.selection.schedule import Rung
from sed2.settings import Settings
from sed2.training.result import Training


@dataclass(frozen=True, repr=False, eq=False)
class SelectedModel(Brief):
    """A candidate, and how far it came."""

    name: str
    parameters: int
    prior: float
    """What it was judged by before any training, larger is better; NaN if by nothing."""
    rungs: int
    """How many it was trained in; 0 if it was left out before."""
    training: Training | None
    """As far as it came; None without any."""
    forecast: float
    """Its loss at the end of a whole training; NaN without any."""
    std_error: float
    """Of the logarithm of that forecast; infinite where nothing tells it yet."""
    probability: float
    """Of having the lowest loss of all that were trained; NaN if nothing tells it yet."""

    @property
    def epochs(self) -> int:
        """For which it was trained."""
        return self.training.settings.epochs if self.training else 0


@dataclass(frozen=True)
class Spent:
    """What the choice took, in CPU seconds, and what training all to the end would take."""

    judging: float
    """The measure that left candidates out; 0 without one."""
    training: float
    training_all: float
    """By what an epoch took of those that were trained, and for the others by their operations."""
    epochs: int
    """Of networks under all seeds."""
    epochs_all: int

    @property
    def share(self) -> float:
        """Of the cost of training all."""
        return (self.judging + self.training) / self.training_all


@dataclass(frozen=True, repr=False, eq=False)
class Selection(Tabled, Models[SelectedModel]):
    """The candidates, the choice first; then those that came further, and lower losses, first."""

    models: tuple[SelectedModel, ...]
    decide_at: float
    regret: float
    """By how much the loss of the choice lies above the lowest one, on average; NaN if nothing
    tells it yet."""
    rungs: tuple[Rung, ...]
    """That were planned."""
    done: int
    """How many of them were done."""
    prune_by: str
    """What left candidates out before any training, and weighs against their losses; `none`."""
    spent: Spent
    rows: int
    """Of the data."""
    provenance: Provenance
    """Its spec is that of the choice."""
    settings: Settings
    training: TrainingSettings
    """Of a whole training."""
    warnings: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    """Candidates that are above the limits of size that were given."""

    @property
    def choice(self) -> SelectedModel:
        return self.models[0]

    @property
    def decided(self) -> bool:
        """Whether the choice is as sure as was asked for."""
        return self.choice.probability >= self.decide_at
