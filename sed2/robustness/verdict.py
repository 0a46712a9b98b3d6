"""Is a ranking settled? Counting seeds, and nothing cleverer.

The *reference* is the order of the mean scores at the largest N of the grid. A pair of neighbours
in it is settled at a point if the one is ahead of the other in every seed. If all pairs of
neighbours are, so is every pair, and all seeds agree on the whole order.

The ranking is called settled at the base only if that holds at the base, at every larger N and at
every larger K of the grids; and if a larger N (or all rows) and a larger K were tried at all, under
two seeds at least. Two models that are in truth equal would agree in all S seeds with probability
2^(1 - S): 1 in 16 for five seeds. That is all the confidence there is, so the verdict comes with
the number of seeds.

What would settle a pair, in each sweep by itself: the smallest point of the grid from which on all
seeds agree up to the end. If they do not even at the largest K, there may be an extrapolation: by
the 1/sqrt(K) law each seed's gap g_s moves towards their mean g, to g + (g_s - g) sqrt(K_max / K),
and all are above 0 from K_max (1 - min g_s / g)^2 on. It is only made where the sign of g is known,
g > 2 std(g_s) / sqrt(S), and it is optimistic: the scatter that is due to the inputs does not fall
with K, and a log-mean-exp that few draws carry falls slower. No law is known for N.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from sed2.robustness.results import Pair, Sweep, Verdict, in_order

_SIGN_KNOWN = 2.0  # standard errors of the mean gap


def judge(names: Sequence[str], samples: Sweep, draws: Sweep, sigma: Sweep, rows: int) -> Verdict:
    """Whether the ranking is settled at the base, and what would settle it.

    Args:
        names: of the M models.
        samples, draws, sigma: the sweeps, with the same base.
        rows: of the data: as many inputs are all there are.
    """
    order = samples.order(-1)
    pairs = tuple(_judge_pair(names, a, b, samples, draws) for a, b in pairwise(order))
    kept = all(
        pair.samples is not None
        and pair.samples <= samples.base_value
        and pair.draws is not None
        and pair.draws <= draws.base_value
        for pair in pairs
    )
    why = _cannot_tell(samples, draws, rows) if kept else ""
    return Verdict(
        settled=None if why else kept,
        why=why,
        order=tuple(names[m] for m in order),
        agreeing=int(in_order(samples.scores[order, samples.base]).sum()),
        tau=float(samples.tau[samples.base]),
        pairs=pairs,
        sigma_changes=tuple(
            value
            for g, value in enumerate(sigma.grid)
            if not np.array_equal(sigma.order(g), sigma.order(sigma.base))
        ),
    )


def _cannot_tell(samples: Sweep, draws: Sweep, rows: int) -> str:
    """Why there is no verdict on a ranking that changed nowhere; empty if there is no reason."""
    models, _, seeds = samples.scores.shape
    if models == 1:
        return "one model has no ranking"
    if seeds == 1:
        return "one seed says nothing of another; give --seeds 2 or more"
    if samples.grid[-1] == samples.base_value < rows:
        return "no larger N was tried; give a larger --samples-grid"
    if draws.grid[-1] == draws.base_value:
        return "no larger K was tried; give a larger --draws-grid"
    return ""


def _judge_pair(names: Sequence[str], a: int, b: int, samples: Sweep, draws: Sweep) -> Pair:
    by_samples, by_draws = (sweep.scores[a] - sweep.scores[b] for sweep in (samples, draws))
    enough = _settled_from(by_draws)
    extrapolated = math.nan if enough is not None else _extrapolate(by_draws[-1], draws.grid[-1])
    n = _settled_from(by_samples)
    return Pair(
        ahead=names[a],
        behind=names[b],
        agreeing=int((by_samples[samples.base] > 0).sum()),
        samples=None if n is None else int(samples.grid[n]),
        draws=None if enough is None else int(draws.grid[enough]),
        draws_extrapolated=extrapolated,
    )


def _settled_from(gaps: np.ndarray) -> int | None:
    """The first place of the grid from which on all gaps (G, S) are above 0; None if there is none.

    A tie settles nothing."""
    first = None
    for place in reversed(range(len(gaps))):
        if not (gaps[place] > 0).all():
            break
        first = place
    return first


def _extrapolate(gaps: np.ndarray, draws: float) -> float:
    """The K from which on all gaps (S,) would be above 0 by the 1/sqrt(K) law; NaN if none.

    Args:
        gaps: of one pair at the largest K, not all above 0.
        draws: that K.
    """
    mean, seeds = float(gaps.mean()), len(gaps)
    if seeds == 1 or not mean > _SIGN_KNOWN * float(gaps.std(ddof=1)) / math.sqrt(seeds):
        return math.nan
    return draws * (1 - float(gaps.min()) / mean) ** 2
