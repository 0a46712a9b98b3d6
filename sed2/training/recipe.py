"""The recipe: from a model's spec and its data to its training."""

from __future__ import annotations

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from sed2.data.load import Dataset
from sed2.options import TrainingSettings
from sed2.settings import Settings
from sed2.spec.schema import ModelSpec
from sed2.training import loop
from sed2.training.batches import epoch_batches, training_rows
from sed2.training.network import States, draw_states
from sed2.training.plan import TrainingPlan, check_training
from sed2.training.result import CROSS_ENTROPY, Training


def train(
    model: ModelSpec,
    dataset: Dataset,
    settings: Settings,
    training: TrainingSettings,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Training:
    """Train one model under S seeds, by Adam.

    A seed has parameters and batches of its own; all models of a ranking have the same training
    set and batches. In every epoch the rows are shuffled, and what is left after the last whole
    batch is not used. Batch norm takes the statistics of the batch; for the final losses, the mean
    of these statistics over one more epoch of batches. Dropout is the identity, as in the score.

    Args:
        model: the architecture; trained as one network, without noise.
        dataset: the training set is a choice of its rows.
        settings: seed, prior, n_train and memory_gb.
        training: all else.
        progress: called with the number of steps done and their total.

    Raises:
        as `check_training`. A training that diverges raises nothing: see `Training.diverged`.
    """
    plan = check_training(model, dataset, settings, training)
    with jax.enable_x64(training.precision == "float64"):
        states = draw_states(plan.chain, settings, training.train_seeds)
        x, y = _training_set(dataset, plan, settings.seed, training.precision)
        states, losses = _optimise(states, x, y, plan, settings.seed, training, progress)
        final_loss, accuracy = _evaluate(states, x, y, plan, settings.seed, training)
    return Training(
        objective=plan.program.objective,
        loss=losses.reshape(len(losses), training.epochs, plan.steps).mean(axis=2),
        final_loss=final_loss,
        accuracy=accuracy if plan.program.objective == CROSS_ENTROPY else None,
        samples=plan.samples,
        wanted=plan.wanted,
        batch_size=plan.batch,
        steps=training.epochs * plan.steps,
        settings=training,
    )


def _training_set(
    dataset: Dataset, plan: TrainingPlan, seed: int, precision: str
) -> tuple[jax.Array, jax.Array]:
    rows = training_rows(dataset.rows, plan.samples, seed)
    assert dataset.y is not None  # or there would be no plan
    x, y = dataset.x[rows].astype(precision), dataset.y[rows]
    if plan.program.objective == CROSS_ENTROPY:
        return jnp.asarray(x), jnp.asarray(y, jnp.int32)
    return jnp.asarray(x), jnp.asarray(y.reshape(plan.samples, -1).astype(precision))


def _optimise(
    states: States,
    x: jax.Array,
    y: jax.Array,
    plan: TrainingPlan,
    seed: int,
    training: TrainingSettings,
    report: Callable[[int, int], None],
) -> tuple[States, np.ndarray]:
    """The states after all steps, and the losses (S, epochs * steps) before each."""
    progress, losses = loop.start(states), []
    for epoch in range(training.epochs):
        batches = epoch_batches(plan.samples, plan.batch, seed, training.train_seeds, epoch)
        for first in range(0, plan.steps, plan.piece):
            # The last piece is filled up with its last step: one shape, so one compilation.
            steps = np.arange(first, first + plan.piece)
            real = steps < plan.steps
            progress, found = loop.advance(
                plan.program,
                training.learning_rate,
                progress,
                x,
                y,
                batches[:, np.minimum(steps, plan.steps - 1)],
                real,
            )
            losses.append(np.asarray(found, float)[:, real])
            done = epoch * plan.steps + first + int(real.sum())
            report(done, training.epochs * plan.steps)
    return progress.states, np.concatenate(losses, axis=1)


def _evaluate(
    states: States,
    x: jax.Array,
    y: jax.Array,
    plan: TrainingPlan,
    seed: int,
    training: TrainingSettings,
) -> tuple[np.ndarray, np.ndarray]:
    """The mean loss (S,) of all rows, and the share of them that is classified rightly; NaN where
    the loss is not finite, since of outputs that are NaN one counts as the largest as well."""
    if jax.tree.leaves(states.statistics):
        another = training.epochs
        batches = epoch_batches(plan.samples, plan.batch, seed, training.train_seeds, another)
        states = states._replace(statistics=loop.mean_statistics(plan.program, states, x, batches))
    chunks = math.ceil(plan.samples / plan.batch)
    rows = np.minimum(np.arange(chunks * plan.batch), plan.samples - 1).reshape(chunks, -1)
    found = loop.evaluate(plan.program, states, x, y, rows)
    losses, hits = (np.asarray(each)[:, : plan.samples] for each in found)
    final_loss = losses.astype(float).mean(axis=1)
    return final_loss, np.where(np.isfinite(final_loss), hits.mean(axis=1), np.nan)
