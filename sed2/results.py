"""What `compute` and `rank` return: typed, immutable, plain arrays. The CLI merely prints them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sed2.settings import Settings


@dataclass(frozen=True)
class Curve:
    """An estimate over the eps grid. All arrays (E,), in dimensions; NaN means undefined."""

    estimate: np.ndarray
    std_error_draws: np.ndarray
    """From the K draws; undefined for one draw, and for 2sED where too few draws carry it."""
    std_error_inputs: np.ndarray
    """From the N inputs; zero if they are all rows of the data."""
    std_error_spectra: np.ndarray
    """From spectra that are sampled themselves; zero if all are exact."""

    @property
    def std_error(self) -> np.ndarray:
        """From all sources: how far away another seed lands, at the same N and K."""
        draws_and_inputs = np.hypot(self.std_error_draws, self.std_error_inputs)
        return np.hypot(draws_and_inputs, self.std_error_spectra)


@dataclass(frozen=True)
class BlockPlan:
    """How one block's spectrum is had, decided before the work."""

    name: str
    parameters: int
    way: str
    """In words."""
    bytes: int
    """Forecast of the memory for one draw."""
    work: float
    """Forecast of the floating-point operations for one draw."""


@dataclass(frozen=True)
class BlockShare:
    """One block's part in the result."""

    name: str
    parameters: int
    rank: int
    """Largest rank of its Fisher matrix over the draws."""
    share: np.ndarray
    """(E,) what the block adds to lower 2sED."""


@dataclass(frozen=True)
class Score:
    """The number that `rank` orders by: lower 2sED at eps_n, or its mean over the eps grid."""

    value: float
    std_error_draws: float
    std_error_inputs: float
    std_error_spectra: float

    @property
    def std_error(self) -> float:
        """From all sources, as for a curve."""
        return math.hypot(self.std_error_draws, self.std_error_inputs, self.std_error_spectra)


@dataclass(frozen=True)
class Provenance:
    """Where the numbers come from."""

    sed2: str
    jax: str
    flax: str
    python: str
    device: str
    dtype: str
    spec_sha256: str
    data_sha256: str


@dataclass(frozen=True)
class ModelResult:
    """2sED and lower 2sED of one model over a grid of covering radii."""

    name: str
    parameters: int
    """d."""
    left_out: int
    """Numbers of the user's modules that are no parameters, held constant."""
    blocks: tuple[BlockShare, ...]
    settings: Settings
    inputs: int
    """How many inputs were used: `settings.samples`, or all rows if there are fewer."""
    eps: np.ndarray
    """(E,) ascending."""
    two_sed: Curve
    lower_two_sed: Curve
    effective_sample_size: np.ndarray
    """(E,) of the draws' weights in 2sED, between 1 and K."""
    lower_effective_sample_size: np.ndarray
    """(E,) the smallest over the blocks of the draws' weights in lower 2sED."""
    upper_bound: np.ndarray
    """(E,) right-hand side of (11) with the measured rank and largest eigenvalue; NaN where these
    are not measured, because a spectrum is sampled."""
    score: Score
    two_sed_score: Score
    """The same functional of 2sED, to stand beside the score."""
    plan: tuple[BlockPlan, ...]
    warnings: tuple[str, ...]
    provenance: Provenance

    @property
    def eps_n(self) -> float | None:
        """The covering radius of Theorem 5.1, if the size of the training set is known."""
        return self.settings.eps_n


@dataclass(frozen=True)
class RankedModel:
    """A model and its place, 1 is best."""

    rank: int
    result: ModelResult
    separation: float
    """Gap to the next model's score in standard errors of the difference; NaN for the last."""


@dataclass(frozen=True)
class Crossing:
    """Two curves of lower 2sED change order at eps."""

    eps: float
    larger_below: str
    """The model that is ahead at smaller eps."""
    larger_above: str
    """The model that is ahead at larger eps."""


@dataclass(frozen=True)
class Ranking:
    """All models of a file, largest lower 2sED first."""

    models: tuple[RankedModel, ...]
    settings: Settings
    crossings: tuple[Crossing, ...]
    warnings: tuple[str, ...]

    @property
    def eps(self) -> np.ndarray:
        """(E,) ascending, common to all models."""
        return self.models[0].result.eps

    @property
    def eps_n(self) -> float | None:
        """The covering radius of Theorem 5.1, at which the models are ordered, if known."""
        return self.settings.eps_n


@dataclass(frozen=True)
class Checked:
    """A model that `validate` found no fault in."""

    name: str
    parameters: int
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    blocks: int
    plan: tuple[BlockPlan, ...]
    """Empty if it was not asked for."""
