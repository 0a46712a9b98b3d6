"""Small MLPs side by side: the steps of `sed2.training.loop`, for several of them at once.

To compile a training takes XLA longer than the training of a small network. So one program serves
all MLPs of a `Form`: of one depth, and of hidden layers up to a width. Narrower layers are padded
with units that a mask holds at 0, with all their weights: no gradient reaches them.

The program always has the same number of lanes, whether or not there is a network for each. So a
network's numbers do not depend on those beside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from sed2.blocks.dense import Dense
from sed2.blocks.modules.activations import ACTIVATIONS
from sed2.chain import Chain
from sed2.training.batches import row_chunks
from sed2.training.loop import row_losses
from sed2.training.plan import TrainingPlan, is_plain_dense
from sed2.training.result import CROSS_ENTROPY

LANES = 4
"""Networks of one program. More would hardly save more, and fewer networks would leave them
empty."""
WIDTHS = (32, 64)
"""Of padded hidden layers. A third one would cost a compilation more often than it saved
arithmetic; and a wider network is trained longer than it is compiled."""
_MOST = 2**22  # numbers of parameters and activations in all lanes
BYTES = 8 * 8 * _MOST
"""At most, in float64: parameters, moments and gradients, before and after."""
_ROWS = 1024  # evaluated at once
_LESS_OPTIMISED: dict[str, Any] = {
    "xla_backend_optimization_level": 1
}  # compiled sooner, and as fast


class Form(NamedTuple):
    """What the MLPs of one program have in common. Hashable."""

    objective: str
    inputs: int
    outputs: int
    width: int
    """Of all hidden layers, padded."""
    layers: tuple[tuple[bool, str], ...]
    """Whether it has a bias, and its activation, of each layer."""

    def layer_shapes(self, seeds: int) -> list[tuple[int, ...]]:
        """(S, ...) of the padded parameters, a layer's bias before its kernel."""
        shapes = list[tuple[int, ...]]()
        for number, (bias, _) in enumerate(self.layers):
            before = self.width if number else self.inputs
            after = self.outputs if number == len(self.layers) - 1 else self.width
            shapes += [(seeds, after)] * bias + [(seeds, before, after)]
        return shapes


class LaneState(NamedTuple):
    """What the steps change: parameters and moments with the axes of lanes and seeds first, and
    the losses of the epoch (LANES, S, steps)."""

    parameters: list[Any]
    moments: Any
    losses: Any


class Programs(NamedTuple):
    """Compiled for a form and the sizes of a training."""

    advance: Callable[..., LaneState]
    evaluate: Callable[..., tuple[jax.Array, jax.Array]]


def form_of(plan: TrainingPlan, seeds: int) -> Form | None:
    """The form of an MLP; None if it is no small one, of dense blocks without norm."""
    if not all(map(is_plain_dense, plan.chain.blocks)):
        return None
    layers = [block.block for block in plan.chain.blocks if isinstance(block.block, Dense)]
    widest = max((layer.features for layer in layers[:-1]), default=0)
    width = next((width for width in WIDTHS if width >= widest), None)
    if width is None:
        return None
    form = Form(
        plan.program.objective,
        plan.chain.input_shape[0],
        layers[-1].features,
        width,
        tuple((layer.bias, layer.activation) for layer in layers),
    )
    rows = plan.batch * (form.inputs + width * len(layers) + form.outputs)
    numbers = sum(map(math.prod, form.layer_shapes(seeds))) + seeds * rows
    return form if LANES * numbers <= _MOST else None


def masks(form: Form, chains: Sequence[Chain], dtype: str) -> np.ndarray:
    """(hidden layers, LANES, width) ones for the units that a network has, else zeros."""
    found = np.zeros((len(form.layers) - 1, LANES, form.width), dtype)
    for lane, chain in enumerate(chains):
        for number, block in enumerate(chain.blocks[:-1]):
            found[number, lane, : block.output_shape[0]] = 1
    return found


def natural_shapes(chain: Chain, seeds: int) -> list[tuple[int, ...]]:
    """(S, ...) of a network's parameters, in the order of `Form.layer_shapes`."""
    shapes = list[tuple[int, ...]]()
    for block in chain.blocks:
        assert isinstance(block.block, Dense)
        units = block.block.features
        shapes += [(seeds, units)] * block.block.bias + [(seeds, block.input_shape[0], units)]
    return shapes


def side_by_side(arrays: Sequence[Sequence[np.ndarray]], shapes: Sequence[Any]) -> list[np.ndarray]:
    """Arrays (LANES, *shape) of those of each network, padded with zeros.

    Args:
        arrays: of at most LANES networks.
        shapes: padded, of one network.
    """
    padded = [
        np.zeros((LANES, *shape), array.dtype)
        for shape, array in zip(shapes, arrays[0], strict=True)
    ]
    for lane, its in enumerate(arrays):
        for whole, array in zip(padded, its, strict=True):
            whole[lane][_corner(array.shape)] = array
    return padded


def one_lane(
    arrays: Sequence[np.ndarray], lane: int, shapes: Sequence[tuple[int, ...]]
) -> list[np.ndarray]:
    """A network's own arrays, without what pads them."""
    return [array[lane][_corner(shape)] for array, shape in zip(arrays, shapes, strict=True)]


def _corner(shape: Sequence[int]) -> tuple[slice, ...]:
    """Where an array of that shape lies in one that pads it."""
    return tuple(slice(size) for size in shape)


def places(samples: int) -> np.ndarray:
    """(chunks, rows) of the training set, to be evaluated."""
    return row_chunks(samples, min(_ROWS, samples)).astype(np.int32)


@lru_cache(maxsize=64)
def compiled(form: Form, seeds: int, samples: int, batch: int, precision: str) -> Programs:
    """The programs for a form and the sizes of a training."""
    real, whole = np.dtype(precision), np.dtype(np.int32)

    def array(dtype: Any, *shape: int) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(shape, dtype)

    steps = samples // batch
    parameters = [array(real, LANES, *shape) for shape in form.layer_shapes(seeds)]
    mask = array(real, len(form.layers) - 1, LANES, form.width)
    x = array(real, samples, form.inputs)
    classes = form.objective == CROSS_ENTROPY
    y = array(whole, samples) if classes else array(real, samples, form.outputs)
    now = LaneState(
        parameters,
        jax.eval_shape(optax.adam(0.0).init, parameters),
        array(real, LANES, seeds, steps),
    )
    scalar = array(whole)
    advance = _advance.lower(
        form, 0.0, mask, now, x, y, array(whole, seeds, steps, batch), scalar, scalar
    )
    rows = array(whole, *places(samples).shape)
    evaluate = _evaluate.lower(form, mask, parameters, x, y, rows)
    return Programs(advance.compile(_LESS_OPTIMISED), evaluate.compile(_LESS_OPTIMISED))


@partial(jax.jit, static_argnames="form")
def _advance(
    form: Form,
    learning_rate: float,
    masks: jax.Array,
    now: LaneState,
    x: jax.Array,
    y: jax.Array,
    batches: jax.Array,
    first: jax.Array,
    last: jax.Array,
) -> LaneState:
    """The steps from `first` to before `last` of an epoch.

    Args:
        x, y: (n, inputs) and (n, ...), the training set.
        batches: (S, steps, batch) places in it, which all lanes share.
    """

    def loss(parameters: Any, masks: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
        return row_losses(form.objective, _outputs(form, parameters, masks, x), y).mean()

    one = jax.vmap(jax.value_and_grad(loss), (0, None, 0, 0))
    lanes = jax.vmap(one, (0, 1, None, None))

    def step(number: jax.Array, now: LaneState) -> LaneState:
        rows = batches[:, number]
        values, gradient = lanes(now.parameters, masks, x[rows], y[rows])
        updates, moments = optax.adam(learning_rate).update(gradient, now.moments)
        parameters = optax.apply_updates(now.parameters, updates)
        return LaneState(parameters, moments, now.losses.at[:, :, number].set(values))

    return jax.lax.fori_loop(first, last, step, now)


@partial(jax.jit, static_argnames="form")
def _evaluate(
    form: Form,
    masks: jax.Array,
    parameters: list[jax.Array],
    x: jax.Array,
    y: jax.Array,
    rows: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """The loss of every row, and whether its largest output is that of the class.

    Args:
        rows: (chunks, rows) places in the training set.

    Returns:
        both (LANES, S, chunks * rows).
    """

    def of_rows(rows: jax.Array) -> tuple[jax.Array, jax.Array]:
        def one(parameters: Any, masks: jax.Array) -> tuple[jax.Array, jax.Array]:
            outputs = _outputs(form, parameters, masks, x[rows])
            hits = outputs.argmax(axis=1) == y[rows].reshape(len(rows), -1)[:, 0]
            return row_losses(form.objective, outputs, y[rows]), hits

        return jax.vmap(jax.vmap(one, (0, None)), (0, 1))(parameters, masks)

    found = jax.lax.map(of_rows, rows)
    losses, hits = (jnp.moveaxis(each, 0, 2).reshape(*each.shape[1:3], -1) for each in found)
    return losses, hits


def _outputs(form: Form, parameters: list[jax.Array], masks: jax.Array, x: jax.Array) -> jax.Array:
    """(B, outputs) of one network at x (B, inputs)."""
    leaves = iter(parameters)
    for number, (bias, activation) in enumerate(form.layers):
        shift = next(leaves) if bias else None
        x = x @ next(leaves)
        x = ACTIVATIONS[activation](x if shift is None else x + shift)
        if number < len(form.layers) - 1:
            # Not the parameters: an activation of 0 need not be 0.
            x = x * masks[number]
    return x
