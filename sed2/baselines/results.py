"""What `--baselines` returns: one value for each measure and model."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from sed2.common.cost import UNKNOWN, Cost


@dataclass(frozen=True)
class BaselineValue:
    """What came out for one model."""

    value: float
    """NaN if it is undefined or not finite; never replaced by another number."""
    reason: str = ""
    """Why it is NaN; or what to know of it, if it is not."""
    cost: Cost = field(default=UNKNOWN, compare=False)
    """What several measures share is divided among them. That of a training is from its beginning:
    that of fewer epochs is part of it."""

    @classmethod
    def of(cls, value: float, otherwise: str) -> BaselineValue:
        """The value itself, or NaN for that reason if it is not finite."""
        return cls(float(value)) if math.isfinite(value) else cls(math.nan, otherwise)
