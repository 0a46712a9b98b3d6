"""Whether `--sigma limit` becomes the default. The rule stands here before its numbers are there.

    python -m scripts.validity sigma FILE.csv FILE.csv ...

Each file is of `run`, over one family of fresh architectures: some that no earlier choice was made
on. It has a cell `torch N=...`, the cell `sigma limit N=...` of the same N and K, and a training.
The gain of a family is the tau-b of the score of `sed2 rank` (lower 2sED, eps 1e-3:1e-1) with minus
the mean training loss at the end, under `limit` less that under 0.01. Its interval is the central
95% over a bootstrap of the architectures.

**The rule.** `limit` becomes the default if the interval of the mean gain over the families lies
above 0, and that of no family lies below 0. Else 0.01 stays.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from scripts.common.pages import table as markdown
from scripts.validity import table
from scripts.validity.measures import GRID
from scripts.validity.statistics import SEED, shown
from sed2.ranking.correlation import bootstrap_taus, tau_b

LIMIT, NOISE = "sigma limit", "torch"


def write(given: argparse.Namespace) -> None:
    """Print the table and what the rule says.

    Raises:
        ValueError: a file is no table of `run`, or lacks a cell.
    """
    gains = [_gains(path, SEED + n, given.resamples) for n, path in enumerate(given.files)]
    names = [path.stem for path in given.files]
    rows = [(name, *_summary(one)) for name, one in zip(names, gains, strict=True)]
    rows.append(("mean", *_summary(np.mean(gains, axis=0))))
    print("\n".join(markdown(["family", "gain in tau-b"], [[n, shown(*its)] for n, *its in rows])))
    print(f"\nThe default is {'limit' if decide([its for _, _, its in rows]) else '0.01'}.")


def decide(intervals: Sequence[np.ndarray]) -> bool:
    """The rule, of the intervals of all families and, last, of their mean."""
    *families, mean = intervals
    return bool(mean[0] > 0) and not any(high < 0 for _, high in families)


def _gains(path: Path, seed: int, resamples: int) -> np.ndarray:
    """(1 + resamples,) on the architectures of a file, and on resamples of them."""
    rows = table.read([path])
    limit = next((row for row in rows if row.cell.startswith(f"{LIMIT} N=")), None)
    losses = [row for row in rows if row.kind == "loss" and row.measure != table.END]
    if limit is None or not losses:
        raise ValueError(f"{path} has no cell `{LIMIT} N=...`, or no training")
    cells = (f"{LIMIT} N={limit.samples}", f"{NOISE} N={limit.samples}")
    scores = [
        {row.model: row.value for row in rows if _is_score(row, cell, limit.draws)}
        for cell in cells
    ]
    trained: dict[str, list[float]] = {}
    for row in losses:
        if row.cell == losses[0].cell:
            trained.setdefault(row.model, []).append(row.value)
    models = list(trained)
    if not set(models) == set(scores[0]) == set(scores[1]):
        raise ValueError(f"{path}: not every architecture has {cells[0]}, {cells[1]} and a loss")
    both = np.array([[of[name] for name in models] for of in scores])
    target = -np.array([np.mean(trained[name]) for name in models])
    if not (np.isfinite(both).all() and np.isfinite(target).all()):
        raise ValueError(f"{path}: a score or a loss is not finite")
    once = tau_b(both[0], target) - tau_b(both[1], target)
    taus = bootstrap_taus(both, target, seed, resamples)
    return np.append(once, taus[:, 0] - taus[:, 1])


def _is_score(row: table.Row, cell: str, draws: int) -> bool:
    return (row.cell, row.draws, row.measure, row.eps) == (cell, draws, "lower_2sed", GRID)


def _summary(gains: np.ndarray) -> tuple[float, np.ndarray]:
    return float(gains[0]), np.nanquantile(gains[1:], (0.025, 0.975))
