"""The recipe: from a model's spec and its data to its training."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from sed2.common.cost import Cost
from sed2.common.progress import Report
from sed2.data.load import Dataset
from sed2.options import TrainingSettings
from sed2.settings import Settings
from sed2.spec.schema import ModelSpec
from sed2.training import loop
from sed2.training.batches import epoch_batches, row_chunks, training_rows
from sed2.training.loop import TrainState
from sed2.training.network import States, draw_states
from sed2.training.plan import TrainingPlan, check_training
from sed2.training.result import CROSS_ENTROPY, Checkpoint, Stopped, Training


def train(
    model: ModelSpec,
    dataset: Dataset,
    settings: Settings,
    training: TrainingSettings,
    progress: Report = lambda done, total: None,
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
    stops = (training.epochs,)
    return train_one(plan, dataset, settings, training, stops, None, progress).trainings[0]


def train_one(
    plan: TrainingPlan,
    dataset: Dataset,
    settings: Settings,
    training: TrainingSettings,
    stops: Sequence[int],
    checkpoint: Checkpoint | None = None,
    progress: Report = lambda done, total: None,
) -> Stopped:
    """Train one model of any kind, from the beginning or from a checkpoint.

    Args:
        plan: of the model.
        dataset, settings, training, progress: as for `train`; `training.epochs` means nothing.
        stops: epochs, ascending, after which the losses are those of a whole training.
        checkpoint: of a call that differs in its stops alone; the progress is what is left then.
    """
    start, trainings = time.process_time(), list[Training]()
    curve = [] if checkpoint is None else list(checkpoint.loss.T)
    begun = len(curve)
    total = (stops[-1] - begun) * plan.steps
    with jax.enable_x64(training.precision == "float64"):
        now = loop.start(draw_states(plan.chain, settings, training.train_seeds))
        if checkpoint:
            now = _as_left(now, checkpoint)
        x, y = training_set(dataset, plan, settings.seed, training.precision)
        for stop in stops:
            for epoch in range(len(curve), stop):
                told = partial(_tell, progress, (epoch - begun) * plan.steps, total)
                now, losses = _epoch(now, x, y, plan, settings.seed, training, epoch, told)
                curve.append(losses.mean(axis=1))
            losses, hits = _evaluate(now.states, x, y, plan, settings.seed, training, stop)
            cost = Cost.since(start) + (checkpoint.cost if checkpoint else Cost(0.0))
            trainings.append(summary(plan, training, np.stack(curve, axis=1), losses, hits, cost))
        arrays = tuple(map(np.asarray, jax.tree.leaves((now.states.parameters, now.moments))))
    return Stopped(Checkpoint(stop, arrays, trainings[-1].loss, cost), tuple(trainings))


def training_set(
    dataset: Dataset, plan: TrainingPlan, seed: int, precision: str
) -> tuple[jax.Array, jax.Array]:
    """Inputs (n, *input_shape), and classes (n,) or targets (n, outputs)."""
    rows = training_rows(dataset.rows, plan.samples, seed)
    assert dataset.y is not None  # or there would be no plan
    x, y = dataset.x[rows].astype(precision), dataset.y[rows]
    if plan.program.objective == CROSS_ENTROPY:
        return jnp.asarray(x), jnp.asarray(y, jnp.int32)
    return jnp.asarray(x), jnp.asarray(y.reshape(plan.samples, -1).astype(precision))


def summary(
    plan: TrainingPlan,
    training: TrainingSettings,
    curve: np.ndarray,
    losses: np.ndarray,
    hits: np.ndarray,
    cost: Cost,
) -> Training:
    """What a training came to.

    Args:
        curve: (S, epochs) mean over the steps of each epoch.
        losses, hits: (S, at least n) of every row at the end; what is beyond n does not count.
    """
    epochs = curve.shape[1]
    final_loss = losses[:, : plan.samples].astype(float).mean(axis=1)
    accuracy = hits[:, : plan.samples].mean(axis=1)
    if plan.program.objective == CROSS_ENTROPY:
        # Of outputs that are NaN one counts as the largest as well.
        shown = np.where(np.isfinite(final_loss), accuracy, np.nan)
    else:
        shown = None
    return Training(
        objective=plan.program.objective,
        loss=curve,
        final_loss=final_loss,
        accuracy=shown,
        samples=plan.samples,
        wanted=plan.wanted,
        batch_size=plan.batch,
        steps=epochs * plan.steps,
        settings=training.model_copy(update={"epochs": epochs}),
        cost=cost,
    )


def _as_left(fresh: TrainState, checkpoint: Checkpoint) -> TrainState:
    """The state of a checkpoint; what no step changes is that of a fresh one."""
    changing = fresh.states.parameters, fresh.moments
    check_fits(checkpoint, [leaf.shape for leaf in jax.tree.leaves(changing)])
    leaves = [jnp.asarray(array) for array in checkpoint.arrays]
    parameters, moments = jax.tree.unflatten(jax.tree.structure(changing), leaves)
    return TrainState(fresh.states._replace(parameters=parameters), moments)


def check_fits(checkpoint: Checkpoint, shapes: Sequence[tuple[int, ...]]) -> None:
    """
    Raises:
        ValueError: its arrays are not of these shapes.
    """
    if [array.shape for array in checkpoint.arrays] != list(shapes):
        raise ValueError("the checkpoint is of another model, or of other train seeds")


def _tell(progress: Report, before: int, total: int, steps: int) -> None:
    progress(before + steps, total)


def _epoch(
    now: TrainState,
    x: jax.Array,
    y: jax.Array,
    plan: TrainingPlan,
    seed: int,
    training: TrainingSettings,
    epoch: int,
    progress: Callable[[int], None],
) -> tuple[TrainState, np.ndarray]:
    """The state after one epoch, and the losses (S, steps) before each of its steps.

    Args:
        epoch: from 0.
        progress: called with the steps of it that are done.
    """
    losses = []
    batches = epoch_batches(plan.samples, plan.batch, seed, training.train_seeds, epoch)
    for first in range(0, plan.steps, plan.piece):
        # The last piece is filled up with its last step: one shape, so one compilation.
        steps = np.arange(first, first + plan.piece)
        real = steps < plan.steps
        now, found = loop.advance(
            plan.program,
            training.learning_rate,
            now,
            x,
            y,
            batches[:, np.minimum(steps, plan.steps - 1)],
            real,
        )
        losses.append(np.asarray(found, float)[:, real])
        progress(first + int(real.sum()))
    return now, np.concatenate(losses, axis=1)


def _evaluate(
    states: States,
    x: jax.Array,
    y: jax.Array,
    plan: TrainingPlan,
    seed: int,
    training: TrainingSettings,
    epochs: int,
) -> tuple[np.ndarray, np.ndarray]:
    """The loss of all rows, and whether each is classified rightly: (S, at least n)."""
    if jax.tree.leaves(states.statistics):
        batches = epoch_batches(plan.samples, plan.batch, seed, training.train_seeds, epochs)
        states = states._replace(statistics=loop.mean_statistics(plan.program, states, x, batches))
    losses, hits = loop.evaluate(plan.program, states, x, y, row_chunks(plan.samples, plan.batch))
    return np.asarray(losses), np.asarray(hits)
