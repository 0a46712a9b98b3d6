"""What `rank` returns: the models in order, how sure that is, and what they were compared with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sed2.baselines.results import BaselineValue
from sed2.common.display import Brief, Models, Tabled
from sed2.ranking.correlation import Advantage, Correlation
from sed2.results import ModelResult
from sed2.settings import Settings
from sed2.training.result import Training


@dataclass(frozen=True)
class Agreement:
    """Of the order by one measure with the order by the training loss."""

    measure: str
    """`score`, or the name of a baseline."""
    kendall: Correlation
    """tau-b of the measure and minus the loss; of minus the measure, if smaller is better."""
    spearman: Correlation
    """rho of the same."""


@dataclass(frozen=True)
class Prediction:
    """Of the training loss by the measures of untrained networks."""

    agreements: tuple[Agreement, ...]
    """The score first."""
    verdict: Advantage | None = None
    """Whether the score beats the best baseline; None without baselines."""
    best_baseline: str | None = None
    """Of all models by tau-b; None without baselines, or if none is defined."""


@dataclass(frozen=True, repr=False, eq=False)
class Probability(Brief):
    """Of a statement about the models' averages over all seeds at their own N and K (which are not
    the limits of many draws, for values biased low); NaN if undefined."""

    score: float
    """By the score."""
    curve: np.ndarray
    """(E,) at each eps."""


@dataclass(frozen=True, repr=False, eq=False)
class RankedModel(Brief):
    """A model and how sure its place is."""

    rank: int
    """1 has the largest score."""
    place: int
    """The same, but models that are tied have that of the first of them: 1, 1, 3. A model is tied
    as long as the first one is ahead of it with less than the probability asked for."""
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
    flops: float = math.nan
    """Operations of one forward pass of one input, two for each multiply-add; NaN if not known."""

    @property
    def name(self) -> str:
        return self.result.name

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
    budget: float | None = None
    """Seconds at most."""


@dataclass(frozen=True, repr=False, eq=False)
class Ranking(Tabled, Models[RankedModel]):
    """All models of a file, largest score first."""

    models: tuple[RankedModel, ...]
    settings: Settings
    """Those of the first model of the file; with a demand, those at the beginning."""
    crossings: tuple[Crossing, ...]
    """Of the first models; see `sed2.ranking.order.LEADING`."""
    warnings: tuple[str, ...]
    demand: Demand | None = None
    correlation: Prediction | None = None
    """Between the score and the training losses, if the models were trained."""
    decide_at: float = 0.95
    """Models whose order has less than this probability are tied."""
    left_out: tuple[str, ...] = ()
    """Candidates that are above the limits of size that were given; nothing of them is computed."""

    @property
    def eps(self) -> np.ndarray:
        """(E,) ascending, common to all models."""
        return self.models[0].result.eps

    @property
    def eps_n(self) -> float | None:
        """The covering radius of Theorem 5.1, at which the models are ordered, if known."""
        return self.settings.eps_n
