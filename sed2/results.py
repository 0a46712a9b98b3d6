"""What `compute` and `rank` return: typed, immutable, plain arrays. The CLI merely prints them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sed2.settings import Settings

if TYPE_CHECKING:  # they come after the results, which they are added to
    from sed2.baselines import BaselineValue
    from sed2.prediction import Prediction
    from sed2.training import Training


@dataclass(frozen=True)
class Curve:
    """An estimate over the eps grid. All arrays (E,), in dimensions; NaN means undefined."""

    estimate: np.ndarray
    std_error_draws: np.ndarray
    """From the K draws; undefined for one draw. For a lower estimate it is the scatter between
    seeds at the same K, which says nothing of the distance to the limit of many draws."""
    std_error_inputs: np.ndarray
    """From the N inputs; zero if they are all rows of the data."""
    std_error_spectra: np.ndarray
    """From spectra that are sampled themselves; zero if all are exact."""
    interval: np.ndarray
    """(E, 2) that holds the value for infinitely many draws, averaged over the choice of the N
    inputs, with 95% confidence; undefined for a lower estimate."""
    lower_estimate: np.ndarray
    """Whether too few draws carry the value for an honest interval: it lies below its limit."""

    @property
    def scatter(self) -> np.ndarray:
        """From all sources: how far away another seed lands, at the same N and K."""
        draws_and_inputs = np.hypot(self.std_error_draws, self.std_error_inputs)
        return np.hypot(draws_and_inputs, self.std_error_spectra)

    @property
    def std_error(self) -> np.ndarray:
        """The scatter, where it is an error as well; undefined for a lower estimate."""
        return np.where(self.lower_estimate, np.nan, self.scatter)


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
    interval: tuple[float, float]
    """As for a curve."""
    lower_estimate: bool
    """As for a curve; of a mean over the grid, if one point of it is."""

    @property
    def scatter(self) -> float:
        """As for a curve."""
        return math.hypot(self.std_error_draws, self.std_error_inputs, self.std_error_spectra)

    @property
    def std_error(self) -> float:
        """As for a curve."""
        return math.nan if self.lower_estimate else self.scatter


@dataclass(frozen=True)
class Replicates:
    """Deviations of lower 2sED by chance, on the grid and, last, of the score: (..., E + 1).

    Summed with independent standard normal coefficients, the deviations of one source scatter as
    the estimate does: over eps, and over models that have the coefficients of the inputs in common.
    """

    draws: np.ndarray
    """(R, E + 1)."""
    draws_freedom: int
    """Degrees of freedom of their variance."""
    inputs: np.ndarray
    """(G, E + 1), one for each group of inputs; the same groups for all models of a ranking."""
    inputs_own: np.ndarray
    """(E + 1,) standard errors from the inputs that no other model shares."""
    spectra: np.ndarray
    """(E + 1,) standard errors."""
    stream: int
    """Names the model's random numbers: a hash of its architecture."""


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
class SmcReport:
    """How sequential Monte Carlo went at each eps. All arrays (E,)."""

    temperatures: np.ndarray
    """Of all stages."""
    moves: np.ndarray
    """Of every particle, over all temperatures."""
    acceptance: np.ndarray
    """Share of the proposals that were accepted: the smallest over temperatures and blocks."""
    correlation: np.ndarray
    """Of the log-determinants before and after the moves at one temperature: the largest."""
    ess_share: np.ndarray
    """Effective share of the particles: the smallest over temperatures."""
    island_spread: np.ndarray
    """Standard deviation of lower 2sED over the islands, in dimensions."""


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
    """(E,) of the draws' weights in 2sED, between 1 and K; of the particles, for `smc`."""
    lower_effective_sample_size: np.ndarray
    """(E,) the smallest over the blocks of the draws' weights in lower 2sED."""
    upper_bound: np.ndarray
    """(E,) right-hand side of (11) with the measured rank and largest eigenvalue; NaN where these
    are not measured, because a spectrum is sampled."""
    upper_bracket: np.ndarray
    """(E,) never below 2sED with the same draws: every determinant replaced by the most that the
    traces and ranks of its blocks allow; NaN like `upper_bound`, which it is never above, and for
    `smc`, whose 2sED is not that of the draws."""
    trace_bracket: np.ndarray
    """(E,) the same by the whole trace and d alone, (1 + a sqrt(tr Fhat / d))^d; not as sharp."""
    max_rank: int
    """r of (11): the largest rank of the Fisher matrix over the draws; an estimate, if sampled."""
    max_eigenvalue: float
    """mu of (11): the largest eigenvalue of the normalised Fisher matrix over the draws; NaN if a
    spectrum is sampled."""
    score: Score
    two_sed_score: Score
    """The same functional of 2sED, to stand beside the score."""
    replicates: Replicates
    plan: tuple[BlockPlan, ...]
    warnings: tuple[str, ...]
    provenance: Provenance
    smc: SmcReport | None = None
    """None for plain Monte Carlo."""

    @property
    def eps_n(self) -> float | None:
        """The covering radius of Theorem 5.1, if the size of the training set is known."""
        return self.settings.eps_n


@dataclass(frozen=True)
class Probability:
    """Of a statement about the models' averages over all seeds at their own N and K (which are not
    the limits of many draws, for lower estimates); NaN if undefined."""

    score: float
    """By the score."""
    curve: np.ndarray
    """(E,) at each eps."""


@dataclass(frozen=True)
class RankedModel:
    """A model and its place, 1 is best."""

    rank: int
    result: ModelResult
    separation: float
    """Gap to the next model's score in standard errors of the difference; NaN for the last."""
    probability_best: Probability
    """Of being ahead of all others."""
    order_probability: Probability
    """Of being ahead of the next model; NaN for the last."""
    decided: bool | None = None
    """Whether that order is as sure as was asked for, if it was; None for the last."""
    training: Training | None = None
    """What training it came to, if that was asked for."""
    baselines: Mapping[str, BaselineValue] | None = None
    """By name, if they were asked for."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Of its score and of its training."""
        return (*self.result.warnings, *(self.training.warnings if self.training else ()))


@dataclass(frozen=True)
class Crossing:
    """Two curves of lower 2sED change order at eps."""

    eps: float
    larger_below: str
    """The model that is ahead at smaller eps."""
    larger_above: str
    """The model that is ahead at larger eps."""
    eps_interval: tuple[float, float]
    """Where they cross with a probability of 95%, if they cross within the grid."""
    probability: float
    """That they cross in this direction within the grid."""


@dataclass(frozen=True)
class Demand:
    """What `rank --until-decided` was to reach."""

    probability: float
    """Of every order of neighbours."""
    max_draws: int
    """K at most."""
    max_samples: int
    """N at most."""


@dataclass(frozen=True)
class Ranking:
    """All models of a file, largest lower 2sED first."""

    models: tuple[RankedModel, ...]
    settings: Settings
    """Those of the first model of the file; with a demand, those at the beginning."""
    crossings: tuple[Crossing, ...]
    """Of the first models; see `sed2.ranking.LEADING`."""
    warnings: tuple[str, ...]
    demand: Demand | None = None
    correlation: Prediction | None = None
    """Between the score and the training losses, if the models were trained."""

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
