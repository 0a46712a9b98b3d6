"""The loss at the end of a training, from its beginning, and how sure that is.

The mean loss of epoch t is taken as a + b t^-c, with c common to all candidates and a, b of each,
by least squares (one of the curves of Domhan, Springenberg and Hutter, 2015). A candidate that was
trained less is taken to fall from there on as those do that were trained further. How far such
forecasts are off is not taken from a fit, which knows nothing of other shapes, but from what the
forecasts of the rungs before came to: a forecast from epoch s to t is taken to be off by a variance
in proportion to s^(-1/2) - t^(-1/2). All of it is in log-losses; what is common to all candidates
of a rung does not change their order, and counts for nothing.

The law of the variance, its estimate by a median, seeds of half-common scatter and Student's t were
chosen on the 104 MLPs of docs/evidence/regret.md, which says how well P comes true there, and on
other networks.
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
LAW = 0.5
"""The variance of a forecast from epoch s to t goes like s^-LAW - t^-LAW."""
FREEDOM = 3
"""Degrees of freedom of the errors, whose size few candidates tell."""
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
    left: float
    """s^(-1/2) - t^(-1/2) for the epochs s and t of the two."""


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
    return Miss(errors, float(_left(start.shape[1], epochs)))


def error_variance(misses: Sequence[Miss]) -> float:
    """The variance of a forecast for each unit of s^(-1/2) - t^(-1/2), of single candidates against
    their common one; infinite where no rung had two of them.

    By the median, since the worst candidates are those that are forecast worst."""
    several = [each for each in misses if len(each.errors) > 1]
    if not several:
        return math.inf
    squares = [np.square(each.errors - np.median(each.errors)) / each.left for each in several]
    found = np.concatenate(squares)
    freedom = len(found) - len(several)
    return float(np.median(found) / _median_of_chi2(1) * len(found) / freedom)


def forecast(
    curves: Sequence[np.ndarray], losses: Sequence[np.ndarray], epochs: int, variance: float
) -> Forecast:
    """The losses after `epochs`.

    Args:
        curves: of each candidate, (S, t) mean loss of each epoch so far, t its own.
        losses: of each, (S,) its loss after the last of them.
        epochs: E.
        variance: `error_variance`.
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
    ahead = np.where(lengths < epochs, variance, 0.0) * _left(lengths, epochs)
    return Forecast(log_loss, np.sqrt(_of_seeds(losses) + ahead))


def _left(start: np.ndarray | int, end: int) -> np.ndarray:
    """What the variance of a forecast from one epoch to another is in proportion to."""
    return np.power(np.asarray(start, float), -LAW) - float(end) ** -LAW


def _of_seeds(losses: Sequence[np.ndarray]) -> np.ndarray:
    """(M,) variance of the mean log-loss over the seeds: each candidate's own and what is common to
    all, in equal parts, since three seeds tell a variance to a factor of two at best."""
    count = len(losses[0])
    if count < 2:
        return np.zeros(len(losses))
    own = np.array([_log(its).var(ddof=1) for its in losses])
    return (own + np.median(own) / _median_of_chi2(count - 1)) / (2 * count)


def _median_of_chi2(freedom: int) -> float:
    """The median of chi^2 / freedom, to 4%, by the cube of Wilson and Hilferty."""
    return (1 - 2 / (9 * freedom)) ** 3


def probabilities(found: Forecast, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(M,) of having the lowest loss of all, and (M,) the expected regret of choosing each, in
    units of the loss.

    By simulation in the log-loss: normal errors, independent but for their size, which is
    Student's for the probabilities. The regrets take the size as it is told: a mean under
    Student's t is one of its tails. Half a simulation is added on either side, as for the score.
    All NaN where an error is infinite: then nothing is known of the end."""
    if not np.isfinite(found.std_error).all():
        undefined = np.full(len(found.log_loss), np.nan)
        return undefined, undefined
    rng = np.random.Generator(np.random.Philox([seed, _STREAM]))
    errors = found.std_error * rng.normal(size=(SIMULATIONS, len(found.log_loss)))
    size = np.sqrt(FREEDOM / rng.chisquare(FREEDOM, size=(SIMULATIONS, 1)))
    drawn = found.log_loss + size * errors
    first = drawn == drawn.min(axis=1, keepdims=True)
    count = (first / first.sum(axis=1, keepdims=True)).sum(axis=0)
    losses = np.exp(found.log_loss + errors)
    regrets = (losses - losses.min(axis=1, keepdims=True)).mean(axis=0)
    return (count + 1 / len(count)) / (SIMULATIONS + 1), regrets


def _log(losses: np.ndarray | float) -> np.ndarray:
    return np.log(np.maximum(losses, LEAST))
