"""Curves of several models at once, as chance might have made them.

What the data say of the averages over all seeds is simulated: around each estimate, normal
deviations with the covariance of the replicates over eps, times sqrt(f / chi^2_f) for the f
degrees of freedom that a source has (Behrens and Fisher's distribution, of which Student's t is
the case of one source). The models of a ranking see the same inputs, so they share the
coefficients of the inputs, and what moves all curves alike leaves their order alone. Their draws
are taken as independent; models that begin with the same blocks share the draws of these, and
are in truth told apart a little better than is said. So are models whose values few draws carry:
what the inputs do to these draws is counted with the inputs, and once more with the draws (over
40 seeds the gaps between the paper's three MLPs scatter by about 0.8 of what is said).
"""

from __future__ import annotations

import numpy as np

from sed2.measure.intervals import draws_freedom
from sed2.results import ModelResult

SIMULATIONS = 4_000
"""The simulation's own error of a probability is at most 0.008."""

_INPUTS, _DRAWS, _OTHERS = 1, 2, 3


def simulate(result: ModelResult) -> np.ndarray:
    """(S, E + 1) curves of the score's measure and, last, scores. Depends on this model alone; NaN
    where an error is undefined."""
    replicates = result.replicates
    groups = len(replicates.inputs)
    drawn = _rng(_DRAWS, result.settings.seed, replicates.stream)
    others = _rng(_OTHERS, result.settings.seed, replicates.stream).normal(size=(2, SIMULATIONS, 1))
    values = np.append(result.curve.estimate, result.score.value)
    return (
        values
        + _deviations(replicates.inputs, groups - 1, _rng(_INPUTS, *_input_key(result)))
        + _deviations(replicates.draws, freedom_of_draws(result), drawn)
        + replicates.inputs_own * others[0]
        + replicates.spectra * others[1]
    )


def freedom_of_draws(result: ModelResult) -> float:
    """Degrees of freedom of the variance of a score from the draws of one run, at least 1."""
    freedom = draws_freedom(result.replicates.draws_freedom, result.score_sample_size)
    return max(float(freedom.min()), 1.0)


def probability_ahead(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(E + 1,) that the first is ahead of the second; half of a tie.

    Half a simulation is added to either side: S simulations do not tell 1 from 1 - 1/(2 S).

    Args:
        first, second: (S, E + 1).
    """
    gap = first - second
    count = (gap > 0).sum(axis=0) + (gap == 0).sum(axis=0) / 2
    probability = (count + 0.5) / (len(gap) + 1)
    return np.where(np.isnan(gap).any(axis=0), np.nan, probability)


class Best:
    """P(best) of models whose simulations come one by one: those of 1,000 would be a gigabyte.

    Of a model is kept where none so far is ahead of it, in which simulations and at which eps."""

    def __init__(self) -> None:
        self._top = np.full((1, 1), -np.inf)
        self._leads: list[np.ndarray] = []

    def add(self, simulated: np.ndarray) -> None:
        """One more model, by its (S, E + 1) curves and scores."""
        beaten = (simulated > self._top).ravel()
        self._leads = [leads[~beaten[leads]] for leads in self._leads]
        self._top = np.maximum(self._top, simulated)
        self._leads.append(np.flatnonzero(simulated == self._top))

    @property
    def probabilities(self) -> np.ndarray:
        """(M, E + 1) that each of the M models is ahead of all others; they sum to one."""
        simulations, width = self._top.shape
        ties = np.bincount(np.concatenate(self._leads), minlength=1)  # which share their simulation
        count = np.array(
            [np.bincount(leads % width, 1 / ties[leads], width) for leads in self._leads]
        )
        probability = (count + 1 / len(self._leads)) / (simulations + 1)
        return np.where(np.isnan(self._top).any(axis=0), np.nan, probability)


def variance_of_difference(first: ModelResult, second: ModelResult) -> np.ndarray:
    """(3, E + 1) variance of the difference, by source: draws, inputs, spectra."""
    a, b = first.replicates, second.replicates
    same = _input_key(first) == _input_key(second)
    shared = _square(a.inputs - b.inputs) if same else _square(a.inputs) + _square(b.inputs)
    return np.array(
        [
            _square(a.draws) + _square(b.draws),
            shared + a.inputs_own**2 + b.inputs_own**2,
            a.spectra**2 + b.spectra**2,
        ]
    )


def _input_key(result: ModelResult) -> tuple[int, int, int]:
    """Results with the same key were had from the same inputs in the same groups."""
    return result.settings.seed, result.inputs, len(result.replicates.inputs)


def _deviations(replicates: np.ndarray, freedom: float, rng: np.random.Generator) -> np.ndarray:
    """(S, E + 1) normal, with the covariance of the replicates (R, E + 1), and heavier tails."""
    normal = rng.standard_normal((SIMULATIONS, len(replicates))) @ replicates
    freedom = max(freedom, 1)
    heavier: np.ndarray = np.sqrt(freedom / rng.chisquare(freedom, size=(SIMULATIONS, 1)))
    return heavier * normal


def _square(deviations: np.ndarray) -> np.ndarray:
    return np.square(deviations).sum(axis=0)


def _rng(*key: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(list(key)))
