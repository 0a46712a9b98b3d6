"""What the validity benchmark computes of every model: the cells, and the numbers of each kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from scripts.common.spectra import spectra_of
from scripts.validity.measures import Values, measure_all
from sed2.baselines.registry import BASELINES, measure_baselines
from sed2.chain import build_chain
from sed2.data.load import Dataset, choose_inputs
from sed2.options import TrainingSettings
from sed2.settings import Settings
from sed2.spec.schema import ModelSpec
from sed2.training.recipe import train


@dataclass(frozen=True)
class Cell:
    """What is computed in one go for one model."""

    name: str
    kind: Literal["score", "baseline", "loss"]
    samples: int
    """N inputs; of a loss, training points."""
    draws: int
    """K draws; of a loss, seeds of the initial parameters."""
    prior: str = "torch"
    fisher: str = "expected"
    chain: str = "blocks"
    sigma: float = 0.01
    epochs: int = 0
    batch: int = 0
    """Both of a loss."""
    without: tuple[str, ...] = ("two_sed_end_to_end",)
    """Baselines that are left out: 2sED is not held against itself."""

    @property
    def settings(self) -> Settings:
        return Settings.model_validate(
            {
                "samples": self.samples,
                "draws": self.draws,
                "prior": self.prior,
                "fisher": self.fisher,
                "chain": self.chain,
                "sigma": self.sigma,
                "input_groups": 0,
            }
        )


def score(prior: str, samples: int, draws: int) -> Cell:
    return Cell(f"{prior} N={samples}", "score", samples, draws, prior)


def empirical(samples: int, draws: int) -> Cell:
    return Cell(f"empirical N={samples}", "score", samples, draws, fisher="empirical")


def end_to_end(samples: int, draws: int) -> Cell:
    return Cell(f"end-to-end N={samples}", "score", samples, draws, chain="end-to-end")


def loss(points: int, epochs: int, batch: int = 64, seeds: int = 3) -> Cell:
    return Cell(f"loss n={points}", "loss", points, seeds, epochs=epochs, batch=batch)


# `smc` is not among them: it takes minutes per model and eps.
CELLS: dict[str, tuple[Cell, ...]] = {
    "mlps": (
        score("torch", 100, 100),
        score("torch", 1000, 30),
        score("he_normal", 1000, 30),
        end_to_end(100, 25),
        empirical(100, 30),
        loss(10_000, 40),
        Cell("baselines", "baseline", 100, 10),
        score("uniform:-1:1", 1000, 30),
        score("glorot_uniform", 1000, 30),
        score("lecun_normal", 1000, 30),
        score("uniform:0:1", 1000, 30),
        loss(100_000, 10),
    ),
    "cnns": (
        score("torch", 50, 20),
        score("he_normal", 50, 20),
        loss(2_000, 5, batch=16),
        Cell("baselines", "baseline", 50, 10, without=("two_sed_end_to_end", "abbas")),
        end_to_end(50, 10),
        empirical(50, 20),
        score("uniform:-1:1", 50, 20),
        score("glorot_uniform", 50, 20),
        score("lecun_normal", 50, 20),
        score("uniform:0:1", 50, 20),
    ),
}
"""By family, the most informative first; the first of all has what `sed2 rank` takes by default (of
CNNs with fewer inputs and draws, which cost more)."""


def measure_spectra(model: ModelSpec, dataset: Dataset, cell: Cell) -> Values:
    """All variants of 2sED, from one set of spectra; no errors, so the draws are all the work."""
    settings = cell.settings
    chain = build_chain(model.blocks, dataset.input_shape, settings.chain)
    inputs = choose_inputs(dataset, settings.samples, settings.seed)
    return measure_all(spectra_of(chain, inputs, settings))


def measure_network(model: ModelSpec, dataset: Dataset, cell: Cell) -> Values:
    """What 2sED is held against."""
    names = [name for name in BASELINES if name not in cell.without]
    found = measure_baselines(model, dataset, cell.settings, names)
    return {(name, ""): value for name, value in found.items()}


def measure_loss(model: ModelSpec, dataset: Dataset, cell: Cell) -> Values:
    """Training loss at the end, of each seed."""
    training = TrainingSettings(
        train_samples=cell.samples,
        epochs=cell.epochs,
        batch_size=cell.batch,
        train_seeds=cell.draws,
    )
    found = train(model, dataset, cell.settings, training)
    losses = np.where(found.diverged, np.nan, found.final_loss)
    return {(f"seed {seed}", ""): float(value) for seed, value in enumerate(losses)}


MEASURES: dict[str, Callable[[ModelSpec, Dataset, Cell], Values]] = {
    "score": measure_spectra,
    "baseline": measure_network,
    "loss": measure_loss,
}
"""By the kind of the cell."""
