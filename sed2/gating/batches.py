"""Further batches of K draws for the same inputs; `sed2.gating.evidence` says what for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sed2.common.progress import Report
from sed2.data.load import Dataset, choose_inputs
from sed2.estimate import estimate
from sed2.fisher.kept import UNKEPT, SpectraStore
from sed2.fisher.prefixes import ALONE, Prefixes
from sed2.results import ModelResult
from sed2.settings import Settings
from sed2.spec.schema import ModelSpec
from sed2.tasks import Stage, Task, forecast_spectra

_STREAM = int.from_bytes(b"batches", "big")  # names the seeds of further batches


def further_batch(
    model: ModelSpec,
    dataset: Dataset,
    settings: Settings,
    number: int,
    progress: Report = lambda done, total: None,
    store: SpectraStore = UNKEPT,
    prefixes: Prefixes = ALONE,
) -> ModelResult:
    """The model on the inputs that `settings` choose, under K draws that no other batch has.

    Its errors from the inputs are zero: they are those of the first batch.

    Args:
        model, dataset, settings, progress, store, prefixes: as for `estimate`.
        number: of the batch, from 1; batch 0 is what `estimate` gives.
    """
    inputs = choose_inputs(dataset, settings.samples, settings.seed)
    own = {"seed": batch_seed(settings.seed, number), "input_groups": 0}
    return estimate(
        model,
        replace(dataset, x=inputs, y=None),
        settings.model_copy(update=own),
        progress,
        store,
        prefixes,
    )


def batch_seed(seed: int, number: int) -> int:
    """A seed of its own for every batch, by NumPy's hash of seeds; below 2^63."""
    (word,) = np.random.SeedSequence([seed, number, _STREAM]).generate_state(1, np.uint64)
    return int(word >> np.uint64(1))


def _compute(
    task: Task, dataset: Dataset, progress: Report, store: SpectraStore, prefixes: Prefixes
) -> ModelResult:
    return further_batch(task.model, dataset, task.settings, task.own, progress, store, prefixes)


BATCH = Stage("batch", "batches", "batches", ModelResult, _compute, forecast_spectra)
"""The batch of the number that is its own."""
