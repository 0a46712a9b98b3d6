"""The recipe: from a model's spec and its data to its training, and all checks before it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from sed2.chain import Chain, build_chain
from sed2.data.load import Dataset
from sed2.errors import DataError, ResourceError, SpecError
from sed2.memory import GB
from sed2.resources import default_budget, forward_cost
from sed2.settings import Settings
from sed2.spec.schema import ModelSpec, data_check
from sed2.training import loop
from sed2.training.batches import epoch_batches, training_rows
from sed2.training.network import States, blocks_of, draw_states
from sed2.training.result import CROSS_ENTROPY, SQUARED_ERROR, Training
from sed2.training.settings import TrainingSettings

_CALL_WORK = 5e9  # operations of the steps between two reports of progress, about 0.2 s
_PARAMETER_COPIES = 8  # parameters, their gradient, the moments of Adam, and all of it updated
_ACTIVATION_COPIES = 3  # forwards, kept, and backwards
_BACKWARD = 3  # a step's operations, in forward passes


@dataclass(frozen=True)
class Plan:
    """What is known before anything is drawn."""

    chain: Chain
    objective: str
    samples: int
    """n, rows of the training set."""
    batch: int
    steps: int
    """Of one epoch."""
    piece: int
    """Steps of one call of the compiled program."""


def check_training(
    model: ModelSpec, dataset: Dataset, settings: Settings, training: TrainingSettings
) -> Plan:
    """Refuse what cannot be trained, before any work.

    Raises:
        SpecError: the model does not fit the data or its targets.
        DataError: the data have no targets.
        ResourceError: the training would not fit in memory.
    """
    data_check(model, dataset.x)
    chain = build_chain(model.blocks, dataset.input_shape)
    objective = _objective(model, chain, dataset)
    wanted = training.train_samples or settings.n_train or dataset.rows
    samples = min(wanted, dataset.rows)
    batch = min(training.batch_size, samples)
    seeds, steps = training.train_seeds, samples // batch
    activations, work = map(sum, zip(*(forward_cost(b, batch) for b in chain.blocks), strict=True))
    _check_memory(model, dataset, chain, activations, samples, settings, training)
    fitting = int(_CALL_WORK / max(_BACKWARD * work * seeds, 1))
    calls = math.ceil(steps / min(max(fitting, 1), steps))
    return Plan(chain, objective, samples, batch, steps, math.ceil(steps / calls))


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
        final_losses, hits = _evaluate(states, x, y, plan, settings.seed, training)
    return Training(
        objective=plan.objective,
        loss=losses.reshape(len(losses), training.epochs, plan.steps).mean(axis=2),
        final_loss=final_losses.mean(axis=1),
        accuracy=hits.mean(axis=1) if plan.objective == CROSS_ENTROPY else None,
        samples=plan.samples,
        batch_size=plan.batch,
        steps=training.epochs * plan.steps,
        settings=training,
    )


def _training_set(
    dataset: Dataset, plan: Plan, seed: int, precision: str
) -> tuple[jax.Array, jax.Array]:
    rows = training_rows(dataset.rows, plan.samples, seed)
    assert dataset.y is not None  # or there would be no plan
    x, y = dataset.x[rows].astype(precision), dataset.y[rows]
    if plan.objective == CROSS_ENTROPY:
        return jnp.asarray(x), jnp.asarray(y, jnp.int32)
    return jnp.asarray(x), jnp.asarray(y.reshape(plan.samples, -1).astype(precision))


def _optimise(
    states: States,
    x: jax.Array,
    y: jax.Array,
    plan: Plan,
    seed: int,
    training: TrainingSettings,
    report: Callable[[int, int], None],
) -> tuple[States, np.ndarray]:
    """The states after all steps, and the losses (S, epochs * steps) before each."""
    progress, losses = loop.start(states.parameters), []
    for epoch in range(training.epochs):
        batches = epoch_batches(plan.samples, plan.batch, seed, training.train_seeds, epoch)
        for first in range(0, plan.steps, plan.piece):
            # The last piece is filled up with its last step: one shape, so one compilation.
            steps = np.arange(first, first + plan.piece)
            real = steps < plan.steps
            progress, found = loop.advance(
                blocks_of(plan.chain),
                plan.objective,
                training.learning_rate,
                progress,
                states,
                x,
                y,
                batches[:, np.minimum(steps, plan.steps - 1)],
                real,
            )
            losses.append(np.asarray(found, float)[:, real])
            done = epoch * plan.steps + first + int(real.sum())
            report(done, training.epochs * plan.steps)
    return states._replace(parameters=progress.parameters), np.concatenate(losses, axis=1)


def _evaluate(
    states: States,
    x: jax.Array,
    y: jax.Array,
    plan: Plan,
    seed: int,
    training: TrainingSettings,
) -> tuple[np.ndarray, np.ndarray]:
    """The losses (S, n) of all rows, and which are classified rightly."""
    blocks = blocks_of(plan.chain)
    if jax.tree.leaves(states.statistics):
        another = training.epochs
        batches = epoch_batches(plan.samples, plan.batch, seed, training.train_seeds, another)
        states = states._replace(statistics=loop.mean_statistics(blocks, states, x, batches))
    chunks = math.ceil(plan.samples / plan.batch)
    rows = np.minimum(np.arange(chunks * plan.batch), plan.samples - 1).reshape(chunks, -1)
    found = loop.evaluate(blocks, plan.objective, states, x, y, rows)
    losses, hits = (np.asarray(each)[:, : plan.samples] for each in found)
    return losses.astype(float), hits


def _objective(model: ModelSpec, chain: Chain, dataset: Dataset) -> str:
    """What is minimised, by the kind of the targets."""
    y, outputs = dataset.y, math.prod(chain.blocks[-1].output_shape)
    if y is None:
        raise DataError(
            f"the data set `{dataset.name}` has no labels to train on",
            mend="Give it a label for each row (an array `y` in a .npz file), or leave out --train",
        )
    if np.issubdtype(y.dtype, np.integer):
        classes = int(y.max()) + 1
        if outputs < classes:
            raise SpecError(
                f"`{model.name}` has {_outputs(outputs)}, but the labels of `{dataset.name}` are "
                f"{classes} classes",
                mend=f"Give its last block {classes} features, or leave out --train",
                where=model.where,
            )
        return CROSS_ENTROPY
    targets = math.prod(y.shape[1:])
    if outputs != targets:
        raise SpecError(
            f"`{model.name}` has {_outputs(outputs)}, but `{dataset.name}` has {targets} targets "
            "for each row",
            mend=f"Give its last block {targets} features",
            where=model.where,
        )
    return SQUARED_ERROR


def _outputs(count: int) -> str:
    return f"{count:,} output{'s' * (count != 1)}"


def _check_memory(
    model: ModelSpec,
    dataset: Dataset,
    chain: Chain,
    activations: int,
    samples: int,
    settings: Settings,
    training: TrainingSettings,
) -> None:
    """
    Raises:
        ResourceError: parameters, activations of a batch and the training set would not fit.
    """
    size = 4 if training.precision == "float32" else 8
    of_seeds = training.train_seeds * (
        _PARAMETER_COPIES * chain.parameters + _ACTIVATION_COPIES * activations
    )
    # They are picked out in float64 before they are rounded.
    of_rows = samples * (8 + size) * math.prod(dataset.input_shape)
    of_batches = 16 * samples * training.train_seeds  # their keys and places
    needed = size * of_seeds + of_rows + of_batches
    budget = min(settings.memory_gb, 1e9) * GB if settings.memory_gb else default_budget()
    if needed > budget:
        raise ResourceError(
            f"training `{model.name}` under {training.train_seeds} seeds in batches of "
            f"{min(training.batch_size, samples):,} needs about {needed / GB:,.1f} GB, of which "
            f"{of_rows / GB:,.1f} GB are for {samples:,} rows, but the budget is "
            f"{budget / GB:,.1f} GB",
            mend="Take fewer --train-seeds or --train-samples, a smaller --batch-size, or raise "
            "--memory-gb",
        )
