"""How well a measure orders cells: the figures of the report and their resamples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sed2.ranking.correlation import bootstrap_taus, tau_b

SHARE = 0.1
"""The cells at the top that nDCG and precision look at."""


def ndcg(ranked: np.ndarray) -> float:
    """Of the first tenth: 1 if it is the best tenth in its order.

    Args:
        ranked: (M,) accuracies, the cell that the measure has first at the beginning.
    """
    top = _top(ranked)
    spread = np.ptp(ranked)
    gains = 2 ** ((ranked - ranked.min()) / (spread or 1)) - 1
    discounts = 1 / np.log2(np.arange(2, top + 2))
    best = np.sort(gains)[::-1][:top] @ discounts
    return float(gains[:top] @ discounts / best) if best else 1.0


def regret(ranked: np.ndarray) -> float:
    """Points of accuracy that the first one loses to the best."""
    return float(ranked.max() - ranked[0])


def precision(ranked: np.ndarray) -> float:
    """Share of the best tenth that is among the first tenth."""
    top = _top(ranked)
    least = np.sort(ranked)[::-1][top - 1]
    return float(min((ranked[:top] >= least).sum(), top) / top)


def _top(ranked: np.ndarray) -> int:
    return max(1, round(SHARE * len(ranked)))


@dataclass(frozen=True)
class Figure:
    """A number that tells how good an order is."""

    name: str
    of: Callable[[np.ndarray], float]
    """Of the accuracies in the order of a measure; that of tau-b is not asked for."""
    form: str = ".2f"


FIGURES = (
    Figure("tau-b", lambda ranked: np.nan),
    Figure("nDCG", ndcg),
    Figure("regret, points", regret),
    Figure("precision", precision),
)


def resampled(count: int, resamples: int) -> np.ndarray:
    """(R, M) which cells each resample has."""
    return np.random.default_rng(0).integers(count, size=(resamples, count))


def tau_of(measure: np.ndarray, target: np.ndarray, orders: np.ndarray) -> tuple[float, np.ndarray]:
    """tau-b, and (R,) of the same number of resamples, those of sed2."""
    found = bootstrap_taus(measure[None], target, resamples=len(orders))[:, 0]
    return tau_b(measure, target), found


def of_orders(
    figure: Figure, measure: np.ndarray, target: np.ndarray, ties: np.ndarray, orders: np.ndarray
) -> tuple[float, np.ndarray]:
    """Of a measure (M,) that is better if larger, and (R,) in the resamples."""

    def of(cells: np.ndarray) -> float:
        first_to_last = np.lexsort((ties[cells], -measure[cells]))
        return figure.of(target[cells][first_to_last])

    return of(np.arange(len(measure))), np.array([of(each) for each in orders])
