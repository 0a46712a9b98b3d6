"""All that is known of a training before anything is drawn, and what is refused."""

from __future__ import annotations

import math
from dataclasses import dataclass

import jax
import numpy as np

from sed2.blocks.dense import Dense
from sed2.chain import Chain, ChainBlock, build_chain
from sed2.common.memory import GB
from sed2.data.load import Dataset
from sed2.errors import DataError, ResourceError, SpecError, shown
from sed2.fisher.plan import forward_cost, memory_budget
from sed2.options import TrainingSettings
from sed2.settings import Settings
from sed2.spec.schema import ModelSpec, data_check
from sed2.training.loop import Program
from sed2.training.network import blocks_of
from sed2.training.result import CROSS_ENTROPY, SQUARED_ERROR

_CALL_WORK = 5e9  # operations of the steps between two reports of progress, about half a second
_BACKWARD = 3  # a step's operations, in forward passes
_PARAMETER_COPIES = 8  # parameters and the moments of Adam, before and after, and what leads there
_ACTIVATION_COPIES = 2  # forwards and backwards


@dataclass(frozen=True)
class TrainingPlan:
    """How a model is trained."""

    chain: Chain
    program: Program
    samples: int
    """n, rows of the training set."""
    wanted: int
    """Rows that were asked for."""
    batch: int
    steps: int
    """Of one epoch."""
    piece: int
    """Steps of one call of the compiled program."""
    bytes: int
    """Forecast of the peak."""


def check_training(
    model: ModelSpec, dataset: Dataset, settings: Settings, training: TrainingSettings
) -> TrainingPlan:
    """TrainingPlan a training. Allocates nothing.

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
    # With a kernel for each seed, XLA's products of images take more than twice as long on a CPU:
    # 0.25 s for a step of `CNN 7-5|10-50-34-10` that takes 0.11 s one seed after the other.
    one_by_one = len(chain.input_shape) == 3 and jax.default_backend() == "cpu"
    costs = [_forward_cost(block, batch) for block in chain.blocks]
    activations, work = (sum(each) for each in zip(*costs, strict=True))

    size = np.dtype(training.precision).itemsize
    of_parameters = size * _PARAMETER_COPIES * chain.parameters * seeds
    of_activations = size * _ACTIVATION_COPIES * activations * (1 if one_by_one else seeds)
    # Rows are picked out in float64 and then rounded; each seed has an order of them, by keys.
    of_rows = samples * ((8 + size) * math.prod(dataset.input_shape) + 16 * seeds)
    _check_memory(model, settings, of_parameters, of_activations, of_rows)

    fitting = int(_CALL_WORK / max(_BACKWARD * work * seeds, 1))
    calls = math.ceil(steps / min(max(fitting, 1), steps))
    return TrainingPlan(
        chain,
        Program(blocks_of(chain), objective, one_by_one),
        samples,
        wanted,
        batch,
        steps,
        math.ceil(steps / calls),
        of_parameters + of_activations + of_rows,
    )


def _forward_cost(block: ChainBlock, batch: int) -> tuple[int, float]:
    """As `forward_cost`, but counted for a plain dense layer: to trace one takes as long as to
    train a small network."""
    if not is_plain_dense(block):
        return forward_cost(block, batch)
    units = batch * block.output_shape[0]
    return 3 * units, 2.0 * block.input_shape[0] * units  # product, bias, activation


def is_plain_dense(block: ChainBlock) -> bool:
    """Whether it is a dense layer of flat inputs, without norm."""
    its = block.block
    return isinstance(its, Dense) and its.norm == "none" and len(block.input_shape) == 1


def _objective(model: ModelSpec, chain: Chain, dataset: Dataset) -> str:
    """What is minimised, by the kind of the targets."""
    y, outputs = dataset.y, math.prod(chain.blocks[-1].output_shape)
    if y is None:
        raise DataError(
            f"the data set `{shown(dataset.name)}` has no labels to train on",
            mend="Give it a label for each row (an array `y` in a .npz file), or leave out `train`",
        )
    shape = chain.blocks[-1].output_shape
    classified = np.issubdtype(y.dtype, np.integer)
    if len(shape) > 1 and (classified or shape != y.shape[1:]):
        raise SpecError(
            f"`{shown(model.name)}` has outputs of shape {shape}, but a target of "
            f"`{shown(dataset.name)}` is {'a class' if classified else f'of shape {y.shape[1:]}'}",
            mend="End it in one axis, a number for each class: flatten, then a dense block; or "
            "leave out `train`",
            where=model.where,
        )
    if classified:
        classes = int(y.max()) + 1
        if outputs < classes:
            raise SpecError(
                f"`{shown(model.name)}` has {_outputs(outputs)}, but the labels of "
                f"`{shown(dataset.name)}` are {classes} classes",
                mend=f"Give its last block {classes} features, or leave out `train`; if they are "
                "numbers to predict, say so with `targets` numbers",
                where=model.where,
            )
        return CROSS_ENTROPY
    targets = math.prod(y.shape[1:])
    if outputs != targets:
        raise SpecError(
            f"`{shown(model.name)}` has {_outputs(outputs)}, but `{shown(dataset.name)}` has "
            f"{targets} targets for each row",
            mend=f"Give its last block {targets} features; or save classes as integers",
            where=model.where,
        )
    return SQUARED_ERROR


def _outputs(count: int) -> str:
    return f"{count:,} output{'s' * (count != 1)}"


def _check_memory(
    model: ModelSpec, settings: Settings, of_parameters: int, of_activations: int, of_rows: int
) -> None:
    """
    Raises:
        ResourceError: together they are more than the budget.
    """
    needed = of_parameters + of_activations + of_rows
    budget = memory_budget(settings)
    if needed > budget:
        parts = " + ".join(f"{part / GB:,.1f}" for part in (of_parameters, of_activations, of_rows))
        raise ResourceError(
            f"training `{shown(model.name)}` needs about {needed / GB:,.1f} GB ({parts} for its "
            f"parameters, a batch, and the rows), but the budget is {budget / GB:,.1f} GB",
            mend="Take a smaller `batch_size`, fewer `train_seeds` or `train_samples`, or raise "
            "`memory_gb`",
        )
