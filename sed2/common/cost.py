"""What a value has cost, in CPU seconds: those do not hang on what else the machine does."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """Of a value, in the process that computed it."""

    cpu_seconds: float
    """Of all its threads, compilation included; NaN if nobody measured. What was taken over from a
    run directory, or from another model, has its cost there."""
    compilation_seconds: float = math.nan
    """Of these, for programs that several models share, divided among them; NaN if it is not told
    apart."""

    @classmethod
    def since(cls, start: float) -> Cost:
        """Of all that was done since `time.process_time()` was `start`."""
        return cls(time.process_time() - start)

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.cpu_seconds + other.cpu_seconds,
            self.compilation_seconds + other.compilation_seconds,
        )


UNKNOWN = Cost(math.nan)
