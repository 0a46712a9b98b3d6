"""The loss after a few epochs: a measure of a network that is trained a little, at its cost.

Networks, training set and batches are those of `sed2.training`, under all train seeds: the first
epochs of the very trainings whose losses the measures are to predict.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sed2.baselines.base import BaselineMeasure, Candidate, Family
from sed2.baselines.results import BaselineValue
from sed2.common.cost import Cost
from sed2.common.progress import Report
from sed2.data.load import Dataset
from sed2.errors import DataError, ResourceError, SpecError
from sed2.options import TrainingSettings
from sed2.settings import Settings
from sed2.spec.schema import ModelSpec
from sed2.training.many import train_some
from sed2.training.plan import check_training
from sed2.training.result import Training


@dataclass(frozen=True)
class EarlyLoss(BaselineMeasure):
    """Minus the mean loss of the training set after some epochs."""

    epochs: int

    def of(self, training: Training) -> BaselineValue:
        """Of the training that has come so far."""
        if training.diverged.any():
            return BaselineValue(math.nan, "the training diverged", training.cost)
        return BaselineValue(-training.mean, cost=training.cost)


EARLY_LOSSES = tuple(
    EarlyLoss(
        f"early_loss_{epochs}",
        f"minus the mean training loss after {epochs} epoch{'s' * (epochs > 1)} "
        "(Ru et al. 2021, arXiv 2006.04492)",
        epochs,
    )
    for epochs in (1, 2, 5)
)


def early_losses(
    models: Sequence[ModelSpec],
    dataset: Dataset,
    settings: Settings,
    training: TrainingSettings,
    measures: Sequence[EarlyLoss] = EARLY_LOSSES,
    progress: Report = lambda done, total: None,
) -> Iterator[tuple[int, dict[str, BaselineValue]]]:
    """Of many models, trained together; see `sed2.training.many`.

    Args:
        models, dataset, settings: as for `train_some`.
        training: that with all its epochs: what is no part of it is undefined.
        measures: those that are wanted.
        progress: called with the work done and its total.

    Yields:
        the place of a model, and its values by name: once for each, as they are done.
    """
    late = {
        measure.name: BaselineValue(
            math.nan,
            f"the training itself has no more than {measure.epochs} epoch"
            f"{'s' * (measure.epochs > 1)} (`epochs`)",
            Cost(0.0),
        )
        for measure in measures
        if measure.epochs >= training.epochs
    }
    early = [measure for measure in measures if measure.name not in late]
    places = []
    for place, model in enumerate(models):
        try:
            if early:
                check_training(model, dataset, settings, training)
                places.append(place)
                continue
            values: dict[str, BaselineValue] = {}
        except (DataError, ResourceError, SpecError) as error:
            undefined = BaselineValue(math.nan, error.cause, Cost(0.0))
            values = {measure.name: undefined for measure in early}
        yield place, values | late
    stops = [measure.epochs for measure in early]
    chosen = [models[place] for place in places]
    if chosen:
        for number, stopped in train_some(
            chosen, dataset, settings, training, stops, progress=progress
        ):
            pairs = zip(early, stopped.trainings, strict=True)
            yield places[number], {measure.name: measure.of(its) for measure, its in pairs} | late


def _early(
    candidate: Candidate, wanted: Sequence[EarlyLoss], progress: Callable[[int], None]
) -> dict[str, BaselineValue]:
    ((_, values),) = early_losses(
        [candidate.model], candidate.dataset, candidate.settings, candidate.training, wanted
    )
    return values


EARLY = Family(measures=EARLY_LOSSES, steps=lambda settings: 1, run=_early)
