"""Figures 3 and 6 to 9: lower 2sED of untrained networks against their loss after training."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations, product
from typing import TYPE_CHECKING, Any

import numpy as np

from scripts.paper import figures
from scripts.paper.claims import Claim, Inequality, SameSign, Statement
from scripts.paper.lab import Counts, Lab, Scores, Way, mean_and_scatter, score
from sed2.data.load import Dataset
from sed2.generalisation.theorem import log_radius
from sed2.options import TrainingSettings
from sed2.settings import Settings, parse_eps
from sed2.spec.schema import ModelSpec
from sed2.training.plan import check_training
from sed2.training.recipe import train

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SEED = 1
"""Of the choice of the training points, and of all trainings."""


@dataclass(frozen=True)
class Course:
    """One way to train all models."""

    label: str
    statement: Statement
    """What it is to confirm."""
    dataset: Dataset
    rows: int
    batch: int
    epochs: int
    seeds: int

    @property
    def eps_n(self) -> float:
        """Of Theorem 5.1, for this size of the training set and gamma = 1."""
        return math.exp(log_radius(math.log(self.rows), 1.0))


@dataclass(frozen=True)
class Trained:
    """All models after one course."""

    course: Course
    loss: np.ndarray
    """(M, S, epochs) of every epoch, while the parameters change."""
    final: np.ndarray
    """(M, S) of the whole training set after the last step."""
    seconds: np.ndarray
    """(M,) of the processor for all seeds, compilation included."""


@dataclass(frozen=True)
class Comparison:
    """Lower 2sED and training losses of the same models."""

    names: tuple[str, ...]
    scored: tuple[tuple[Way, Scores], ...]
    trained: tuple[Trained, ...]

    def lower(self, scores: Scores, eps: float) -> np.ndarray:
        """(M, S) at one covering radius of the grid."""
        return scores.lower[:, :, int(np.flatnonzero(scores.eps == eps)[0])]

    def figure(self) -> figures.Figure:
        """Above one panel for each way of scoring, below one for each course."""
        columns = max(len(self.scored), len(self.trained))
        figure, axes = figures.panels(2, columns)
        for panel in (*axes[0, len(self.scored) :], *axes[1, len(self.trained) :]):
            panel.set_axis_off()
        for panel, (way, scores) in zip(axes[0], self.scored, strict=False):
            for m, name in enumerate(self.names):
                figures.curve(panel, scores.eps, scores.lower[m], m, label=name)
            for each in self.trained:
                panel.axvline(each.course.eps_n, color="0.4", lw=1, ls=":")
            figures.over_eps(panel, f"lower 2sED, {way.label}")
        for panel, each in zip(axes[1], self.trained, strict=False):
            self._draw_losses(panel, each)
        figures.legend(figure, axes[0, 0], columns=len(self.names))
        return figure

    def _draw_losses(self, panel: Axes, trained: Trained) -> None:
        epochs = np.arange(1, trained.loss.shape[2] + 1)
        for m in range(len(self.names)):
            marker = "" if len(epochs) > 1 else "o"
            figures.curve(panel, epochs, trained.loss[m], m, marker=marker)
        means = trained.loss.mean(axis=1)
        low, early = means.min(), means[:, len(epochs) // 5].max()
        if early > low:  # the first epochs would hide the differences of the last
            panel.set_ylim(low - 0.1 * (early - low), early + 0.1 * (early - low))
        panel.set_xlabel("epoch")
        panel.set_title(f"training loss, {trained.course.label}", fontsize="medium")

    def as_json(self) -> dict[str, Any]:
        return {
            "scores": {way.label: scores.as_json() for way, scores in self.scored},
            "training": {
                each.course.label: {
                    "points": each.course.rows,
                    "batch size": each.course.batch,
                    "eps_n": each.course.eps_n,
                    "models": {
                        name: {
                            "loss": mean_and_scatter(each.loss[m]),
                            "final by seed": each.final[m].tolist(),
                            "processor seconds": float(each.seconds[m]),
                        }
                        for m, name in enumerate(self.names)
                    },
                }
                for each in self.trained
            },
        }


def compare(
    lab: Lab,
    models: Sequence[ModelSpec],
    dataset: Dataset,
    counts: Counts,
    ways: Sequence[Way],
    courses: Sequence[Course],
) -> Comparison:
    """Score the models by every way and train them by every course."""
    for model, course in product(models, courses):  # before any work
        check_training(model, course.dataset, *how_to_train(lab, course))
    eps = sorted({*parse_eps(lab.size.eps), *(course.eps_n for course in courses)})
    scored = tuple(
        (way, score(models, dataset, eps, counts.seeds, way.settings, lab.report)) for way in ways
    )
    trained = tuple(train_all(lab, models, course) for course in courses)
    return Comparison(tuple(model.name for model in models), scored, trained)


def how_to_train(lab: Lab, course: Course) -> tuple[Settings, TrainingSettings]:
    """Adam, learning rate 0.001, from the parameter measure; all models on the same points."""
    settings = {"dataset": course.dataset.name, "seed": SEED, "memory_gb": lab.memory_gb}
    return Settings.model_validate(settings), TrainingSettings(
        epochs=course.epochs,
        batch_size=course.batch,
        learning_rate=1e-3,
        train_seeds=course.seeds,
        train_samples=course.rows,
    )


def train_all(lab: Lab, models: Sequence[ModelSpec], course: Course) -> Trained:
    """Every model by one course."""
    settings, its = how_to_train(lab, course)
    found, seconds = [], []
    for model in models:
        told = f"training {model.name}, {course.label}"
        start = time.process_time()
        found.append(train(model, course.dataset, settings, its, partial(lab.report, told)))
        seconds.append(time.process_time() - start)
    return Trained(
        course,
        np.array([each.loss for each in found]),
        np.array([each.final_loss for each in found]),
        np.array(seconds),
    )


def agreement_claim(found: Comparison, place: int, way: int, remark: str = "") -> Claim:
    """Of every pair of models: the one with the larger lower 2sED at eps_n ends with less loss."""
    trained, (how, scores) = found.trained[place], found.scored[way]
    lower = found.lower(scores, trained.course.eps_n)
    pairs = tuple(
        SameSign(
            f"{found.names[i]} over {found.names[j]}, lower 2sED and -loss",
            lower[i] - lower[j],
            trained.final[j] - trained.final[i],
        )
        for i, j in combinations(range(len(found.names)), 2)
    )
    way_told = f"{trained.course.label}, {how.label}, eps_n = {trained.course.eps_n:.3g}"
    return Claim(trained.course.statement, way_told, pairs, remark)


def losses_told(found: Comparison, trained: Trained) -> str:
    """Final losses in words."""
    told = [
        f"{name} {values.mean():.4f}"
        for name, values in zip(found.names, trained.final, strict=True)
    ]
    return f"final loss: {', '.join(told)}"


def lowest_claim(found: Comparison, place: int, name: str, statement: Statement) -> Claim:
    """One model ends with less loss than every other."""
    trained, best = found.trained[place], found.names.index(name)
    parts = tuple(
        Inequality(f"loss of {other} minus that of {name}", values - trained.final[best])
        for other, values in zip(found.names, trained.final, strict=True)
        if other != name
    )
    return Claim(statement, trained.course.label, parts, losses_told(found, trained))
