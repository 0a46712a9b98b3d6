"""Training the same model to convergence, by sed2's own loop: Adam, batches of 64, one seed.

Converged: over the last 5 epochs the mean loss is less than 1% below that of the 5 before.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scripts.bench.problem import Problem
from sed2.data.load import Dataset, load_dataset
from sed2.options import TrainingSettings
from sed2.settings import Settings
from sed2.spec.schema import load_spec
from sed2.training.recipe import train
from sed2.training.result import Training

SPAN, GAIN, FIRST, MOST = 5, 0.01, 20, 640


@dataclass(frozen=True)
class Convergence:
    """How long a training takes."""

    epochs: int
    rows: int
    loss: float
    """Mean over the last epoch."""
    converged: bool
    """Whether it is done; else it was stopped."""


class ToConvergence:
    """As many epochs as `find_epochs` found."""

    def __init__(self, problem: Problem) -> None:
        from sed2.common.compilation import use_compilation_cache

        self.problem = problem
        use_compilation_cache()
        kept = json.loads(problem.epochs.read_text())
        self.epochs, self.data = kept["epochs"], Path(kept["data"])

    def run(self) -> None:
        training = _train(self.problem, load_dataset(self.data), self.epochs)
        assert not training.diverged.any()


def find_epochs(
    problem: Problem, data: Path, most: int = MOST, seconds: float = math.inf
) -> Convergence:
    """Train twice as long until the loss has converged, and write down when.

    Args:
        data: the training set, as the network takes it.
        most: epochs at which it is given up.
        seconds: after which it is given up, too.
    """
    start = time.perf_counter()
    dataset, epochs, end = load_dataset(data), min(FIRST, most), None
    while True:
        loss = _train(problem, dataset, epochs).loss[0]
        end = converged_after(loss)
        if end is not None or epochs >= most or time.perf_counter() - start > seconds:
            break
        epochs = min(2 * epochs, most)
    found = Convergence(end or epochs, dataset.rows, float(loss[(end or epochs) - 1]), bool(end))
    problem.epochs.write_text(json.dumps({"epochs": found.epochs, "data": str(data)}))
    return found


def training_set(problem: Problem, whole: Path | None) -> Path:
    """The rows that the inputs are from; or, from a folder of whole data sets, all that there are,
    standardised by feature."""
    if whole is None:
        return problem.data
    dataset = load_dataset(whole / f"{problem.case.dataset}.npz", standardize=True)
    path = problem.folder / "training.npz"
    np.savez(path, x=dataset.x.reshape(dataset.rows, *problem.x.shape[1:]), y=dataset.y)
    return path


def converged_after(loss: np.ndarray) -> int | None:
    """The number of epochs after which the loss (epochs,) has converged, if it has."""
    for epochs in range(2 * SPAN, len(loss) + 1):
        before, last = loss[epochs - 2 * SPAN : epochs].reshape(2, SPAN).mean(axis=1)
        if last > (1 - GAIN) * before:
            return epochs
    return None


def _train(problem: Problem, dataset: Dataset, epochs: int) -> Training:
    training = TrainingSettings(epochs=epochs, train_seeds=1)
    return train(load_spec(problem.case.model).models[0], dataset, Settings(), training)
