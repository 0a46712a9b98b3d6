"""What a training came to, and where it may go on: plain arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from sed2.common.cost import UNKNOWN, Cost
from sed2.common.display import Brief
from sed2.options import TrainingSettings

CROSS_ENTROPY, SQUARED_ERROR = "cross entropy", "squared error"


@dataclass(frozen=True, repr=False, eq=False)
class Training(Brief):
    """The losses of one model under S seeds. A number that is not finite means that it diverged."""

    objective: str
    """Softmax cross entropy in nats, where the targets are classes; else the squared error, a mean
    over outputs."""
    loss: np.ndarray
    """(S, epochs) mean over the steps of each epoch, while the parameters change."""
    final_loss: np.ndarray
    """(S,) mean over the whole training set after the last step."""
    accuracy: np.ndarray | None
    """(S,) share of the training set that is classified rightly then; NaN where `final_loss`
    is not finite; None without classes."""
    samples: int
    """Rows of the training set."""
    wanted: int
    """Rows that were asked for; more than `samples` if the data set has not so many."""
    batch_size: int
    """Rows of one step: those asked for, or all rows if there are fewer."""
    steps: int
    """Of one training, all epochs together."""
    settings: TrainingSettings
    cost: Cost = field(default=UNKNOWN, compare=False)
    """Of all seeds, from the first epoch on."""

    @property
    def diverged(self) -> np.ndarray:
        """(S,) whether a loss is not finite."""
        return ~(np.isfinite(self.loss).all(axis=1) & np.isfinite(self.final_loss))

    @property
    def mean(self) -> float:
        """Of the final loss over the seeds; NaN if one of them diverged."""
        return math.nan if self.diverged.any() else float(self.final_loss.mean())

    @property
    def std_error(self) -> float:
        """Standard error of that mean; NaN for one seed, or if one diverged."""
        seeds = len(self.final_loss)
        if seeds == 1 or self.diverged.any():
            return math.nan
        return float(self.final_loss.std(ddof=1)) / math.sqrt(seeds)

    @property
    def mean_accuracy(self) -> float:
        """Over the seeds; NaN without classes, or if one diverged."""
        if self.accuracy is None or self.diverged.any():
            return math.nan
        return float(self.accuracy.mean())

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader must know before using the losses."""
        found = []
        if self.samples < self.wanted:
            found.append(
                f"the data set has {self.samples:,} rows, so the training is on these and not on "
                f"{self.wanted:,}"
            )
        if self.diverged.any():
            found.append(
                f"the training diverged with {self.diverged.sum()} of {len(self.diverged)} seeds, "
                "so its loss is undefined; a smaller --learning-rate may help"
            )
        return tuple(found)


@dataclass(frozen=True, repr=False, eq=False)
class Checkpoint(Brief):
    """Where the training of one model under S seeds stands: all that it needs to go on, bit for bit
    as if it had not stopped. The batches to come follow from the seed and the epoch."""

    epochs: int
    """Done."""
    arrays: tuple[np.ndarray, ...]
    """Each (S, ...), in the precision of the training: the parameters, the steps that Adam has
    counted, and its first and second moments."""
    loss: np.ndarray
    """(S, epochs) as of a `Training`."""
    cost: Cost = field(default=UNKNOWN, compare=False)
    """Until here."""


@dataclass(frozen=True)
class Stopped:
    """The training of one model, as far as it has come."""

    checkpoint: Checkpoint
    """After the last epoch."""
    trainings: tuple[Training, ...]
    """At each stop: what `train` with so many epochs comes to."""
