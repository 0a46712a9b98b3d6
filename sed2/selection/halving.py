"""The choice: candidates left out by a measure, then rungs of training until one is sure enough."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from sed2.selection.forecast import Forecast, Miss, error_variance, forecast, miss, probabilities
from sed2.selection.schedule import Rung
from sed2.training.result import Training

Train = Callable[[Sequence[str], int], Mapping[str, Training]]
"""Trains the candidates of these names on to this epoch."""


@dataclass
class Race:
    """Where the candidates stand."""

    priors: Mapping[str, float]
    """By name, larger is better; NaN for all if nothing is known of them."""
    rungs: Sequence[Rung]
    epochs: int
    """E, of a whole training."""
    decide_at: float
    seed: int
    trained: dict[str, Training] = field(default_factory=dict)
    """As far as each came."""
    came: dict[str, int] = field(default_factory=dict)
    """In how many rungs."""
    misses: list[Miss] = field(default_factory=list)
    """What the forecasts of the rungs came to."""
    done: int = 0
    """Rungs."""

    def run(self, train: Train) -> None:
        """All rungs, or until one candidate is sure enough to be the best."""
        alive = self.entrants()
        for rung in self.rungs:
            before = {name: self.trained[name] for name in alive if name in self.racing}
            now = train(alive, rung.epochs)
            both = [name for name in before if not now[name].diverged.any()]
            if both:
                curves = ([each[name].loss for name in both] for each in (before, now))
                self.misses.append(miss(*curves))
            for name in alive:
                self.trained[name], self.came[name] = now[name], self.came.get(name, 0) + 1
            self.done += 1
            _, (chances, _) = self.outlook()
            if np.nanmax(chances, initial=0) >= self.decide_at:
                break
            alive = self._better(alive, rung)

    def outlook(self) -> tuple[Forecast, tuple[np.ndarray, np.ndarray]]:
        """The forecasts of all that were trained and did not diverge, in the order of `racing`, and
        of each the probability of being the best and its expected regret."""
        its = [self.trained[name] for name in self.racing]
        found = forecast(
            [training.loss for training in its],
            [training.final_loss for training in its],
            self.epochs,
            error_variance(self.misses),
        )
        return found, probabilities(found, self.seed)

    @property
    def racing(self) -> list[str]:
        """Those that were trained and did not diverge."""
        return [name for name, its in self.trained.items() if not its.diverged.any()]

    def entrants(self) -> list[str]:
        """The best by their priors, as many as the first rung takes; in the order of the names'
        listing where nothing is known."""
        names = sorted(self.priors, key=lambda name: -np.nan_to_num(self.priors[name], nan=-np.inf))
        return names[: self.rungs[0].models]

    def _better(self, alive: Sequence[str], rung: Rung) -> list[str]:
        """The better half by log-rank of the loss and, ever less, of the prior.

        After one epoch of 40 the order of the losses has little to do with that at the end; a
        measure of untrained networks has more. (1 - done) is the weight of the latter."""
        done = rung.epochs / self.epochs
        loss = {
            name: math.inf if its.diverged.any() else its.mean
            for name, its in ((name, self.trained[name]) for name in alive)
        }
        by_loss = _log_ranks(loss)
        known = not any(math.isnan(self.priors[name]) for name in alive)
        by_prior = _log_ranks({name: -self.priors[name] for name in alive}) if known else {}
        key = {name: by_loss[name] + (1 - done) * by_prior.get(name, 0) for name in alive}
        return sorted(alive, key=lambda name: (key[name], loss[name]))[: (len(alive) + 1) // 2]


def _log_ranks(values: Mapping[str, float]) -> dict[str, float]:
    """The logarithm of each rank, 1 is the smallest; ties have the rank of the first."""
    ordered = sorted(values.values())
    return {name: math.log(1 + ordered.index(value)) for name, value in values.items()}
