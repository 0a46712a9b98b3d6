"""Results as tables that read well in a narrow terminal and in a pipe."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sed2.errors import shown
from sed2.gating.outcome import GatedScore
from sed2.results import ModelResult, Score
from sed2.settings import NO_LABEL, Settings

_LEGEND = {
    "joint 2sED": "geometric mean of lower 2sED and 2sED end-to-end.",
    "2sED end-to-end": "of the network as one block, with noise at its output alone.",
    "95% interval": "for the limit of many draws, whichever N inputs are chosen.",
    "± seeds": "standard deviation between seeds at the same N and K.",
    "P(best)": "probability of being ahead of all others.",
    "P(order)": "probability of being ahead of the next.",
    "FLOPs": "operations of one forward pass of one input.",
    "front": "no other model has a larger score and is smaller.",
    "ESS": "effective draws of 2sED.",
    "bracket": "at most this, with these draws, by the traces and ranks of the blocks.",
    "at most": "the bound (11) on 2sED, with the measured rank and largest eigenvalue.",
}
LOWER_ESTIMATE = (
    "biased low, >: too few effective draws for an honest error; the limit of many draws "
    "lies above, as a rule."
)


def describe(settings: Settings, inputs: int) -> str:
    """The settings that determine the numbers, in one line."""
    particles = f"smc of {settings.islands} x {settings.particles} particles, "
    by = "" if settings.averages_draws else particles
    column = "no label" if settings.label == NO_LABEL else f"label `{shown(settings.label)}`"
    label = f" ({column})" if settings.label else ""
    whole = "" if settings.score == "lower" else f" ({settings.whole_draws} end-to-end)"
    return (
        f"{settings.dataset}{label}, N = {inputs} inputs, K = {settings.draws} draws{whole}, {by}"
        f"{settings.fisher} Fisher, prior {settings.prior}, {settings.likelihood} likelihood, "
        f"chain {settings.chain}, sigma {level(settings.noise)}, "
        f"zeta {settings.zeta:g}, seed {settings.seed}."
    )


def score_at(settings: Settings, eps: Sequence[float] | np.ndarray) -> str:
    """Of which eps a score is, `eps` being the grid."""
    if settings.eps_n is not None:
        return f"at eps_n = {settings.eps_n:.4g} (Theorem 5.1, n = {settings.n_train:,})"
    if len(eps) == 1:
        return f"at eps = {eps[0]:g}"
    return f"averaged over eps {eps[0]:g} to {eps[-1]:g} in log eps"


def level(value: float) -> str:
    """A setting as a number; 0 is the limit of sigma, and of no other."""
    return f"{value:,g}" if value else "limit"


def coverage(result: ModelResult) -> str:
    counted, left_out = f"{result.parameters:,} parameters", result.left_out
    if not left_out:
        return f"{counted}, all counted"
    return f"{counted} counted, {left_out:,} other numbers held constant"


def legend(headers: Sequence[str], *, lower: bool) -> list[str]:
    """What the columns mean."""
    meanings = [f"{header}: {meaning}" for header, meaning in _LEGEND.items() if header in headers]
    return [*meanings, *([LOWER_ESTIMATE] if lower else [])]


def value_cell(value: float, lower_estimate: bool) -> str:
    return f"> {value:.1f}" if lower_estimate else f"{value:.1f}"


def interval_cell(interval: Sequence[float], lower_estimate: bool = False) -> str:
    """An interval, or the reason why there is none."""
    low, high = interval
    if lower_estimate:
        return "biased low"
    return "–" if math.isnan(low) or math.isnan(high) else f"{low:.1f} to {high:.1f}"


def scatter_cell(score: Score) -> str:
    """How far away another seed lands."""
    return "–" if math.isnan(score.scatter) else f"± {score.scatter:.1f}"


def score_cell(score: Score | GatedScore) -> str:
    return value_cell(score.value, score.lower_estimate)


def score_in_words(score: Score) -> str:
    interval = interval_cell(score.interval, score.lower_estimate)
    sure = "" if score.lower_estimate else "95%: "
    return f"{score_cell(score)} ({sure}{interval})"


def probability_cell(probability: float) -> str:
    """Two digits; never a certainty that simulations do not give."""
    if math.isnan(probability):
        return "–"
    if probability > 0.99:
        return "> 0.99"
    return "< 0.01" if probability < 0.01 else f"{probability:.2f}"
