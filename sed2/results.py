"""What `compute` returns: typed, immutable, plain arrays. The CLI merely prints them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from sed2.common.cost import UNKNOWN, Cost
from sed2.common.display import Brief, Tabled
from sed2.settings import Settings


@dataclass(frozen=True, repr=False, eq=False)
class Curve(Brief):
    """An estimate over the eps grid. All arrays (E,), in dimensions; NaN means undefined."""

    estimate: np.ndarray
    std_error_draws: np.ndarray
    """From the K draws; undefined for one draw. For a value biased low it is the scatter between
    seeds at the same K, which says nothing of the distance to the limit of many draws."""
    std_error_inputs: np.ndarray
    """From the N inputs; zero if they are all rows of the data."""
    std_error_spectra: np.ndarray
    """From spectra that are sampled themselves; zero if all are exact."""
    interval: np.ndarray
    """(E, 2) that holds the value for infinitely many draws, averaged over the choice of the N
    inputs, with 95% confidence; undefined for a value biased low."""
    lower_estimate: np.ndarray
    """Whether too few draws carry the value for an honest interval: it lies below its limit."""

    @property
    def scatter(self) -> np.ndarray:
        """From all sources: how far away another seed lands, at the same N and K."""
        draws_and_inputs = np.hypot(self.std_error_draws, self.std_error_inputs)
        return np.hypot(draws_and_inputs, self.std_error_spectra)

    @property
    def std_error(self) -> np.ndarray:
        """The scatter, where it is an error as well; undefined for a value biased low."""
        return np.where(self.lower_estimate, np.nan, self.scatter)


@dataclass(frozen=True)
class BlockPlan:
    """How one block's spectrum is computed, decided before the work."""

    name: str
    parameters: int
    way: str
    """In words."""
    bytes: int
    """Forecast of the memory for one draw."""
    work: float
    """Forecast of the floating-point operations for one draw."""
    input_shape: tuple[int, ...] = ()
    """Of one input."""
    output_shape: tuple[int, ...] = ()
    is_structured: bool = False
    """Whether its spectrum is computed by the exact structure of units or channels."""
    holds: tuple[str, ...] = ()
    """Its parameters by their paths, if a network of the user's was taken apart."""


@dataclass(frozen=True, repr=False, eq=False)
class BlockShare(Brief):
    """One block's part in the result."""

    name: str
    parameters: int
    rank: int
    """Largest rank of its Fisher matrix over the draws."""
    share: np.ndarray
    """(E,) what the block adds to lower 2sED."""


@dataclass(frozen=True, repr=False, eq=False)
class Score(Brief):
    """A measure as one number: at eps_n, or its mean over the eps grid, in log eps."""

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


@dataclass(frozen=True, repr=False, eq=False)
class Replicates(Brief):
    """Deviations of a measure by chance, on the grid and, last, of its score: (..., E + 1).

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
    engine: str = "xla"
    """What computed the spectra: `lapack`, or `xla` where something had to be compiled."""


@dataclass(frozen=True, repr=False, eq=False)
class SmcReport(Brief):
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


@dataclass(frozen=True, repr=False, eq=False)
class Factors(Brief):
    """What a score is made of that looks at the whole network as well."""

    curve: Curve
    """Of the score's own measure."""
    lower: Score
    """Of lower 2sED."""
    end_to_end: Score
    """Of 2sED end-to-end."""
    end_to_end_curve: Curve
    effective_sample_size: np.ndarray
    """(E,) of the draws' weights in 2sED end-to-end."""
    plan: BlockPlan
    """Of the network as one block."""


@dataclass(frozen=True, repr=False, eq=False)
class ModelResult(Tabled):
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
    """The number that `rank` orders by: of lower 2sED, or as `settings.score` says."""
    two_sed_score: Score
    """Of 2sED, to stand beside the score."""
    replicates: Replicates
    """Of the score's measure."""
    plan: tuple[BlockPlan, ...]
    warnings: tuple[str, ...]
    provenance: Provenance
    smc: SmcReport | None = None
    """None for plain Monte Carlo."""
    factors: Factors | None = None
    """None where lower 2sED is the score."""
    cost: Cost = field(default=UNKNOWN, compare=False)
    """Of all its numbers; of spectra, those that were not taken over."""

    @property
    def curve(self) -> Curve:
        """Of the score's measure."""
        return self.factors.curve if self.factors else self.lower_two_sed

    @property
    def score_sample_size(self) -> np.ndarray:
        """(E,) the smallest effective sample size in the score's measure."""
        sizes = self.lower_effective_sample_size
        return np.minimum(sizes, self.factors.effective_sample_size) if self.factors else sizes

    @property
    def eps_n(self) -> float | None:
        """The covering radius of Theorem 5.1, if the size of the training set is known."""
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
    label: str | None = None
    """The column of a table that is the label, and no input, or `none`; None for other data."""
    numbers: bool = False
    """Whether labels are numbers to predict, and no classes."""
