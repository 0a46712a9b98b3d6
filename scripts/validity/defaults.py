"""Whether the evidence asks for other defaults than the tool has."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from scripts.common.pages import table
from scripts.validity.data import Benchmark, Key
from scripts.validity.statistics import SEED, halves, shown
from scripts.validity.tables import changes
from sed2.ranking.correlation import bootstrap_taus, tau_b

HALVES = ("choosing", "reporting")


def defaults(families: Mapping[str, Benchmark], resamples: int) -> list[str]:
    """The gain in tau by each change of one setting: of each family on its half for choosing, and
    in the mean over the families for which it was computed, on either half."""
    lines = []
    for label in dict.fromkeys(label for one in families.values() for label in _changes(one)):
        choosing, reporting = (_gains(families, label, half, resamples) for half in HALVES)
        gain, interval = _summary(np.mean(list(choosing.values()), axis=0))
        lines.append(
            [
                label,
                *(shown(*_summary(choosing[one])) if one in choosing else "–" for one in families),
                shown(gain, interval),
                shown(*_summary(np.mean(list(reporting.values()), axis=0))),
                "changed" if interval[0] > 0 else "kept",
            ]
        )
    by_family = (f"{title}, choosing" for title in families)
    return table(["change", *by_family, *(f"mean, {half}" for half in HALVES), "default"], lines)


def _changes(benchmark: Benchmark) -> dict[str, tuple[Key, Key]]:
    """What is changed, to which score and from which, in words that all families share: the number
    of inputs is not the same for all, so it is named where it is what changes."""
    found = {}
    for label, key, base in changes(benchmark):
        kind, size = key.cell.split(" N=")
        if key.cell != base.cell:
            of = f"N = {int(size):,}" if kind == "torch" else kind
            label = label.replace(key.cell, of)
        found[label] = (key, base)
    return found


def _gains(
    families: Mapping[str, Benchmark], label: str, half: str, resamples: int
) -> dict[str, np.ndarray]:
    """(1 + resamples,) by family: on its architectures, and on resamples of them."""
    found = {}
    for number, (title, benchmark) in enumerate(families.items()):
        if label in (changed := _changes(benchmark)):
            which = halves(len(benchmark.models))[HALVES.index(half)]
            both = np.stack([benchmark.scores[key][which] for key in changed[label]])
            target = benchmark.target[which]
            once = [tau_b(one, target) for one in both]
            taus = bootstrap_taus(both, target, SEED + number, resamples)
            found[title] = np.append(once[0] - once[1], taus[:, 0] - taus[:, 1])
    return found


def _summary(gains: np.ndarray) -> tuple[float, np.ndarray]:
    """The gain, and the central 95% of it over the resamples."""
    return float(gains[0]), np.nanquantile(gains[1:], (0.025, 0.975))
