"""The tables of the fresh architectures as arrays, larger is better."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scripts.validity import table
from scripts.validity.fresh.cells import CORE, LOSS, LOWER, WHOLE, WITHOUT_NOISE, Family
from scripts.validity.fresh.specs import SHAPES
from scripts.validity.measures import GRID
from sed2.baselines.registry import BASELINES
from sed2.chain import Chain, build_chain

EPS = "0.3"
"""Of joint 2sED."""


class TooFewError(ValueError):
    """Of a family so few architectures are whole that nothing can be compared."""

    def __init__(self, whole: int) -> None:
        super().__init__(f"{whole} architectures are whole: too few")
        self.whole = whole


@dataclass(frozen=True)
class Numbers:
    """All numbers of the M architectures of a family whose core cells are there; (M,) each."""

    family: Family
    models: tuple[str, ...]
    chains: tuple[Chain, ...]
    scores: dict[str, np.ndarray]
    """The first is the default of today."""
    baselines: dict[str, np.ndarray]
    """Turned so that the larger is expected to be better; NaN where one is undefined, or has not
    been computed yet."""
    losses: np.ndarray
    """(M, seeds), of the training set."""
    test_losses: np.ndarray
    """(M, seeds), of rows beside it."""
    test_accuracies: np.ndarray
    """(M, seeds)"""
    undefined: tuple[str, ...]
    """Architectures left out because a core number of theirs is not finite."""
    seconds: dict[str, float]
    """By cell, the mean over the architectures."""

    @property
    def target(self) -> np.ndarray:
        """Minus the mean training loss over the seeds."""
        return -self.losses.mean(axis=1)

    @property
    def parameters(self) -> np.ndarray:
        return np.array([chain.parameters for chain in self.chains], float)

    @property
    def traits(self) -> dict[str, np.ndarray]:
        """What an engineer sees of an architecture."""
        ends = [chain.blocks[-2].output_shape[-1] for chain in self.chains]
        return {
            "parameters": self.parameters,
            "blocks": np.array([len(chain.blocks) for chain in self.chains], float),
            "width before the last block": np.array(ends, float),
            "narrowest width": self.baselines["narrowest_width"],
        }


def load(family: Family, path: Path | None = None) -> Numbers:
    """From the table that `run` wrote.

    Raises:
        TooFewError: not even three architectures are whole.
        ValueError: it is no such table.
    """
    values: dict[tuple[str, str, str, str], float] = {}
    for row in table.read([path or family.table]):
        values[row.model, row.cell, row.measure, row.eps] = row.value
    whole = [
        model
        for model in family.models
        if all((model.name, cell, table.END, "") in values for cell in CORE)
    ]

    def column(cell: str, measure: str, eps: str = "") -> np.ndarray:
        return np.array([values.get((m.name, cell, measure, eps), np.nan) for m in whole])

    def of_chain(cell: str, eps: str) -> np.ndarray:
        return column(cell, "lower_2sed", eps)

    end_to_end = column(WHOLE, "2sed", EPS)
    scores = {
        "lower": of_chain(LOWER, GRID),
        "joint": np.sqrt(of_chain(LOWER, EPS) * end_to_end),
        "limit": of_chain(WITHOUT_NOISE, GRID),
        "lower, eps 0.3": of_chain(LOWER, EPS),
        "end-to-end, eps 0.3": end_to_end,
        "joint of the limit": np.sqrt(of_chain(WITHOUT_NOISE, EPS) * end_to_end),
    }
    seeds = range(next(cell.draws for cell in family.cells if cell.name == LOSS))
    trained = [
        np.stack([column(LOSS, f"{part} {seed}{what}") for seed in seeds], axis=1)
        for part, what in (("seed", ""), ("test seed", ""), ("test seed", " accuracy"))
    ]
    found = [*scores.values(), *trained[0].T]
    fine = np.all(np.isfinite(found), axis=0)
    if fine.sum() < 3:
        raise TooFewError(int(fine.sum()))
    kept = [model for model, it_is in zip(whole, fine.tolist(), strict=True) if it_is]
    counted = {name: None for _, _, name, _ in values if name in BASELINES}
    baselines = {}
    for name in counted:
        cell = next(cell for _, cell, measure, _ in values if measure == name)
        turn = 1 if BASELINES[name].larger_is_better else -1
        baselines[name] = turn * column(cell, name)[fine]
    return Numbers(
        family=family,
        models=tuple(model.name for model in kept),
        chains=tuple(build_chain(model.blocks, SHAPES[family.name]) for model in kept),
        scores={name: one[fine] for name, one in scores.items()},
        baselines=baselines,
        losses=trained[0][fine],
        test_losses=trained[1][fine],
        test_accuracies=trained[2][fine],
        undefined=tuple(model.name for model in whole if model not in kept),
        seconds={
            cell.name: float(np.nanmean(column(cell.name, table.END)))
            for cell in family.cells
            if np.isfinite(column(cell.name, table.END)).any()
        },
    )
