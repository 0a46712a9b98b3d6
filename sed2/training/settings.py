"""How a candidate is trained: one frozen `TrainingSettings`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sed2.common.validation import StrictModel
from sed2.settings import Number

_LIMIT = 2**31 - 1


class TrainingSettings(StrictModel):
    """All that determines a training, but for the architecture, the data, and the seed and the
    parameter measure, which are those of the score."""

    epochs: Annotated[int, Number] = Field(default=10, ge=1, le=_LIMIT)
    """Passes over the training set."""
    batch_size: Annotated[int, Number] = Field(default=64, ge=1, le=_LIMIT)
    """Rows of one step; what is left over of an epoch is not used in it."""
    learning_rate: Annotated[float, Number] = Field(default=1e-3, gt=0)
    """Step size of Adam."""
    train_seeds: Annotated[int, Number] = Field(default=3, ge=1, le=_LIMIT)
    """Trainings of each model, from parameters and in batches of their own."""
    train_samples: Annotated[int, Field(ge=1, le=2**63 - 1), Number] | None = None
    """Rows to train on, chosen at random; by default --n-train, or all."""
    precision: Literal["float32", "float64"] = "float32"
    """Of the training; the measure itself is always in float64."""
