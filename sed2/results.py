"""What `compute` and `rank` return: typed, immutable, plain arrays. The CLI merely prints them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

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


@dataclass(frozen=True)
class Assumption:
    """Something that Theorem 5.1 takes for granted, and on whose word."""

    name: str
    statement: str
    source: Literal["user", "measured", "assumed"]
    """The user said so, sed2 measured it, or nobody vouches for it."""


@dataclass(frozen=True)
class Bracket:
    """A number that grows with 2sED: with 2sED as estimated, and with its upper bound (11)."""

    estimate: float
    """Plain Monte Carlo estimates 2sED from below, so this may be too small."""
    at_most: float
    """With the measured rank and largest eigenvalue; NaN where these are not measured."""


@dataclass(frozen=True)
class Covering:
    """Lemma B.2: natural logarithms of how many Fisher balls of radius eps cover the parameters."""

    eps: np.ndarray
    """(E,)."""
    estimate: np.ndarray
    """(E,) the lemma's bound with 2sED as estimated."""
    at_most: np.ndarray
    """(E,) the lemma's bound with the upper bound (11) on 2sED; NaN where it is not measured."""
    cubes: np.ndarray
    """(E,) how many equal cubes do, without any lemma; NaN like `at_most`."""

    @property
    def vacuous(self) -> np.ndarray:
        """(E,) whether the lemma is not shown to improve on equal cubes."""
        return ~(self.at_most < self.cubes)


@dataclass(frozen=True)
class BoundResult:
    """Theorem 5.1 and Lemma B.2 for one model and one size of the training set.

    All logarithms are natural."""

    model: ModelResult
    """What d_zeta, the rank and the largest eigenvalue are from."""
    lipschitz: float
    """L of the Fisher field."""
    theorem_k: float
    """K of the theorem, not the number of draws."""
    theorem_c: float | None
    """C of the theorem, if it was given."""
    loss_bound: float | None
    """b, for a loss in [0, 2b], if it was given."""
    log_covering_constant: float
    """log C_d."""
    two_sed: Bracket
    """d_zeta(eps_n), in dimensions."""
    log_probability: Bracket
    """Bound on log P(sup |R - R_n| >= C eps_n)   (Theorem 5.1)."""
    smallest_k: Bracket
    """Only a K above this makes the bound on P less than 1."""
    covering: Covering
    """Over the eps grid."""
    covering_at_eps_n: Covering
    """The same at eps_n alone, E = 1."""
    gamma_0: float
    """For a gamma below it the bound vanishes as n grows; NaN if mu is not measured."""
    assumptions: tuple[Assumption, ...]
    warnings: tuple[str, ...]

    @property
    def eps_n(self) -> float:
        """The covering radius of Theorem 5.1."""
        return float(self.covering_at_eps_n.eps[0])

    @property
    def log_h(self) -> float:
        """log H, H = 4 C_d."""
        return math.log(4) + self.log_covering_constant

    @property
    def deviation(self) -> float | None:
        """C eps_n, if C was given."""
        return None if self.theorem_c is None else self.theorem_c * self.eps_n

    @property
    def says_nothing_of_the_loss(self) -> bool:
        """Whether C eps_n is at least 2b: two risks in [0, 2b] are never further apart."""
        deviation, b = self.deviation, self.loss_bound
        return deviation is not None and b is not None and deviation >= 2 * b

    @property
    def vacuous(self) -> bool:
        """Whether the theorem tells nothing: P is not shown to be below 1, or of no deviation that
        the loss could not have anyway."""
        return not self.log_probability.at_most < 0 or self.says_nothing_of_the_loss


SweptSetting = Literal["samples", "draws", "sigma"]


@dataclass(frozen=True)
class Sweep:
    """One setting is varied, the others stay at the base."""

    setting: SweptSetting
    grid: tuple[float, ...]
    """(G,) ascending; the base is among them."""
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


@dataclass(frozen=True)
class Verdict:
    """Whether a ranking is settled; `sed2.verdict` says what that means."""

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


@dataclass(frozen=True)
class StabilityResult:
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
