"""The loss at the end of a training, from its beginning, and how sure that is.

The mean loss of epoch t is taken as a + b t^-c, with c common to all candidates and a, b of each,
by least squares (one of the curves of Domhan, Springenberg and Hutter, 2015). A candidate that was
trained less is taken to fall from there on as those do that were trained further. How far such
forecasts are off is not taken from a fit, which knows nothing of other shapes, but from what the
forecasts of the rungs before came to. All of it is in log-losses; what is common to all candidates
of a rung does not change their order, and counts for nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

EXPONENTS = np.geomspace(0.1, 3, 30)
LEAST_EPOCHS = 3
"""With fewer there is no curvature to be seen: the loss is forecast to stay as it is."""
LEAST = 1e-12
"""Losses below count as this: a logarithm is taken."""
SIMULATIONS = 20_000
_STREAM = 20_241_128


@dataclass(frozen=True)
class Forecast:
    """Of the losses of M candidates at the end."""

    log_loss: np.ndarray
    """(M,)."""
    std_error: np.ndarray
    """(M,) of it, from the seeds and from what is still to be trained; infinite where nothing
    tells."""


@dataclass(frozen=True)
class Miss:
    """By how much the forecasts of a rung missed the next one."""

    errors: np.ndarray
    """(n,) of the log-losses."""
    doublings: float
    """Of the epochs between the two."""


def extrapolate(curves: np.ndarray, epochs: int) -> np.ndarray:
    """(M,) the factor by which the loss falls from the last epoch of the curves to `epochs`.

    Args:
        curves: (M, t) mean loss of each epoch so far.
        epochs: E, at least t.
    """
    t = curves.shape[1]
    if t < LEAST_EPOCHS or epochs == t:
        return np.ones(len(curves))
    at = np.arange(1, t + 1)
    least, ends = math.inf, curves[:, -1]
    for exponent in EXPONENTS:
        basis = at**-exponent
        centred = basis - basis.mean()
        slopes = np.maximum(curves @ centred / (centred @ centred), 0)  # b of each; none rises
        rest = curves - curves.mean(axis=1, keepdims=True) - slopes[:, None] * centred
        if (error := np.square(rest).sum()) < least:
            least, ends = error, curves[:, -1] - slopes * (basis[-1] - float(epochs) ** -exponent)
    # A loss is not below zero, wherever its curve would go.
    return np.maximum(ends, 0.1 * curves[:, -1]) / np.maximum(curves[:, -1], LEAST)


def miss(before: Sequence[np.ndarray], now: Sequence[np.ndarray]) -> Miss:
    """What the forecasts of a rung came to.

    Args:
        before, now: of the same candidates, (S, t) the mean loss of each epoch; all of one length
            each.
    """
    start, end = (np.stack([curve.mean(axis=0) for curve in each]) for each in (before, now))
    epochs = end.shape[1]
    errors = _log(end[:, -1]) - _log(start[:, -1] * extrapolate(start, epochs))
    return Miss(errors, math.log2(epochs / start.shape[1]))


def variance_per_doubling(misses: Sequence[Miss]) -> float:
    """s^2 of the forecasts of single candidates, against their common one; infinite where no rung
    had two of them."""
    freedom = sum(len(each.errors) - 1 for each in misses)
    squares = sum(
        float(np.square(each.errors - each.errors.mean()).sum()) / each.doublings
        for each in misses
        if len(each.errors) > 1
    )
    return squares / freedom if freedom else math.inf


def forecast(
    curves: Sequence[np.ndarray], losses: Sequence[np.ndarray], epochs: int, per_doubling: float
) -> Forecast:
    """The losses after `epochs`.

    Args:
        curves: of each candidate, (S, t) mean loss of each epoch so far, t its own.
        losses: of each, (S,) its loss after the last of them.
        epochs: E.
        per_doubling: s^2.
    """
    means = [curve.mean(axis=0) for curve in curves]
    lengths = np.array([len(mean) for mean in means])
    log_loss = np.array([_log(loss).mean() for loss in losses])
    for length in sorted(set(lengths.tolist()), reverse=True):
        same, further = (
            np.flatnonzero(its).tolist() for its in (lengths == length, lengths > length)
        )
        if further:
            falls = [log_loss[m] - _log(means[m][length - 1]) for m in further]
            log_loss[same] = [_log(means[m][-1]) + np.mean(falls) for m in same]
        else:
            log_loss[same] += np.log(extrapolate(np.stack([means[m] for m in same]), epochs))
    seeds = np.array([_log(its).var(ddof=1) / len(its) if len(its) > 1 else 0.0 for its in losses])
    left = np.log2(epochs / lengths)
    ahead = np.where(left > 0, np.where(left > 0, left, 1) * per_doubling, 0.0)
    return Forecast(log_loss, np.sqrt(seeds + ahead))


def probabilities(found: Forecast, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(M,) of having the lowest loss of all, and (M,) the expected regret of choosing each, in
    units of the loss.

    By simulation, normal and independent in the log-loss. Half a simulation is added on either
    side, as for the score. All NaN where an error is infinite: then nothing is known of the end."""
    if not np.isfinite(found.std_error).all():
        undefined = np.full(len(found.log_loss), np.nan)
        return undefined, undefined
    rng = np.random.Generator(np.random.Philox([seed, _STREAM]))
    drawn = np.exp(
        found.log_loss + found.std_error * rng.normal(size=(SIMULATIONS, len(found.log_loss)))
    )
    lowest = drawn.min(axis=1, keepdims=True)
    ties = (drawn == lowest).sum(axis=1, keepdims=True)
    count = ((drawn == lowest) / ties).sum(axis=0)
    return (count + 1 / len(count)) / (SIMULATIONS + 1), (drawn - lowest).mean(axis=0)


def _log(losses: np.ndarray | float) -> np.ndarray:
    return np.log(np.maximum(losses, LEAST))
