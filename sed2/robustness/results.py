"""What `stability` returns: scores over settings and seeds, and what they say of the ranking."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sed2.common.display import Brief, Models, Tabled
from sed2.results import ModelResult
from sed2.settings import Settings

SweptSetting = Literal["samples", "draws", "sigma"]


@dataclass(frozen=True, repr=False, eq=False)
class Sweep(Brief):
    """One setting is varied, the others stay at the base."""

    setting: SweptSetting
    grid: tuple[float, ...]
    """(G,) ascending; the base is among them. Of sigma 0 is the limit."""
    base: int
    """Place of the base in the grid."""
    scores: np.ndarray
    """(M, G, S) of M models under S seeds."""

    @property
    def base_value(self) -> float:
        """The setting at the base."""
        return self.grid[self.base]

    @property
    def mean(self) -> np.ndarray:
        """(M, G) over the seeds."""
        return self.scores.mean(axis=2)

    @property
    def scatter(self) -> np.ndarray:
        """(M, G) standard deviation between seeds; NaN for one seed."""
        if self.scores.shape[2] == 1:
            return np.full(self.scores.shape[:2], np.nan)
        return self.scores.std(axis=2, ddof=1)

    @property
    def agreeing(self) -> np.ndarray:
        """(G,) in how many seeds the order is that of the means."""
        places = range(len(self.grid))
        return np.array([in_order(self.scores[self.order(g), g]).sum() for g in places])

    @property
    def tau(self) -> np.ndarray:
        """(G,) Kendall's tau-a between two seeds, the mean over all pairs of them; a tie counts 0.
        NaN for one seed or one model."""
        models, points, seeds = self.scores.shape
        if models == 1 or seeds == 1:
            return np.full(points, np.nan)
        above, below = np.triu_indices(models, 1)
        signs = np.sign(self.scores[above] - self.scores[below])  # (pairs, G, S)
        first, second = np.triu_indices(seeds, 1)
        return (signs[..., first] * signs[..., second]).mean(axis=(0, 2))

    def order(self, place: int) -> np.ndarray:
        """(M,) the models by their mean score at one place of the grid, largest first."""
        return np.argsort(-self.mean[:, place], kind="stable")


def in_order(scores: np.ndarray) -> np.ndarray:
    """(S,) in which seeds the scores (M, S) descend; a tie does not."""
    return np.all(np.diff(scores, axis=0) < 0, axis=0)


@dataclass(frozen=True)
class Pair:
    """Two neighbours in the order of the mean scores at the largest N."""

    ahead: str
    behind: str
    agreeing: int
    """In how many seeds the one is ahead at the base."""
    samples: int | None
    """The smallest N of the grid from which on it is ahead in all seeds; None if there is none."""
    draws: int | None
    """The same of K."""
    draws_extrapolated: float
    """By the 1/sqrt(K) law, where no K of the grid is enough; NaN if it says nothing."""


@dataclass(frozen=True, repr=False, eq=False)
class Verdict(Brief):
    """Whether a ranking is settled; `sed2.robustness.verdict` says what that means."""

    settled: bool | None
    """None if that cannot be told."""
    why: str
    """Why it cannot be told; else empty."""
    order: tuple[str, ...]
    """By the mean scores at the largest N."""
    agreeing: int
    """In how many seeds the whole order at the base is this one."""
    tau: float
    """Kendall's tau between seeds at the base."""
    pairs: tuple[Pair, ...]
    """The neighbours in `order`."""
    sigma_changes: tuple[float, ...]
    """For which sigma of the grid the order of the mean scores is not that of the base."""

    @property
    def samples(self) -> int | None:
        """The smallest N of the grid from which on all seeds agree on `order`."""
        return _largest([pair.samples for pair in self.pairs])

    @property
    def draws(self) -> int | None:
        """The same of K."""
        return _largest([pair.draws for pair in self.pairs])

    @property
    def draws_extrapolated(self) -> float:
        """K from which on all would by the 1/sqrt(K) law; NaN if it is not needed or not known."""
        if self.draws is not None or not self.pairs:
            return math.nan
        needed = [p.draws_extrapolated if p.draws is None else p.draws for p in self.pairs]
        return float(np.max(needed))

    @property
    def never(self) -> tuple[Pair, ...]:
        """The pairs that nothing settles that was tried, nor a larger K."""
        return tuple(
            pair
            for pair in self.pairs
            if pair.samples is None and pair.draws is None and math.isnan(pair.draws_extrapolated)
        )


def _largest(values: list[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return max(known) if known and len(known) == len(values) else None


@dataclass(frozen=True, repr=False, eq=False)
class StabilityResult(Tabled, Models[ModelResult]):
    """The scores of all models while one setting after the other is varied."""

    models: tuple[ModelResult, ...]
    """(M,) in the order given: at the base, under the first seed, without the error of inputs."""
    seeds: tuple[int, ...]
    """(S,)."""
    sweeps: tuple[Sweep, ...]
    """Over N, K and sigma."""
    verdict: Verdict
    warnings: tuple[str, ...]

    @property
    def settings(self) -> Settings:
        """Of the base, under the first seed."""
        return self.models[0].settings

    @property
    def base_scores(self) -> np.ndarray:
        """(M, S)."""
        return self.sweeps[0].scores[:, self.sweeps[0].base]
