"""Does a measure order models as a target does? Kendall's tau-b, Spearman's rho, and who wins.

tau-b is that of Kendall, The treatment of ties in ranking problems, Biometrika 33 (1945),
https://doi.org/10.1093/biomet/33.3.239. Intervals are percentiles of a bootstrap over the models
(Efron, Annals of Statistics 7 (1979), https://doi.org/10.1214/aos/1176344552): they say where the
value might be for other models of the same population. That the score and the loss of each model
have errors of their own is in them as far as these scatter from model to model.

Directions are fixed by the caller, once and for all: larger is held to be better of both, and a
correlation keeps its sign. A value that is not finite is undefined and nothing stands in for it:
its model is left out, and how many are left is told.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

Kind = Literal["kendall", "spearman"]

LEVEL = 0.95
_MANY = 2000  # models, above which a matrix of all pairs takes long
MIN_MODELS = 3
"""For a correlation. Two models only agree or disagree."""
MIN_MODELS_INTERVAL = 5
"""For an interval: of four models the bootstrap has 35 samples, many of them of two models."""
MIN_SHARE = 0.5
"""Of the models, which a baseline must have to be held against the measure."""
MAX_UNDEFINED = 0.05
"""Share of the resamples in which a correlation may be undefined, if there is to be an interval."""

_STREAM = int.from_bytes(b"bootstrap", "big")  # names the random stream


@dataclass(frozen=True)
class Correlation:
    """Of a measure and a target over models."""

    value: float
    """Between -1 and 1; NaN if undefined."""
    interval: np.ndarray | None
    """(2,) with 95% confidence over the choice of the models; None if there is no honest one."""
    models: int
    """How many have both."""
    reason: str = ""
    """Why the value or the interval is undefined."""


@dataclass(frozen=True)
class Advantage:
    """Whether a measure beats the best of the baselines, in tau-b over the same models."""

    difference: float
    """Its tau minus the best baseline's; NaN if undefined."""
    interval: np.ndarray | None
    """(2,) with 95% confidence, by a paired bootstrap in which every resample has a best baseline
    of its own; None if there is no honest one."""
    wins: bool
    """Whether the interval is above 0."""
    best: int | None
    """Which baseline is the best over all models."""
    models: int
    """How many have the measure and the target."""


def tau_b(measure: np.ndarray, target: np.ndarray) -> float:
    """Kendall's tau-b over models (M,); NaN for fewer than 3, or where either is constant."""
    return _defined(_tau, measure, target)


def spearman(measure: np.ndarray, target: np.ndarray) -> float:
    """Spearman's rho over models (M,); NaN for fewer than 3, or where either is constant."""
    return _defined(lambda x, y: _spearmans(x, y, np.ones((1, len(x))))[0], measure, target)


def correlate(
    measure: np.ndarray,
    target: np.ndarray,
    kind: Kind = "kendall",
    seed: int = 0,
    resamples: int = 2000,
) -> Correlation:
    """A correlation with its interval.

    Args:
        measure: (M,) larger is held to be better.
        target: (M,) as well, such as minus the training loss.
        kind: kendall or spearman.
        seed: of the bootstrap; the same resamples for all measures of the same models.
        resamples: of the models.
    """
    x, y = _complete(measure, target)
    value = (tau_b if kind == "kendall" else spearman)(x, y)
    if math.isnan(value):
        few = len(x) < MIN_MODELS
        why = f"fewer than {MIN_MODELS} models" if few else "all are alike in one of the two"
        return Correlation(value, None, len(x), why)
    counts = _resample(len(x), seed, resamples)
    resampled = _taus(x[None], y, counts)[:, 0] if kind == "kendall" else _spearmans(x, y, counts)
    interval, why = _interval(resampled, len(x))
    return Correlation(value, interval, len(x), why)


def bootstrap_taus(
    measures: np.ndarray, target: np.ndarray, seed: int = 0, resamples: int = 2000
) -> np.ndarray:
    """(resamples, F) tau-b of every measure (F, M) in the same resamples of the models.

    Models without a target (M,) are left out for all measures, and those without a measure for
    that measure; NaN where a resample leaves a correlation undefined."""
    measures, target = np.asarray(measures, float), np.asarray(target, float)
    known = np.isfinite(target)
    counts = _resample(int(known.sum()), seed, resamples)
    return _taus(measures[:, known], target[known], counts)


def against_best(
    measure: np.ndarray,
    baselines: np.ndarray,
    target: np.ndarray,
    seed: int = 0,
    resamples: int = 2000,
) -> Advantage:
    """Whether a measure beats the best of the baselines, so that it is no chance of these models.

    The best baseline is chosen anew within every resample. To choose it once would flatter it on
    these models, and the measure on resamples where another baseline does better.

    Args:
        measure: (M,).
        baselines: (F, M), each with its direction applied. Models that lack the measure or the
            target are left out for all; those that lack a baseline, for this baseline, which does
            not count if fewer than half of the others, or fewer than 3, are left: in resamples of
            a few models any noise has a tau-b near 1.
        target: (M,).
    """
    measure, target = np.asarray(measure, float), np.asarray(target, float)
    baselines = np.reshape(np.asarray(baselines, float), (-1, len(target)))
    known = np.isfinite(measure) & np.isfinite(target)
    models = int(known.sum())
    all_, target = np.vstack([measure, baselines])[:, known], target[known]
    all_[np.isfinite(all_).sum(axis=1) < max(MIN_MODELS, MIN_SHARE * models)] = np.nan
    once = _taus(all_, target, np.ones((1, models)))
    difference = float(_ahead(once)[0])
    if models < MIN_MODELS or math.isnan(difference):
        return Advantage(math.nan, None, False, None, models)
    resampled = _ahead(_taus(all_, target, _resample(models, seed, resamples)))
    interval, _ = _interval(resampled, models)
    wins = interval is not None and bool(interval[0] > 0)
    return Advantage(difference, interval, wins, int(np.nanargmax(once[0, 1:])), models)


def _ahead(taus: np.ndarray) -> np.ndarray:
    """(R,) the first of taus (R, 1 + F) minus the largest of the others that are defined."""
    return taus[:, 0] - np.fmax.reduce(taus[:, 1:], axis=1, initial=np.nan)


def _defined(
    correlation: Callable[[np.ndarray, np.ndarray], float], measure: np.ndarray, target: np.ndarray
) -> float:
    x, y = _complete(measure, target)
    if len(x) < MIN_MODELS or np.ptp(x) == 0 or np.ptp(y) == 0:
        return math.nan
    return float(correlation(x, y))


def _complete(measure: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both, of the models that have both."""
    x, y = np.asarray(measure, float), np.asarray(target, float)
    both = np.isfinite(x) & np.isfinite(y)
    return x[both], y[both]


def _interval(resampled: np.ndarray, models: int) -> tuple[np.ndarray | None, str]:
    """The central 95% of the resampled values, or why there are none."""
    if models < MIN_MODELS_INTERVAL:
        return None, f"fewer than {MIN_MODELS_INTERVAL} models, too few for an interval"
    defined = resampled[~np.isnan(resampled)]
    if len(defined) < (1 - MAX_UNDEFINED) * len(resampled):
        return None, "too many models are alike for an interval"
    if defined[0] != 0 and np.ptp(defined) == 0:  # 0 is how a measure differs from itself
        return None, "all models agree, of which the bootstrap makes an interval of no width"
    return np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]), ""


def _resample(models: int, seed: int, resamples: int) -> np.ndarray:
    """(R, M) how often each model is in each resample of M models."""
    if not models:
        return np.zeros((resamples, 0))
    rng = np.random.Generator(np.random.Philox([seed, _STREAM]))
    return rng.multinomial(models, np.full(models, 1 / models), size=resamples).astype(float)


def _tau(x: np.ndarray, y: np.ndarray) -> float:
    if len(x) > _MANY:
        from scipy import stats  # half a second to import, and no matrix of all pairs

        return float(stats.kendalltau(x, y).statistic)
    return float(_taus(x[None], y, np.ones((1, len(x))))[0, 0])


def _taus(measures: np.ndarray, target: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """(R, F) tau-b of measures (F, M) where model i is counts[r, i] times in the sample r.

    With signs s of the pairs' differences, tau-b = sum s_x s_y / sqrt(sum s_x^2 sum s_y^2) over all
    pairs; repeated models are tied. Every sum is a quadratic form in the counts."""
    of_target = _signs(target)
    taus = []
    for measure in measures:
        signs = _signs(measure)
        defined = np.isfinite(signs)
        x, y = np.where(defined, signs, 0), np.where(defined, of_target, 0)
        agreeing, of_x, of_y = (_pairs(counts, each) for each in (x * y, x * x, y * y))
        taus.append(_ratio(agreeing, np.sqrt(of_x * of_y)))
    return np.reshape(taus, (len(measures), len(counts))).T


def _spearmans(measure: np.ndarray, target: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """(R,) Spearman's rho in the same way: a midrank less its mean is half the sum of the signs."""
    x, y = (counts @ _signs(each).T for each in (measure, target))
    return _ratio(
        (counts * x * y).sum(axis=1),
        np.sqrt((counts * x * x).sum(axis=1) * (counts * y * y).sum(axis=1)),
    )


def _signs(values: np.ndarray) -> np.ndarray:
    """(M, M) of the differences of all pairs; NaN where one is not finite."""
    values = np.where(np.isfinite(values), values, np.nan)
    return np.sign(values[:, None] - values[None, :])


def _pairs(counts: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """(R,) the sum of a symmetric matrix over all ordered pairs of a sample."""
    return ((counts @ matrix) * counts).sum(axis=1)


def _ratio(value: np.ndarray, norm: np.ndarray) -> np.ndarray:
    return np.divide(value, norm, out=np.full(len(value), np.nan), where=norm > 0)
