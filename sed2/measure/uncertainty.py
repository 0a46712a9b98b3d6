"""Standard errors from the K draws, from the N inputs, and from spectra that are sampled.

All target the estimator at its own N and K: they say how far another seed would land, not how
far N -> infinity or K -> infinity would be.

- *Draws*: a nonparametric bootstrap over the K draws, the normaliser included. A log-mean-exp
  that one draw dominates has no delta-method error; its bootstrap scatter is of the right size
  for another seed but says nothing of the downward bias. Where that is so, `sed2.measure.intervals`
  says `biased low`, and the scatter serves to compare models at the same N and K only.
- *Inputs*: a delete-a-group jackknife over the inputs, on a subset of the draws, under their
  weights in the value. `scripts.statistics.inputs` holds it against the scatter. For few inputs it
  is too large still: a group takes directions with it that no other input sees. (A group that kept
  a fifth of its weight would mend that, but miss rare inputs: where columns are hot in one row of a
  hundred, the error was 0.4 of the scatter.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from sed2.measure.logdet import LogDets
from sed2.measure.montecarlo import effective_sample_size, tilted_weights
from sed2.measure.two_sed import two_and_lower

MIN_EFFECTIVE_SAMPLE_SIZE = 10.0
"""Below this the weighted draws are too few to trust, and the user is told."""

REPLICATES = 200
"""Bootstrap replicates: the error's own relative error is about 1/sqrt(2 * 200) = 5%."""

_BISECTIONS = 20

_BATCH = 2**15  # numbers, for which the caches have room


def bootstrap_draws(
    logdets: LogDets, eps: np.ndarray, zeta: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Replicates of 2sED and lower 2sED over resampled draws.

    Returns:
        two arrays (REPLICATES, E); all NaN for one draw, which says nothing of its scatter.
    """
    draws = len(logdets.traces)
    if draws == 1:
        undefined = np.full((REPLICATES, len(eps)), np.nan)
        return undefined, undefined
    chosen = rng.integers(draws, size=(REPLICATES, draws))
    ratios = _ratio(logdets.traces[chosen].mean(axis=1), logdets.traces.mean())
    of_blocks = (np.moveaxis(of, -1, 0) for of in (logdets.values, logdets.slopes))
    values, slopes = map(np.ascontiguousarray, of_blocks)
    batch = max(1, _BATCH // values.size)
    found = []
    for first in range(0, REPLICATES, batch):
        some = slice(first, first + batch)
        # (L, E, batch, K): the draws next to each other.
        its = renormalised(values[..., chosen[some]], slopes[..., chosen[some]], ratios[some, None])
        found.append(two_and_lower(np.moveaxis(its, 0, -1), eps[:, None], zeta, logdets.parameters))
    two, lower = (np.concatenate(each, axis=1).T for each in zip(*found, strict=True))
    return two, lower


def sampling_errors(logdets: LogDets, eps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Standard errors of 2sED and lower 2sED from spectra that are themselves sampled.

    To first order in the noise of the log-determinants, Var = c^2 sum_k w_k^2 Var(logdet_k) with
    the weights w of each term. In a log-mean-exp noise also shifts the value upwards, by at most
    half its variance and at most what the largest of K normal numbers is; that is added to the
    error as it is. The scatter between draws holds the noise once more, so errors are on the
    safe side.

    Returns:
        two arrays (E,), zero where the spectra are exact.
    """
    if not logdets.variances.any():  # NaN counts as true
        return np.zeros(len(eps)), np.zeros(len(eps))
    before = np.cumsum(logdets.values, axis=-1)
    full, first = (tilted_weights(before[..., j], axis=1) for j in (-1, 0))
    later = tilted_weights(before[..., :-1], axis=1)
    noise = logdets.variances
    two = (full**2 * noise.sum(axis=2)).sum(axis=1) + _shift(full, noise.sum(axis=2)) ** 2
    lower = (
        (first**2 * noise[..., 0]).sum(axis=1)
        + _shift(first, noise[..., 0]) ** 2
        + (later**2 * noise[..., 1:]).sum(axis=(1, 2))
    )
    scale = np.abs(np.log(eps))
    return np.sqrt(two) / scale, np.sqrt(lower) / scale


def _shift(weights: np.ndarray, variances: np.ndarray) -> np.ndarray:
    """(E,) upward shift of a log-mean-exp over values with noise, at most."""
    variance = (weights * variances).sum(axis=1)
    largest = np.sqrt(2 * variance * math.log(weights.shape[1]))
    return np.minimum(variance / 2, largest)


@dataclass(frozen=True)
class Series:
    """Draws 0, 1, 2, ... each under all of some weights of the inputs, the first `count` of them.

    A shorter series is the beginning of a longer one."""

    pattern: np.ndarray
    """(G, N) square roots of the weights."""
    count: int
    quieter: float = 1.0
    """What the noise is divided by."""

    @property
    def draws(self) -> np.ndarray:
        """(count,) the draw of each item."""
        return np.arange(self.count) // max(len(self.pattern), 1)

    @property
    def weights(self) -> np.ndarray:
        """(count, N) of each item."""
        return self.pattern[np.arange(self.count) % max(len(self.pattern), 1)]


@dataclass(frozen=True)
class Jackknife:
    """Which draws run again with which inputs left out."""

    draws: int
    """K', the first K' of the K draws."""
    groups: int
    """G, how many groups of inputs are left out in turn; 0 if there is nothing to learn from it."""
    left: float
    """Share of the rows that are no inputs. The inputs are drawn without replacement, so their
    variance is this share of what it would be with infinitely many rows."""

    @classmethod
    def plan(cls, draws: int, samples: int, rows: int, groups: int) -> Jackknife:
        """About as many extra items as there are draws; none if the inputs are all rows."""
        groups, left = min(groups, samples), max(1 - samples / rows, 0.0)
        if left == 0 or groups < 2:
            return cls(0, 0, left)
        return cls(math.ceil(draws / groups), groups, left)

    @property
    def extra(self) -> int:
        """How many more items than draws there are."""
        return self.draws * self.groups

    def series(self, draws: int, samples: int) -> tuple[Series, Series]:
        """The work: the K draws under all inputs, and the first of them with groups left out."""
        whole = Series(np.ones((1, samples)), draws)
        return whole, Series(self.weights(samples), self.extra)

    def weights(self, samples: int) -> np.ndarray:
        """(G, N) square roots of the weights of the inputs with each group left out in turn.

        The inputs are dealt to the groups in turn; what is left of them is weighted up to the same
        total."""
        group = np.arange(self.groups)[:, None]
        kept = np.arange(samples) % max(self.groups, 1) != group
        return np.sqrt(kept * samples / np.maximum(kept.sum(axis=1, keepdims=True), 1))

    def trace_ratios(self, left_out: np.ndarray, traces: np.ndarray) -> np.ndarray:
        """(G,) by what factor E[tr F] changes with each group left out.

        Args:
            left_out: (K' G,) tr F of the jackknife's items.
            traces: (K,) tr F of the draws with no input left out.
        """
        by_group = left_out.reshape(self.draws, self.groups).sum(axis=0)
        return _ratio(by_group, traces[: self.draws].sum())

    def variance(
        self,
        left_out: LogDets,
        traces: np.ndarray,
        functional: np.ndarray,
        log_weights: np.ndarray,
    ) -> Variance:
        """Variance over the choice of inputs of weighted sums of tilted means of log-determinants.

        To first order log E[exp(x)] and a mean under weights exp(x) change by the mean, under these
        weights, of what each draw changes by. A plain mean would be of other draws, those with
        hardly an active input, which leaving any out changes most.

        Args:
            left_out: of the K' G items, under the normaliser of the estimate.
            traces: (K,) tr F of the draws with no input left out.
            functional: (F, E) the quantities wanted, as weights of sum_j logdet_j at each eps.
            log_weights: (E, K, L) of the draws, in the mean of each block's log-determinant.
        """
        draws, groups, blocks = self.draws, self.groups, left_out.values.shape[-1]
        if not draws:
            return self.of_replicates(np.zeros((0, 0, len(functional))))
        shape = (functional.shape[1], draws, groups, blocks)
        slopes, ratios = left_out.slopes.reshape(shape), self.trace_ratios(left_out.traces, traces)
        values = renormalised(left_out.values.reshape(shape), slopes, ratios[:, None])
        values -= values.mean(axis=2, keepdims=True)
        weights = _flattened(log_weights[:, :draws])
        means = np.einsum("ekl,ekgl->egl", weights, values)
        # What each draw adds to the noise of these means, by its value and by its trace.
        noise = weights[:, :, None] * (values - means[:, None])
        whole = traces[:draws]
        moved = left_out.traces.reshape(draws, groups) - ratios * whole[:, None]
        moved = moved / (ratios * (whole.sum() or 1.0))
        noise -= np.einsum("ekl,ekgl,jg->ejgl", weights, slopes, moved)
        replicates = np.einsum("fe,ekgl->kgf", functional, means[:, None] + draws * noise)
        found = self.of_replicates(replicates)
        sizes = 1 / np.square(weights).sum(axis=1).max(axis=-1)
        used = np.where(functional > 0, sizes, np.inf).min(axis=1)
        return replace(found, draws=np.minimum(used, draws))

    def of_replicates(self, replicates: np.ndarray) -> Variance:
        """Variance over the choice of inputs of the mean over draws of some quantities.

        Args:
            replicates: (K', G, F) the quantities under each draw with each group left out.
        """
        draws, _, count = replicates.shape
        if not self.groups:
            undefined = np.full(count, 0.0 if self.left == 0 else math.nan)
            return Variance(undefined[None], undefined, np.ones(count))
        # (G - 1) / G times the sum of squares, and less for inputs that are most of the rows.
        factor = math.sqrt(self.left * (self.groups - 1) / self.groups)
        deviations = factor * (replicates - replicates.mean(axis=1, keepdims=True))
        noise = deviations.var(axis=0).sum(axis=0) / max(draws - 1, 1)
        return Variance(deviations.mean(axis=0), noise, np.full(count, float(draws)))


@dataclass(frozen=True)
class Variance:
    """Variance over the inputs of F quantities."""

    deviations: np.ndarray
    """(G, F) of the values with one group left out, from their mean; scaled so that their sum of
    squares is the variance. It holds the noise of the draws on which the jackknife ran, too."""
    noise: np.ndarray
    """(F,) that noise, as a variance."""
    draws: np.ndarray
    """(F,) how many draws are in the mean, effectively."""

    def own(self, effective_draws: np.ndarray) -> np.ndarray:
        """(F,) standard error from what the inputs do to the few draws that carry a value.

        That is more than what they do to the mean over the draws of the jackknife. It has nothing
        to do with the deviations, which other models may share."""
        return np.sqrt(self.noise * np.maximum(self.draws / effective_draws - 1, 0))


def _flattened(log_weights: np.ndarray) -> np.ndarray:
    """(E, K', L) weights that sum to one over the draws, flattened until half are effective.

    By weights exp(t x) with the largest t <= 1, by bisection: Kish's size falls with t."""
    least, low = log_weights.shape[1] / 2, np.zeros_like(log_weights[:, :1])
    high = np.ones_like(low)
    for power in [high, *[None] * _BISECTIONS]:
        middle = (low + high) / 2 if power is None else power
        sizes = effective_sample_size(tilted_weights(middle * log_weights, axis=1), axis=1)
        enough = sizes[:, None] >= least
        low, high = np.where(enough, middle, low), np.where(enough, high, middle)
    return tilted_weights(low * log_weights, axis=1)


def renormalised(values: np.ndarray, slopes: np.ndarray, trace_ratio: np.ndarray) -> np.ndarray:
    """Log-determinants after E[tr F] changed by `trace_ratio`, to first order in its logarithm."""
    return values - slopes * np.log(trace_ratio)


def _ratio(part: np.ndarray, whole: float) -> np.ndarray:
    """part / whole, and 1 where F vanishes: its log-determinants are 0 there anyway."""
    return np.where(part > 0, part, whole or 1.0) / (whole or 1.0)
