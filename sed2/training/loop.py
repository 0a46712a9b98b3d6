"""The compiled programs of a training: steps of Adam, batch statistics, and the final losses.

Each is one program per model, a scan over steps vmapped over the S seeds. The rows stay on the
device, the batches are gathered inside the scan.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from sed2.training.network import Blocks, States, apply
from sed2.training.result import CROSS_ENTROPY


class Program(NamedTuple):
    """What a model's programs are compiled for. Hashable."""

    blocks: Blocks
    objective: str
    """`CROSS_ENTROPY` or `SQUARED_ERROR`."""
    one_by_one: bool
    """Whether the seeds run one after the other instead; see `sed2.training.plan`."""

    def over_seeds(self, function: Callable[..., Any], *trees: Any) -> Any:
        """A function of one seed for all seeds, the leading axis of the trees."""
        if self.one_by_one:
            return jax.lax.map(lambda of_one: function(*of_one), trees)
        return jax.vmap(function)(*trees)


class TrainState(NamedTuple):
    """What the steps change."""

    states: States
    moments: Any
    """Of Adam, (S, ...)."""


def start(states: States) -> TrainState:
    """Before the first step."""
    return TrainState(states, jax.vmap(optax.adam(0.0).init)(states.parameters))


@partial(jax.jit, static_argnames="program")
def advance(
    program: Program,
    learning_rate: float,
    progress: TrainState,
    x: jax.Array,
    y: jax.Array,
    batches: jax.Array,
    real: jax.Array,
) -> tuple[TrainState, jax.Array]:
    """Some steps of Adam.

    Batch norm goes by the statistics of the batch, through which the derivative is taken as well.

    Args:
        x, y: (n, *input_shape) and (n, ...), the training set.
        batches: (S, steps, batch) places in it.
        real: (steps,) whether it is a step at all: the others change nothing.

    Returns:
        the progress after them, and the losses (S, steps) before each; NaN where there is no step.
    """

    def step(progress: TrainState, rows: jax.Array) -> tuple[TrainState, jax.Array]:
        states, moments = progress

        def loss(parameters: Any) -> jax.Array:
            here = states._replace(parameters=parameters)
            outputs, _ = apply(program.blocks, here, x[rows], batch_statistics=True)
            return row_losses(program.objective, outputs, y[rows]).mean()

        value, gradient = jax.value_and_grad(loss)(states.parameters)
        updates, moments = optax.adam(learning_rate).update(gradient, moments)
        parameters = optax.apply_updates(states.parameters, updates)
        return TrainState(states._replace(parameters=parameters), moments), value

    def step_or_not(
        progress: TrainState, each: tuple[jax.Array, jax.Array]
    ) -> tuple[TrainState, jax.Array]:
        rows, is_real = each
        return jax.lax.cond(
            is_real,
            lambda: step(progress, rows),
            lambda: (progress, jnp.full((), jnp.nan, x.dtype)),
        )

    def train_one(progress: TrainState, batches: jax.Array) -> tuple[TrainState, jax.Array]:
        return jax.lax.scan(step_or_not, progress, (batches, real))

    return program.over_seeds(train_one, progress, batches)


@partial(jax.jit, static_argnames="program")
def mean_statistics(program: Program, states: States, x: jax.Array, batches: jax.Array) -> Any:
    """The batch statistics (S, ...), each the mean over the batches (S, steps, batch) that the
    parameters as they are give."""

    def of_one(states: States, batches: jax.Array) -> Any:
        def add(total: Any, rows: jax.Array) -> tuple[Any, None]:
            _, found = apply(program.blocks, states, x[rows], batch_statistics=True)
            return jax.tree.map(jnp.add, total, found), None

        total, _ = jax.lax.scan(add, jax.tree.map(jnp.zeros_like, states.statistics), batches)
        return jax.tree.map(lambda sum_: sum_ / len(batches), total)

    return program.over_seeds(of_one, states, batches)


@partial(jax.jit, static_argnames="program")
def evaluate(
    program: Program, states: States, x: jax.Array, y: jax.Array, rows: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Every row by itself, batch norms by the statistics that are kept.

    Args:
        rows: (chunks, batch) places in the training set.

    Returns:
        the losses (S, chunks * batch), and whether the largest output is that of the class (without
        meaning where the targets are no classes).
    """

    def of_one(states: States) -> tuple[jax.Array, jax.Array]:
        def of_rows(rows: jax.Array) -> tuple[jax.Array, jax.Array]:
            outputs, _ = apply(program.blocks, states, x[rows], batch_statistics=False)
            hits = outputs.argmax(axis=1) == y[rows].reshape(len(rows), -1)[:, 0]
            return row_losses(program.objective, outputs, y[rows]), hits

        losses, hits = jax.lax.map(of_rows, rows)
        return losses.ravel(), hits.ravel()

    return program.over_seeds(of_one, states)


def row_losses(objective: str, outputs: jax.Array, targets: jax.Array) -> jax.Array:
    """(B,) of outputs (B, outputs) and targets: classes (B,), or numbers (B, outputs)."""
    if objective == CROSS_ENTROPY:
        return optax.softmax_cross_entropy_with_integer_labels(outputs, targets)
    return optax.squared_error(outputs, targets).mean(axis=1)
