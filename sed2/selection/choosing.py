"""`select`: from candidates to the one that is worth training, within a budget."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sed2.baselines.registry import BASELINES as BY_NAME
from sed2.baselines.registry import UNTRAINED
from sed2.common.progress import Progress
from sed2.data.load import Dataset
from sed2.errors import UsageError, did_you_mean, shown
from sed2.options import SelectOptions, TrainingSettings, read_budget
from sed2.provenance import provenance
from sed2.request import check_split_alike
from sed2.selection.halving import Race
from sed2.selection.results import SelectedModel, Selection, Spent
from sed2.selection.rungs import RUNG, RungOf
from sed2.selection.schedule import schedule
from sed2.settings import SCORE_NAMES, Settings
from sed2.spec.schema import ModelSpec
from sed2.tasks import BASELINES, ESTIMATE, Task, Workplace
from sed2.training.plan import check_training
from sed2.training.result import Stopped, Training


@dataclass(frozen=True)
class Entries:
    """What is chosen from. All by name, in the order of the file."""

    models: Mapping[str, ModelSpec]
    settings: Mapping[str, Settings]
    sizes: Mapping[str, tuple[int, float]]
    """Parameters, and operations of a forward pass; NaN if not known."""
    training: TrainingSettings
    """Of a whole training."""
    dataset: Dataset
    """Of all."""


def read_entries(
    models: Mapping[str, ModelSpec],
    settings: Mapping[str, Settings],
    sizes: Mapping[str, tuple[int, float]],
    training: TrainingSettings,
    wish: SelectOptions,
    dataset: Dataset,
    *,
    mixed: bool = False,
) -> Entries:
    """What is chosen from, checked before the work.

    Args:
        models, sizes: by name.
        settings: of these and others.
        training: of a whole training.
        wish: what judges before the training.
        dataset: of all.
        mixed: whether a measure of blocks may judge models that are split in different manners.

    Raises:
        UsageError: there is one model only, or no such judge; or it cannot judge these.
        DataError, SpecError, ResourceError: as `check_training`.
    """
    if len(models) < 2:
        raise UsageError(
            f"`{shown(next(iter(models)))}` is the only candidate", mend="Give two or more models"
        )
    judges = ["none", *SCORE_NAMES, *UNTRAINED]
    if wish.prune_by not in judges:
        raise UsageError(
            f"no measure is called `{shown(wish.prune_by)}`",
            mend=did_you_mean(wish.prune_by, judges),
            where="prune_by",
        )
    if wish.prune_by in SCORE_NAMES:
        judged = [with_score(settings[name], wish.prune_by) for name in models]
        if not mixed:
            check_split_alike(list(models.values()), judged, dataset.input_shape)
    for name, model in models.items():
        check_training(model, dataset, settings[name], training)
    return Entries(models, {name: settings[name] for name in models}, sizes, training, dataset)


def first_tasks(candidates: Entries) -> list[Task]:
    """The first epoch of all, of which a run directory tells where nothing judges before."""
    own = RungOf(training=candidates.training, epochs=1)
    return [
        Task(RUNG, model, candidates.settings[name], own)
        for name, model in candidates.models.items()
    ]


def prior_tasks(candidates: Entries, prune_by: str) -> list[Task]:
    """What judges the candidates before any training; nothing for `none`."""
    if prune_by == "none":
        return []
    if prune_by not in SCORE_NAMES:
        return [
            Task(BASELINES, model, candidates.settings[name], (prune_by,))
            for name, model in candidates.models.items()
        ]
    return [
        Task(ESTIMATE, model, with_score(candidates.settings[name], prune_by))
        for name, model in candidates.models.items()
    ]


def with_score(settings: Settings, score: str) -> Settings:
    """The settings under that score; a judge of candidates needs no error from the inputs.

    Raises:
        UsageError: `chain` leaves nothing for it to compare.
    """
    if score != "lower" and settings.chain != "blocks":
        raise UsageError(
            f"`prune_by` {score} compares the network as one block with its blocks, which `chain` "
            f"{settings.chain} does not tell apart",
            mend="Take `prune_by` lower, or leave `chain` out",
            where="prune_by",
        )
    given = settings.model_dump(exclude_unset=True) | {"score": score, "input_groups": 0}
    return Settings.model_validate(given)


def choose(
    candidates: Entries, wish: SelectOptions, place: Workplace, progress: Progress
) -> Selection:
    """Leave out, train on rung by rung, and say which candidate is to be trained.

    Args:
        candidates: at least two.
        wish: the budget, what judges before the training, and how sure the choice is to be.
        place: where the work is done.
        progress: called as the work goes on.

    Raises:
        UsageError: the budget is less than one epoch of one candidate.
    """
    begun, names = time.monotonic(), list(candidates.models)
    budget, training = read_budget(wish.budget), candidates.training
    prune = wish.prune_by != "none"
    share = budget.share or 1.0
    rungs = schedule(len(names), training.epochs, share, prune)
    tasks = prior_tasks(candidates, wish.prune_by)
    values = place.values(tasks, progress) if tasks else []
    priors = dict.fromkeys(names, math.nan)
    judging = 0.0
    for name, value in zip(names, values, strict=False):
        its, seconds = _prior(value, wish.prune_by)
        priors[name] = its
        judging += seconds
    race = Race(priors, rungs, training.epochs, wish.decide_at, candidates.settings[names[0]].seed)
    trainer = _Trainer(candidates, race, budget.seconds, begun, place, progress)
    warnings = []
    try:
        if budget.seconds is not None:  # one epoch tells how many fit
            trainer(race.entrants(), 1)
            race.rungs = schedule(len(names), training.epochs, trainer.share_left(), prune)
        race.run(trainer)
    except _TimeSpentError as short:
        if not race.trained:
            raise
        warnings.append(f"stopped before rung {race.done + 1} of {len(race.rungs)}: {short.cause}")
    return _selection(candidates, wish, race, judging, warnings)


class _TimeSpentError(UsageError):
    """The time is spent, or would be by what comes next."""


@dataclass
class _Trainer:
    """Trains candidates on, each from where it was left, as long as the time suffices."""

    candidates: Entries
    race: Race
    seconds: float | None
    """For all of it."""
    begun: float
    """When it began, by `time.monotonic`."""
    place: Workplace
    progress: Progress
    found: dict[str, Stopped] = field(default_factory=dict)
    """As far as each came."""
    work: int = 0
    """Epochs of networks that are done."""
    spent: float = 0.0
    """Seconds that they took."""

    def __call__(self, alive: Sequence[str], epochs: int) -> dict[str, Training]:
        wanted = [name for name in alive if self._epochs(name) < epochs]
        if wanted:
            self._train(wanted, epochs)
        return {name: self.found[name].trainings[-1] for name in alive}

    def _epochs(self, name: str) -> int:
        return self.found[name].checkpoint.epochs if name in self.found else 0

    def _train(self, alive: Sequence[str], epochs: int) -> None:
        work = sum(epochs - self._epochs(name) for name in alive)
        self._check_time(work)
        start, count = time.monotonic(), len(self.race.rungs)
        told = f"rung {self.race.done + 1} of {count}, {len(alive)} candidates to epoch {epochs}"
        wanted = [
            Task(
                RUNG,
                self.candidates.models[name],
                self.candidates.settings[name],
                RungOf(
                    training=self.candidates.training,
                    epochs=epochs,
                    checkpoint=self.found[name].checkpoint if name in self.found else None,
                ),
            )
            for name in alive
        ]
        report = lambda what, done, total: self.progress(told, done, total)  # noqa: E731
        values = self.place.values(wanted, report)
        self.found |= dict(zip(alive, values, strict=True))
        self.work, self.spent = self.work + work, self.spent + time.monotonic() - start

    def share_left(self) -> float:
        """The share of the cost of training all that fits the time, with what is done of it."""
        left = max(self.seconds or 0.0, 0) - (time.monotonic() - self.begun)
        whole = self.candidates.training.epochs * len(self.candidates.models)
        return min((self.work + max(left, 0) * self.work / self.spent) / whole, 1.0)

    def _check_time(self, work: int) -> None:
        if self.seconds is None:
            return
        forecast = self.spent * work / self.work if self.work else 0.0
        left = self.seconds - (time.monotonic() - self.begun)
        if forecast >= left:
            raise _TimeSpentError(
                f"it would take about {forecast:.0f} s, and {max(left, 0):.0f} s of the budget are "
                "left",
                mend="Raise `budget`",
                where="budget",
            )


def _prior(value: Any, prune_by: str) -> tuple[float, float]:
    """What a candidate is judged by, larger is better, and the CPU seconds that took."""
    if prune_by in SCORE_NAMES:
        return value.score.value, value.cost.cpu_seconds
    its = value[prune_by]
    sign = 1 if BY_NAME[prune_by].larger_is_better else -1
    return sign * its.value, its.cost.cpu_seconds


def _selection(
    candidates: Entries, wish: SelectOptions, race: Race, judging: float, warnings: list[str]
) -> Selection:
    found, (chances, regrets) = race.outlook()
    columns = np.exp(found.log_loss), found.std_error, chances
    of = dict(zip(race.racing, zip(*columns, strict=True), strict=True))
    unknown = (math.nan, math.inf, math.nan)
    models = [
        SelectedModel(
            name,
            candidates.sizes[name][0],
            race.priors[name],
            race.came.get(name, 0),
            race.trained.get(name),
            *map(float, of.get(name, unknown)),
        )
        for name in candidates.models
    ]
    models.sort(key=_standing)
    regret = regrets[race.racing.index(models[0].name)] if models[0].name in of else math.nan
    diverged = [name for name, its in race.trained.items() if its.diverged.any()]
    if diverged:
        warnings = [*warnings, f"the training diverged: {', '.join(diverged)}"]
    return Selection(
        models=tuple(models),
        decide_at=wish.decide_at,
        regret=float(regret),
        rungs=tuple(race.rungs),
        done=race.done,
        prune_by=wish.prune_by,
        spent=_spent(candidates, race, judging),
        rows=candidates.dataset.rows,
        provenance=provenance(candidates.models[models[0].name], candidates.dataset.sha256),
        settings=next(iter(candidates.settings.values())),
        training=candidates.training,
        warnings=tuple(warnings),
    )


def _standing(model: SelectedModel) -> tuple[float, ...]:
    """Those that came further first, then the lower forecasts, then the better priors."""
    forecast = math.inf if math.isnan(model.forecast) else model.forecast
    return -model.rungs, forecast, -np.nan_to_num(model.prior, nan=-np.inf)


def _spent(candidates: Entries, race: Race, judging: float) -> Spent:
    """An epoch of a candidate that was not trained is taken to cost as much for an operation as one
    of those that were."""
    epochs, seconds = {}, {}
    for name, its in race.trained.items():
        epochs[name] = its.settings.epochs
        seconds[name] = its.cost.cpu_seconds
    training = sum(seconds.values())
    per_epoch = {name: seconds[name] / epochs[name] for name in seconds}
    flops = {name: size[1] for name, size in candidates.sizes.items()}
    known = all(map(math.isfinite, flops.values()))
    rate = training / sum(epochs[name] * (flops[name] if known else 1) for name in epochs)
    whole = sum(
        per_epoch.get(name, rate * (flops[name] if known else 1)) for name in candidates.models
    )
    total = candidates.training.epochs
    return Spent(
        judging=judging,
        training=training,
        training_all=whole * total,
        epochs=sum(epochs.values()),
        epochs_all=total * len(candidates.models),
    )
