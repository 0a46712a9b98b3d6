"""What is computed of the fresh architectures: families, data and cells, fixed before any loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from scripts.common.data import by_channel, made
from scripts.common.paths import CONFIGS, DOCS
from scripts.validity.cells import MEASURES as ALL_MEASURES
from scripts.validity.cells import Cell, loss
from scripts.validity.measures import GRID, Values
from sed2.baselines.registry import BASELINES
from sed2.data.load import Dataset, load_dataset
from sed2.options import TrainingSettings
from sed2.spec.schema import ModelSpec, load_spec
from sed2.training import loop
from sed2.training.batches import epoch_batches, training_rows
from sed2.training.network import draw_states
from sed2.training.plan import check_training

TESTED = 5_000
"""Rows beside the training set that the test loss is of, at most."""
EPS = (GRID, "0.3", "0.1")
"""What is kept of a score."""


@dataclass(frozen=True)
class Family:
    """Architectures of one kind, on one data set."""

    name: str
    title: str
    mixed: bool
    """Whether the number of parameters is."""
    cells: tuple[Cell, ...]

    @property
    def config(self) -> Path:
        return CONFIGS / f"fresh-{self.name}.yaml"

    @property
    def table(self) -> Path:
        return DOCS / "evidence" / f"fresh-{self.name}.csv"

    @property
    def models(self) -> tuple[ModelSpec, ...]:
        return tuple(load_spec(self.config).models)

    def data(self, given: str | None = None) -> Dataset:
        """The named data set, or a file instead; images with half the rows and columns."""
        name = given or str(load_spec(self.config).settings["dataset"])
        raw = load_dataset(name)
        return raw if raw.x.ndim == 2 else halved(raw)


def halved(raw: Dataset) -> Dataset:
    """Images of means over 2 x 2 pixels, standardised by the channel."""
    count, height, width, channels = raw.x.shape
    parts = np.reshape(raw.x.astype(float), (count, height // 2, 2, width // 2, 2, channels))
    assert raw.y is not None
    x = by_channel(parts.mean(axis=(2, 4)))
    return made(f"{raw.name}, halved", x, raw.y.astype(np.int64), standardized=True)


LOWER, WITHOUT_NOISE, WHOLE, LOSS = "lower", "lower sigma=1e-6", "whole", "loss"
CORE = (LOWER, WITHOUT_NOISE, WHOLE, LOSS)
"""The cells that the decisions need."""
COUNTS, GRADIENTS = "counts", "gradients"
"""Those of the baselines."""
COUNTED = ("parameters", "flops", "depth", "narrowest_width")
SLOW = ("two_sed_end_to_end", "naswot", "abbas")


def _cells(samples: int, draws: int, of_whole: int, training: Cell) -> tuple[Cell, ...]:
    return (
        Cell(LOWER, "score", samples, draws),
        Cell(WITHOUT_NOISE, "score", samples, draws, sigma=1e-6),
        Cell(WHOLE, "score", samples, of_whole, chain="end-to-end"),
        replace(training, name=LOSS),
        Cell(COUNTS, "baseline", samples, 10, without=tuple(set(BASELINES) - set(COUNTED))),
        Cell(GRADIENTS, "baseline", samples, 10, without=SLOW + COUNTED),
    )


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family("mlps", "MLPs on Covertype", True, _cells(100, 50, 10, loss(10_000, 20))),
        Family("cnns", "CNNs on MNIST", False, _cells(50, 20, 10, loss(1_600, 6, batch=16))),
        Family("photos", "CNNs on CIFAR-10", False, _cells(50, 20, 10, loss(2_400, 6, batch=24))),
        Family("blocks", "residual and attention", True, _cells(50, 10, 10, loss(1_600, 6, 16))),
    )
}
ROUND = 10
"""Architectures of a family before it is the next family's turn."""


def measure_score(model: ModelSpec, dataset: Dataset, cell: Cell) -> Values:
    """Lower 2sED of the chain, or 2sED of the network as one block."""
    found = ALL_MEASURES["score"](model, dataset, cell)
    name = "lower_2sed" if cell.chain == "blocks" and ("lower_2sed", GRID) in found else "2sed"
    return {(name, eps): found[name, eps] for eps in EPS}


def measure_loss(model: ModelSpec, dataset: Dataset, cell: Cell) -> Values:
    """Loss and accuracy of each seed at the end, on the training set and on rows that are not in
    it. The training is that of `sed2.training.recipe.train`."""
    settings = cell.settings
    training = TrainingSettings(
        train_samples=cell.samples,
        epochs=cell.epochs,
        batch_size=cell.batch,
        train_seeds=cell.draws,
    )
    plan = check_training(model, dataset, settings, training)
    rows = training_rows(dataset.rows, plan.samples + TESTED, settings.seed)
    assert dataset.y is not None
    x = jnp.asarray(dataset.x[rows].astype("float32"))
    y = jnp.asarray(dataset.y[rows].astype("int32"))
    with jax.enable_x64(False):
        states = draw_states(plan.chain, settings, cell.draws)
        orders = [
            epoch_batches(plan.samples, plan.batch, settings.seed, cell.draws, epoch)
            for epoch in range(cell.epochs + 1)
        ]
        batches = np.concatenate(orders[:-1], axis=1)
        real = np.ones(batches.shape[1], bool)
        progress, _ = loop.advance(
            plan.program, training.learning_rate, loop.start(states), x, y, batches, real
        )
        states = progress.states
        if jax.tree.leaves(states.statistics):
            found = loop.mean_statistics(plan.program, states, x, orders[-1])
            states = states._replace(statistics=found)
        places = np.arange(len(rows) - len(rows) % plan.batch).reshape(-1, plan.batch)
        losses, hits = (
            np.asarray(each, float) for each in loop.evaluate(plan.program, states, x, y, places)
        )
    values: Values = {}
    for part, which in (
        ("seed", slice(plan.samples)),
        ("test seed", slice(plan.samples, None)),
    ):
        for seed in range(cell.draws):
            values[f"{part} {seed}", ""] = finite(losses[seed, which].mean())
            values[f"{part} {seed} accuracy", ""] = finite(hits[seed, which].mean())
    return values


def finite(value: float) -> float:
    return float(value) if np.isfinite(value) else np.nan


MEASURES: dict[str, Callable[[ModelSpec, Dataset, Cell], Values]] = {
    "score": measure_score,
    "baseline": ALL_MEASURES["baseline"],
    "loss": measure_loss,
}
"""By the kind of the cell."""
