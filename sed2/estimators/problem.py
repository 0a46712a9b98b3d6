"""What a strategy is handed, and what it returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sed2.chain import Chain
from sed2.fisher.plan import Plan
from sed2.measure.intervals import Measured
from sed2.measure.spectra import Spectra
from sed2.measure.uncertainty import Jackknife
from sed2.results import SmcReport
from sed2.settings import Settings


@dataclass(frozen=True)
class Problem:
    """All that a strategy may need."""

    chain: Chain
    inputs: np.ndarray
    """(N, *input_shape)."""
    settings: Settings
    plan: Plan
    spectra: Spectra
    """Of K draws from the parameter measure."""
    left_out: Spectra
    """Of the jackknife's items."""
    jackknife: Jackknife
    eps: np.ndarray
    """(E,) the grid, and eps_n if there is one."""
    score_weights: np.ndarray
    """(E,) of the curve in the score."""
    progress: Callable[[int, int], None]

    @property
    def functionals(self) -> np.ndarray:
        """(F, E) of a curve: its values on the grid and, last, the score."""
        return np.vstack([np.eye(len(self.eps))[: len(self.settings.eps)], self.score_weights])

    @property
    def stream(self) -> int:
        """Names the model's random numbers."""
        return self.chain.blocks[-1].stream


@dataclass(frozen=True)
class Estimates:
    """What a strategy returns, in dimensions."""

    two: Measured
    lower: Measured
    shares: np.ndarray
    """(E, L) the share of each block in lower 2sED."""
    two_size: np.ndarray
    """(E,) effective sample size in 2sED."""
    lower_size: np.ndarray
    """(E,) the smallest in lower 2sED."""
    warnings: tuple[str, ...] = ()
    smc: SmcReport | None = None
