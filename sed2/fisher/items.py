"""Work items: a draw of all parameters and noise, under weights of the inputs.

The weights are all one for the estimate and leave a group of inputs out for the jackknife over
inputs, so both run through the same programs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sed2.chain import Chain
from sed2.fisher.plan import Plan
from sed2.measure.uncertainty import Series
from sed2.settings import SpectraSettings


@dataclass(frozen=True)
class Items:
    """All that Fisher spectra are computed from; eps is not known here."""

    chain: Chain
    inputs: np.ndarray
    """(N, *input_shape)."""
    draws: np.ndarray
    """(B,) which draw each item takes; the same number gives the same parameters and noise."""
    weights: np.ndarray
    """(B, N) square roots of the weights of the inputs."""
    settings: SpectraSettings
    plan: Plan
    """The way of each block, and how many items run at a time."""
    quieter: np.ndarray | float = 1.0
    """(B,) what the noise of each item is divided by, or one number for all."""

    @classmethod
    def of_series(
        cls,
        chain: Chain,
        inputs: np.ndarray,
        series: Sequence[Series],
        settings: SpectraSettings,
        plan: Plan,
    ) -> Items:
        """The items of some series, one series after the other."""
        draws = np.concatenate([each.draws for each in series])
        weights = np.concatenate([each.weights for each in series])
        quieter = np.concatenate([np.full(each.count, each.quieter) for each in series])
        return cls(chain, inputs, draws, weights, settings, plan, quieter)

    @property
    def sigma(self) -> np.ndarray:
        """(B,) standard deviation of the noise of each item; 0 is the limit."""
        return np.broadcast_to(self.settings.noise / np.asarray(self.quieter), len(self))

    def __len__(self) -> int:
        return len(self.draws)

    def __getitem__(self, index: slice | np.ndarray) -> Items:
        """Some of the items."""
        quieter = np.broadcast_to(self.quieter, len(self))[index]
        return replace(self, draws=self.draws[index], weights=self.weights[index], quieter=quieter)
