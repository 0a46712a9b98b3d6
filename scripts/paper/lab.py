"""What every experiment is given, what it gives back, and how models are scored."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from scripts.common.paths import CONFIGS
from scripts.paper.claims import Claim
from scripts.paper.data import Sources
from sed2.data.load import Dataset
from sed2.estimate import estimate
from sed2.settings import Settings
from sed2.spec.schema import ModelSpec, load_spec

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TINY_CNNS = ("CNN 3|2-10", "CNN 3|3-10")


@dataclass(frozen=True)
class Counts:
    """How much is computed of one family of networks."""

    seeds: int
    """Of the scores."""
    train_seeds: tuple[int, ...]
    """Of the trainings, one after the other."""
    draws: int
    """K."""
    samples: int = 100
    """N, the paper's."""


@dataclass(frozen=True)
class Size:
    """How much is computed in all. By default what takes an hour or so of one core."""

    mlp: Counts = Counts(seeds=10, train_seeds=(50, 20), draws=100)
    cnn: Counts = Counts(seeds=3, train_seeds=(3, 3, 3), draws=10)
    more_samples: int = 1000
    more_draws: int = 1000
    more_cnn_samples: int = 200
    fishers: tuple[str, ...] = ("empirical", "expected")
    """Estimators of the Fisher matrix: the paper's, and sed2's."""
    eps: str = "1e-4:1e-1:13"
    smc_seeds: int = 3
    mlp_rows: tuple[int, int] = (10_000, 100_000)
    mlp_epochs: tuple[int, int] = (100, 40)
    images: int = 8_192
    """Training images at most."""
    image_epochs: int = 10
    tiny_cnns: bool = False
    """Whether toys stand in for the CNNs."""

    @property
    def setup(self) -> str:
        """In a sentence."""
        return (
            f"MLPs: N = {self.mlp.samples:,} inputs, K = {self.mlp.draws:,} draws, "
            f"{self.mlp.seeds} seeds. CNNs: N = {self.cnn.samples:,}, K = {self.cnn.draws:,} "
            f"(the paper has 100), {self.cnn.seeds} seeds."
        )


FULL = Size(
    cnn=Counts(seeds=5, train_seeds=(5, 5, 5), draws=100),
    more_cnn_samples=500,
    images=60_000,
    image_epochs=30,
)
"""The paper's own sizes, where they are known; a day of one core."""

QUICK = Size(
    mlp=Counts(seeds=2, train_seeds=(2, 2), draws=4, samples=8),
    cnn=Counts(seeds=2, train_seeds=(2, 2, 2), draws=4, samples=8),
    more_samples=16,
    more_draws=8,
    more_cnn_samples=8,
    fishers=("expected",),
    eps="1e-3:1e-1:3",
    smc_seeds=0,
    mlp_rows=(128, 256),
    mlp_epochs=(2, 1),
    images=64,
    image_epochs=1,
    tiny_cnns=True,
)

Report = Callable[[str, int, int], None]
"""Called with what is worked on, how much is done, and how much there is."""


@dataclass(frozen=True)
class Lab:
    """Data, sizes, and somebody to tell of progress."""

    sources: Sources
    size: Size
    report: Report = lambda what, done, total: None
    memory_gb: float | None = None
    """For trainings; sed2's own budget by default."""

    def models(self, config: str) -> tuple[ModelSpec, ...]:
        """The models of a config; toys in their place, if the size says so and they are CNNs."""
        if self.size.tiny_cnns and config.startswith("cnns"):
            return tuple(load_spec(toy).models[0] for toy in TINY_CNNS)
        return load_spec(CONFIGS / config).models


@dataclass(frozen=True)
class Outcome:
    """One experiment."""

    title: str
    setup: tuple[str, ...]
    """What was done, and what was reduced against the paper, in sentences."""
    claims: tuple[Claim, ...]
    figures: dict[str, Figure] = field(default_factory=dict)
    """By the end of the file's name."""
    numbers: dict[str, Any] = field(default_factory=dict)
    """What the figures show, for the JSON."""


@dataclass(frozen=True)
class Way:
    """How lower 2sED is estimated."""

    label: str
    settings: dict[str, Any]

    @property
    def fisher(self) -> str:
        return str(self.settings["fisher"])


def ways(size: Size, counts: Counts, *, more: bool = False) -> tuple[Way, ...]:
    """The paper's way and sed2's own; and sed2's with more inputs, if that is wanted."""
    numbers = [(fisher, counts.samples) for fisher in size.fishers]
    if more:
        numbers.append(("expected", size.more_samples))
    return tuple(
        Way(
            f"{fisher} Fisher, N = {samples:,}",
            {"fisher": fisher, "samples": samples, "draws": counts.draws},
        )
        for fisher, samples in numbers
    )


@dataclass(frozen=True)
class Scores:
    """Of M models under S seeds at E covering radii; arrays (M, S, E)."""

    names: tuple[str, ...]
    eps: np.ndarray
    """(E,)."""
    lower: np.ndarray
    two: np.ndarray
    bracket: np.ndarray
    """What 2sED is at most."""
    sizes: np.ndarray
    """Effective sample sizes of the draws."""
    seconds: np.ndarray
    """(M, S) of the processor, compilation included."""
    warnings: tuple[str, ...] = ()
    """Of the first model under the first seed."""

    def as_json(self) -> dict[str, Any]:
        """Means and standard deviations over the seeds, and the median effective sample size."""
        arrays = {"lower 2sED": self.lower, "2sED": self.two, "bracket": self.bracket}
        return {
            "eps": self.eps.tolist(),
            "effective sample size": float(np.median(self.sizes)),
            "models": {
                name: {what: mean_and_scatter(array[m]) for what, array in arrays.items()}
                for m, name in enumerate(self.names)
            },
        }


def mean_and_scatter(values: np.ndarray) -> dict[str, list[float]]:
    """Over the seeds, the first axis."""
    scatter = values.std(axis=0, ddof=1) if len(values) > 1 else np.full(values.shape[1:], np.nan)
    return {"mean": values.mean(axis=0).tolist(), "scatter": scatter.tolist()}


def score(
    models: Sequence[ModelSpec],
    dataset: Dataset,
    eps: Sequence[float],
    seeds: int,
    settings: dict[str, Any],
    report: Report,
) -> Scores:
    """2sED and lower 2sED of every model under seeds 0, 1, ...; all see the same inputs."""
    shape = (len(models), seeds)
    results = np.empty(shape, object)
    seconds = np.empty(shape)
    for s in range(seeds):
        its = Settings.model_validate(
            {
                "dataset": dataset.name,
                "input_groups": 0,
                "eps": tuple(eps),
                "sigma": 0.01,
                "seed": s,
                **settings,
            }
        )
        for m, model in enumerate(models):
            report(f"scoring {model.name}, seed {s}", s * len(models) + m, seeds * len(models))
            start = time.process_time()
            results[m, s] = estimate(model, dataset, its)
            seconds[m, s] = time.process_time() - start

    def gather(pick: Callable[[Any], np.ndarray]) -> np.ndarray:
        return np.array([[pick(result) for result in row] for row in results])

    return Scores(
        names=tuple(model.name for model in models),
        eps=np.asarray(eps, float),
        lower=gather(lambda result: result.lower_two_sed.estimate),
        two=gather(lambda result: result.two_sed.estimate),
        bracket=gather(lambda result: result.upper_bracket),
        sizes=gather(lambda result: result.effective_sample_size),
        seconds=seconds,
        warnings=results[0, 0].warnings,
    )
