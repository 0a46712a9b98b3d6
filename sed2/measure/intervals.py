"""95% intervals, and `biased low` where plain Monte Carlo cannot give an honest one.

What an interval is to hold is the value for infinitely many draws at the same number N of inputs,
averaged over the choice of the inputs. `scripts.statistics.coverage` measures how often it does.

Both measures have a log-mean-exp over the draws or means under weights exp(x), x the
log-determinants of the blocks together. Where x scatters by s over the draws, the few largest
decide, and K draws may not hold them: the value then lies below its limit by more than any error
that these K draws could show. Two signs of it, either of which makes a value *biased low*:

- Kish's effective sample size of the weights is below 10, and below 0.7 K of fewer than 15 draws:
  those that weigh nearly alike, as of a linear network, say all that there is to say;
- s^2 > 0.7 log K. For normal x the true effective sample size is K exp(-s^2), which is then below
  K^0.3. Kish's size alone is no sign: it is large where the few draws that decide were missed.

Log-determinants of networks are skewed to the left: a draw with a dead unit lies far below. Such
draws weigh nothing, and s does not see them: it is the spread above the median (`upper_spread`).
The 0.7 was calibrated, and judged on other networks, by `scripts.statistics.biased_low`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sed2.measure.uncertainty import MIN_EFFECTIVE_SAMPLE_SIZE, Variance
from sed2.results import Curve, Replicates, Score

LEVEL = 0.95
NORMAL = 1e6
"""Degrees of freedom that are as good as normal; `stdtr` and `stdtrit` know no infinity."""

MOST = 0.7
"""Times log K, of the square of the spread of log-weights. Calibrated by
`scripts.statistics.biased_low`."""
_SHARE = 0.7
"""Of fewer than 15 draws, how many have to carry a value."""


def is_lower_estimate(sizes: np.ndarray, spreads: np.ndarray, draws: int) -> np.ndarray:
    """Whether too few draws carry a value for an honest interval; the module says why.

    Args:
        sizes: Kish's effective sample size of the weights.
        spreads: s, of the log-weights over the draws, by `upper_spread`.
        draws: K.
    """
    few = sizes < min(MIN_EFFECTIVE_SAMPLE_SIZE, _SHARE * draws)
    return few | (draws == 1) | (spreads**2 > MOST * np.log(draws))


def upper_spread(log_weights: np.ndarray, axis: int) -> np.ndarray:
    """Root of twice the mean square by which log-weights are above their median: their standard
    deviation if they are symmetric. Those far below weigh nothing, however far."""
    above = np.maximum(log_weights - np.median(log_weights, axis=axis, keepdims=True), 0)
    return np.sqrt(2 * np.square(above).mean(axis=axis))


def draws_freedom(freedom: float, sizes: np.ndarray) -> np.ndarray:
    """(E,) degrees of freedom of the variance from the draws, one more than carry the value.

    A bootstrap over draws of which one carries the value knows its variance from one gap, that to
    the next draw. With K - 1 degrees of freedom, P(order) of models equal in law would be above
    0.95 in up to 35% of all cases, not in 10% (`scripts/statistics/order.py`).

    Args:
        freedom: where all draws count.
        sizes: (E,) effective sample sizes.
    """
    return np.minimum(freedom, 1 + sizes)


def degrees_of_freedom(
    sources: Sequence[tuple[np.ndarray | float, np.ndarray | float]],
) -> np.ndarray:
    """Of a sum of independent variances   (Welch and Satterthwaite)

    Args:
        sources: variances (E,) or one number, each with its own degrees of freedom.

    Returns:
        (E,) or one number, at most `NORMAL`.
    """
    total = np.asarray(sum(variance for variance, _ in sources), float)
    uncertain = np.asarray(sum(variance**2 / freedom for variance, freedom in sources), float)
    known = np.divide(total**2, uncertain, out=np.full_like(total, NORMAL), where=uncertain > 0)
    return np.minimum(known, NORMAL)


def interval(
    estimate: np.ndarray,
    draws: tuple[np.ndarray, np.ndarray | float],
    inputs: tuple[np.ndarray, float],
    spectra: np.ndarray,
    bias: np.ndarray,
) -> np.ndarray:
    """Student's t with the degrees of freedom of Welch and Satterthwaite.

    A log-mean-exp lies below its limit, to first order by what a resampled one lies below it. The
    interval is widened upwards by twice that: it is moved by the bias, and widened by it too.

    Args:
        estimate: (E,).
        draws: (E,) standard error from the draws, and its degrees of freedom.
        inputs: (E,) standard error from the inputs, and its degrees of freedom, groups - 1.
        spectra: (E,) standard error from spectra that are sampled, widened for its own few.
        bias: (E,) of the estimate, downwards, by the bootstrap.

    Returns:
        (E, 2); NaN where an error is undefined.
    """
    from scipy import special  # a tenth of a second, and `--help` does not need it

    known = [(error**2, np.maximum(freedom, 1)) for error, freedom in (draws, inputs)]
    sources = [*known, (spectra**2, math.inf)]
    quantile = special.stdtrit(degrees_of_freedom(sources), (1 + LEVEL) / 2)
    half = quantile * np.sqrt(sum(variance for variance, _ in sources))
    return np.stack([estimate - half, estimate + half + 2 * np.maximum(bias, 0)], axis=-1)


@dataclass(frozen=True)
class Weighting:
    """How far the draws carry one measure. All but `draws` are (E,)."""

    sizes: np.ndarray
    """Effective sample size of the weights, the smallest over those that the measure uses."""
    spreads: np.ndarray
    """Spread of the log-weights over the draws (`upper_spread`), the largest."""
    draws: int
    """K."""

    def at(self, functional: np.ndarray) -> Weighting:
        """(F,) the worst over the eps that each functional (F, E) takes part in."""
        used = functional > 0
        return Weighting(
            np.where(used, self.sizes, np.inf).min(axis=1),
            np.where(used, self.spreads, 0).max(axis=1),
            self.draws,
        )


@dataclass(frozen=True)
class Deviations:
    """How an estimate scatters by its draws."""

    values: np.ndarray
    """(R, E) whose sum of squares is the variance."""
    freedom: int
    """Its degrees of freedom."""
    bias: np.ndarray
    """(E,) by how much the estimate lies below its limit, to first order."""

    @classmethod
    def of_bootstrap(cls, values: np.ndarray, resampled: np.ndarray, draws: int) -> Deviations:
        """
        Args:
            values: (E,).
            resampled: (R, E) of the same, over K draws.
            draws: K.
        """
        mean = resampled.mean(axis=0)
        return cls((resampled - mean) / np.sqrt(len(resampled) - 1), draws - 1, values - mean)


@dataclass(frozen=True)
class Measured:
    """A measure on the grid of eps, its score, and how both scatter by chance."""

    curve: Curve
    score: Score
    replicates: Replicates


def with_errors(
    functional: np.ndarray,
    values: np.ndarray,
    draws: Deviations,
    inputs: Variance,
    spectra: np.ndarray,
    weighting: Weighting,
    stream: int,
) -> Measured:
    """A measure with all its errors.

    Args:
        functional: (F, E) what is wanted: the points of the curve, and last the score.
        values: (E,).
        draws: of the values.
        inputs: variance of the functionals over the inputs.
        spectra: (E,) standard errors from sampled spectra.
        weighting: of the draws.
        stream: names the random numbers of the model.
    """
    weighting = weighting.at(functional)
    estimate, of_spectra, bias = (functional @ a for a in (values, spectra, draws.bias))
    replicates = Replicates(
        draws=draws.values @ functional.T,
        draws_freedom=draws.freedom,
        inputs=inputs.deviations,
        inputs_own=inputs.own(weighting.sizes),
        spectra=of_spectra,
        stream=stream,
    )
    lower = is_lower_estimate(weighting.sizes, weighting.spreads, weighting.draws)
    freedom = draws_freedom(draws.freedom, weighting.sizes)
    return measured(estimate, replicates, bias, lower, freedom)


def measured(
    values: np.ndarray,
    replicates: Replicates,
    bias: np.ndarray,
    is_lower: np.ndarray,
    freedom: np.ndarray | float,
) -> Measured:
    """A measure from its replicates.

    Args:
        values: (E + 1,) on the grid and, last, the score.
        replicates: of these.
        bias: (E + 1,) by how much each lies below its limit, to first order.
        is_lower: (E + 1,) whether too few draws carry it for an honest interval.
        freedom: (E + 1,) or one number, of the variance from the draws.
    """
    of_draws, of_inputs = (
        np.sqrt(np.square(each).sum(axis=0)) for each in (replicates.draws, replicates.inputs)
    )
    of_inputs = np.hypot(of_inputs, replicates.inputs_own)
    bounds = interval(
        values,
        (of_draws, freedom),
        (of_inputs, len(replicates.inputs) - 1),
        replicates.spectra,
        bias,
    )
    bounds[is_lower] = np.nan
    columns = (values, of_draws, of_inputs, replicates.spectra, bounds, is_lower)
    value, draws, inputs, spectra, (low, high), flag = (column[-1].tolist() for column in columns)
    return Measured(
        Curve(*(column[:-1] for column in columns)),
        Score(value, draws, inputs, spectra, (low, high), flag),
        replicates,
    )
