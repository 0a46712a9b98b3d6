"""The decisions on the defaults, by a rule that was committed before the first loss was computed.

Candidates, each against what `sed2 rank` took until then, lower 2sED at sigma 0.01, the mean over
eps 1e-3 to 1e-1:

- `joint`: sqrt(2sED end-to-end x lower 2sED), both at eps 0.3 and sigma 0.01;
- `limit`: lower 2sED at sigma 1e-6, which stands for sigma -> 0, the mean over the same eps.

The gain in a family is the candidate's tau-b with minus the mean final training loss, less that of
today's default, over the architectures whose core cells are all there (they are computed in the
order of the files, so which these are depends on no number). Intervals are the central 95% of
`RESAMPLES` paired bootstraps over the architectures of each family, seed `SEED` + the number of the
family; the mean of the families is taken within each resample, all families of the same weight.

A candidate becomes the default if the interval of its mean gain lies above 0, and the interval of
its gain lies below 0 in no family. Else today's default stays. The two decisions are taken apart.

Nothing is decided before every family has `LEAST` architectures. This sentence was added when a run
had been interrupted, before any loss had been held against a score; it can only keep a default.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sed2.ranking.correlation import bootstrap_taus, tau_b

SEED = 0
RESAMPLES = 2_000
LEAST = 20
"""Architectures of each family before there is a decision."""
GOAL = 0.70
"""tau-b that a score is to have in every family."""


@dataclass(frozen=True)
class Gain:
    """What a candidate gains over today's default."""

    value: float
    interval: np.ndarray
    """(2,)"""

    @classmethod
    def of(cls, gains: np.ndarray) -> Gain:
        """From (1 + resamples,): the gain itself, then its resamples."""
        return cls(float(gains[0]), np.nanquantile(gains[1:], (0.025, 0.975)))


@dataclass(frozen=True)
class Decision:
    """Whether a candidate becomes the default, and by what."""

    families: tuple[Gain, ...]
    mean: Gain

    @property
    def accepted(self) -> bool:
        harmed = any(gain.interval[1] < 0 for gain in self.families)
        return bool(self.mean.interval[0] > 0) and not harmed


def decide(
    families: Sequence[Mapping[str, np.ndarray]], candidate: str, default: str = "lower"
) -> Decision:
    """By the rule above.

    Args:
        families: of each, scores (M,) by name, and minus the loss (M,) as `target`.
        candidate: name of the score that might become the default.
        default: name of the one that is it today.
    """
    gains = []
    for number, family in enumerate(families):
        both, target = np.stack([family[candidate], family[default]]), family["target"]
        taus = bootstrap_taus(both, target, SEED + number, RESAMPLES)
        once = [tau_b(one, target) for one in both]
        gains.append(np.append(once[0] - once[1], taus[:, 0] - taus[:, 1]))
    return Decision(tuple(map(Gain.of, gains)), Gain.of(np.mean(gains, axis=0)))
