"""Parts of a network's program as blocks of sed2's own kinds, whose structure is exact.

A part that is one product with a kernel or one convolution, with a bias, a batch norm, an
elementwise function and a pooling after it, is what a `dense` or `conv` block is, in whatever order
of axes it is written. Where the numbers of an array are is kept as an array of their places, which
follows every transposition and reshape.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Literal, Var

from sed2.blocks.base import BlockOptions, Path, Shape
from sed2.blocks.conv import Conv
from sed2.blocks.dense import Dense
from sed2.blocks.flatten import Flatten
from sed2.blocks.modules.activations import ACTIVATIONS
from sed2.blocks.patches import pads
from sed2.blocks.pool import PoolBlock
from sed2.blocks.pooling import Pool
from sed2.blocks.trace import (
    ELEMENTWISE,
    MOVEMENT,
    Leaf,
    Section,
    Step,
    dependences,
    least_precise,
    needed,
    primitives_of,
    program_of,
    run,
    text_of,
)
from sed2.errors import SpecError

EPSILON = 1e-5
"""Of a batch norm of sed2's own."""
_COPIES = {"convert_element_type", "copy", "copy_p"}


@dataclass(frozen=True)
class View:
    """An array (batch, ...) as the numbers of another one, in other places."""

    shape: Shape
    """Of one input of the other one."""
    places: np.ndarray
    """Of this one's shape: where each number is in the other one, flat."""

    @classmethod
    def of(cls, batch: int, shape: Shape) -> View:
        """The array itself."""
        return cls(shape, np.arange(batch * math.prod(shape)).reshape(batch, *shape))

    @property
    def is_in_order(self) -> bool:
        """Whether its numbers follow each other as in the other one."""
        return np.array_equal(self.places.ravel(), np.arange(self.places.size))

    def axes(self) -> tuple[int, ...] | None:
        """The order of the other one's axes in which the numbers are the same, flat; None if there
        is none."""
        whole = View.of(self.places.size // math.prod(self.shape), self.shape).places
        for order in itertools.permutations(range(1, whole.ndim)):
            if np.array_equal(whole.transpose(0, *order).ravel(), self.places.ravel()):
                return (0, *order)
        return None


@dataclass(frozen=True)
class Source:
    """Where a parameter of a native block comes from."""

    path: Path
    order: np.ndarray | tuple[int, ...]
    """Of the user's parameter: an order of its axes, or flat places."""

    @classmethod
    def of(cls, path: Path, places: np.ndarray, shape: Shape) -> Source:
        """
        Args:
            places: flat, in the user's parameter.
            shape: of that.
        """
        flat, own = places.ravel(), np.arange(places.size).reshape(shape)
        for axes in itertools.permutations(range(len(shape))):
            if np.array_equal(own.transpose(axes).ravel(), flat):
                return cls(path, axes)
        return cls(path, flat)

    def read(self, value: jax.Array) -> jax.Array:
        """The numbers of a native parameter, flat, from the user's."""
        if isinstance(self.order, tuple):
            return value.transpose(self.order).ravel()
        return value.ravel()[self.order]


@dataclass(frozen=True)
class Native:
    """What a part is in sed2's own kinds."""

    before: tuple[BlockOptions, ...]
    block: BlockOptions
    kernel: Source
    bias: Source | None
    norm: int | None
    """The number of its batch norm."""
    scale: Source | None
    shift: Source | None
    activation: tuple[int, int, tuple[int, ...]] | None
    """Of one that has no name: the number of its steps, how many come after them, and the order of
    axes in which it is written."""
    function: str
    """Its text."""
    view: View


class _NoSuchBlock(Exception):
    """A part is none of sed2's own kinds."""


def recognise(part: Section, view: View, epsilons: Sequence[float]) -> Native | None:
    """The part as a block of sed2's own; None if it is none.

    Args:
        view: its input, as the numbers of the output of the block before.
        epsilons: of the batch norms of the network, by number.
    """
    try:
        return _Reader(part, view, epsilons).read()
    except (_NoSuchBlock, SpecError):
        return None


def moved(part: Section, view: View) -> View | None:
    """The output of a part that only moves numbers to other places, as a view; else None."""
    places: Any = view.places
    for step in part.steps:
        if not _only_moves(step):
            return None
        places = _moved(step, places)
    return _whole(view.shape, places)


def averaged(part: Section, view: View) -> tuple[BlockOptions, View] | None:
    """A part that takes the mean over all positions, as a block and its output; else None."""
    axes = view.axes()
    if len(view.shape) not in (2, 3) or axes is None or len(part.steps) < 2:
        return None
    sum_, scale, *rest = part.steps
    where = [axes[a] for a in sum_.params.get("axes", ()) if a < len(axes)]
    positions = list(range(1, len(view.shape)))
    size = math.prod(view.shape[:-1])
    same = view.places.shape == tuple(np.array([len(view.places), *view.shape])[list(axes)])
    if sum_.primitive.name != "reduce_sum" or not same or sorted(where) != positions:
        return None
    if not _divides(scale, sum_.outvars[0], size):
        return None
    pooled = View.of(len(view.places), view.shape[-1:])
    places: Any = pooled.places
    for step in rest:
        if not _only_moves(step):
            return None
        places = _moved(step, places)
    after = _whole(pooled.shape, places)
    return (PoolBlock.model_validate({"kind": "global"}), after) if after else None


def _whole(shape: Shape, places: np.ndarray) -> View | None:
    """A view that has every number once."""
    return View(shape, places) if _each_once(places) else None


def _each_once(places: np.ndarray) -> bool:
    """Whether they are all places of an array of their number, in any order."""
    seen = np.zeros(places.size, bool)
    inside = places[(places >= 0) & (places < places.size)]
    seen[inside] = True
    return bool(seen.all())


def _divides(step: Step, variable: Var, size: int) -> bool:
    """Whether a step divides a value by a number."""
    if variable not in step.invars or not any(isinstance(v, Literal) for v in step.invars):
        return False
    if step.primitive.name == "div" and step.invars[0] is variable:
        return bool(step.invars[1].val == size)
    other = next(v.val for v in step.invars if isinstance(v, Literal))
    return step.primitive.name == "mul" and bool(np.isclose(other * size, 1, rtol=1e-15))


def _only_moves(step: Step) -> bool:
    """Whether a step keeps every number as it is."""
    if step.primitive.name not in MOVEMENT | _COPIES:
        return False
    before, after = step.invars[0].aval.dtype, step.outvars[0].aval.dtype
    return bool(jnp.promote_types(before, after) == after)


def _moved(step: Step, array: np.ndarray) -> np.ndarray:
    """The result of a step that moves numbers."""
    name, params = step.primitive.name, step.params
    if name == "transpose":
        return array.transpose(params["permutation"])
    if name == "broadcast_in_dim":
        sizes = dict(zip(params["broadcast_dimensions"], array.shape, strict=True))
        kept = [sizes.get(axis, 1) for axis in range(len(params["shape"]))]
        return np.broadcast_to(array.reshape(kept), params["shape"])
    return array.reshape(step.outvars[0].aval.shape)


class _Reader:
    """Of one part, step by step."""

    def __init__(self, part: Section, view: View, epsilons: Sequence[float]) -> None:
        self.part, self.epsilons = part, epsilons
        self.program, self.steps = part.program, list(part.steps)
        self.behind = dependences(part.program)
        self.batch = part.program.batch
        self.data = {part.x, *(v for step in self.steps for v in step.outvars)}
        self.now, self.view, self.place = part.x, view, 0
        self.used: set[Leaf] = set()

    def read(self) -> Native:
        if least_precise(self.part.steps) != "float64":
            raise _NoSuchBlock
        self._move()
        layer = self._next("dot_general", "conv_general_dilated")
        before: tuple[BlockOptions, ...] = ()
        if layer.primitive.name == "dot_general":
            before, options, kernel = self._product(layer)
        else:
            options, kernel = self._convolution(layer)
        self._move()
        bias = self._per_channel("add")
        self._move()
        norm, scale, shift = self._norm()
        self._move()
        activation, function = self._activation()
        self._move()
        pool = self._pool() if layer.primitive.name == "conv_general_dilated" else {}
        self._move()
        if self.place < len(self.steps) or self.now is not self.part.y:
            raise _NoSuchBlock
        own = {leaf for leaf in self.part.leaves if leaf.kind != "norm"}
        if own != self.used or self.view.axes() is None:
            raise _NoSuchBlock
        kind = Dense if layer.primitive.name == "dot_general" else Conv
        options |= {
            "bias": bias is not None,
            "norm": "none" if norm is None else "batch",
            "activation": function if activation is None else "tanh",
        }
        block = kind.model_validate(options | pool)
        return Native(
            before, block, kernel, bias, norm, scale, shift, activation, function, self.view
        )

    def _peek(self) -> Step | None:
        return self.steps[self.place] if self.place < len(self.steps) else None

    def _next(self, *primitives: str) -> Step:
        step = self._peek()
        if step is None or step.primitive.name not in primitives or self.now not in step.invars:
            raise _NoSuchBlock
        self.place += 1
        self.now = step.outvars[0]
        return step

    def _move(self) -> None:
        """Over all steps that move numbers to other places."""
        while (step := self._peek()) and _only_moves(step):
            if step.invars[0] is not self.now:
                raise _NoSuchBlock
            self._next(step.primitive.name)
            after = _whole(self.view.shape, _moved(step, self.view.places))
            if after is None:
                raise _NoSuchBlock
            self.view = after

    def _parameter(self, atom: Any) -> tuple[Path, np.ndarray]:
        """The parameter that a value is, with the flat places of its numbers."""
        leaves = self.behind.get(atom, frozenset()) if isinstance(atom, Var) else frozenset()
        if len(leaves) != 1:
            raise _NoSuchBlock
        (leaf,) = leaves
        if leaf.kind != "parameter":
            raise _NoSuchBlock
        self.used.add(leaf)
        return leaf.name, self._places(atom, leaf)

    def _places(self, atom: Any, leaf: Leaf) -> np.ndarray:
        """Of the numbers of a leaf in a value that is nothing but a view of it."""
        variable = self.program.leaves[leaf]
        values = {variable: np.arange(variable.aval.size).reshape(variable.aval.shape)}
        for step in needed(self.program.equations, [atom], [variable]):
            if not _only_moves(step) or step.invars[0] not in values:
                raise _NoSuchBlock
            values[step.outvars[0]] = _moved(step, values[step.invars[0]])
        return values[atom]

    def _source(self, path: Path, order: np.ndarray) -> Source:
        """
        Raises:
            _NoSuchBlock: it has not every number of the parameter once.
        """
        aval = self.program.leaves[Leaf("parameter", path)].aval
        if order.size != aval.size or not _each_once(order):
            raise _NoSuchBlock
        return Source.of(path, order, aval.shape)

    def _product(self, step: Step) -> tuple[tuple[BlockOptions, ...], dict[str, Any], Source]:
        x_is = next(i for i in (0, 1) if step.invars[i] in self.data)
        contracting, batched = step.params["dimension_numbers"]
        if any(batched) or step.invars[1 - x_is] in self.data:
            raise _NoSuchBlock
        path, entries = self._parameter(step.invars[1 - x_is])
        places, shape = self.view.places, self.view.shape
        summed, of_kernel = contracting[x_is], contracting[1 - x_is]
        free = [a for a in range(places.ndim) if a not in summed]
        size = math.prod(places.shape[a] for a in summed)
        rows = places.transpose(*free, *summed).reshape(-1, size)
        if size == math.prod(shape):
            before = (Flatten(),) if len(shape) > 1 else ()
            made: Shape = ()
        elif len(shape) == 2 and size == shape[1]:
            before, made = (), shape[:1]
        else:
            raise _NoSuchBlock
        # Every row is one input, or one token, its numbers in the same order.
        order, of_row = rows[0] % size, rows[:, 0] // size
        if not np.array_equal(rows, of_row[:, None] * size + order):
            raise _NoSuchBlock
        columns = [a for a in range(entries.ndim) if a not in of_kernel]
        units = [entries.shape[a] for a in columns]
        kernel = entries.transpose(*of_kernel, *columns).reshape(size, -1)
        after = of_row[:, None] * kernel.shape[1] + np.arange(kernel.shape[1])
        around = [places.shape[a] for a in free]
        after = after.reshape(*around, *units)
        if x_is == 1:
            after = np.moveaxis(after, range(len(around)), range(len(units), after.ndim))
        self.view = View((*made, kernel.shape[1]), after)
        source = self._source(path, kernel[np.argsort(order)])
        return before, {"features": kernel.shape[1]}, source

    def _convolution(self, step: Step) -> tuple[dict[str, Any], Source]:
        params, (x, kernel) = step.params, step.invars
        numbers = params["dimension_numbers"]
        ones = (*params["lhs_dilation"], *params["rhs_dilation"], params["batch_group_count"])
        if len(self.view.shape) != 3 or x not in self.data or kernel in self.data:
            raise _NoSuchBlock
        path, entries = self._parameter(kernel)
        if self.view.places.ndim != 4 or set(ones) != {1}:
            raise _NoSuchBlock
        shape, batch = self.view.shape, self.batch
        images = self.view.places.transpose(_channels_last(numbers.lhs_spec))
        if not np.array_equal(images, View.of(batch, shape).places):
            raise _NoSuchBlock
        features, inputs, *window = numbers.rhs_spec
        order = entries.transpose(*window, inputs, features)
        size, strides = order.shape[:2], params["window_strides"]
        groups = params["feature_group_count"]
        options = {
            "features": order.shape[3],
            "kernel_size": _sides(size),
            "strides": _sides(strides),
            "padding": _padding(shape, size, strides, params["padding"]),
            "groups": "depthwise" if groups == shape[2] > 1 else groups,
        }
        made = Conv.model_validate(options).output_shape(shape)
        after = View.of(batch, made).places
        self.view = View(made, after.transpose(np.argsort(_channels_last(numbers.out_spec))))
        return options, self._source(path, order)

    def _channel_values(self, values: np.ndarray) -> np.ndarray:
        """Numbers that are put beside the output, by channel.

        Raises:
            _NoSuchBlock: they differ within a channel.
        """
        channels = self.view.shape[-1]
        beside = np.broadcast_to(values, self.view.places.shape)
        ordered = np.empty(beside.size, beside.dtype)
        ordered[self.view.places.ravel()] = beside.ravel()
        rows = ordered.reshape(-1, channels)
        if not (rows == rows[0]).all():
            raise _NoSuchBlock
        return rows[0]

    def _per_channel(self, primitive: str) -> Source | None:
        """A parameter by channel that comes next, with this operation; None if none does."""
        step = self._peek()
        if step is None or step.primitive.name != primitive or self.now not in step.invars:
            return None
        other = next((v for v in step.invars if v is not self.now), None)
        behind = self.behind.get(other, frozenset()) if isinstance(other, Var) else frozenset()
        if not behind:
            return None
        path, places = self._parameter(other)
        self._next(primitive)
        return self._source(path, self._channel_values(places))

    def _norm(self) -> tuple[int | None, Source | None, Source | None]:
        """A frozen batch norm with scale and shift, if one comes next:
        (z - mean) * f + shift, f = scale / sqrt(var + epsilon)."""
        step = self._peek()
        if step is None or step.primitive.name != "sub" or step.invars[0] is not self.now:
            return None, None, None
        means = self.behind.get(step.invars[1], frozenset())
        if not isinstance(step.invars[1], Var) or len(means) != 1:
            return None, None, None
        (mean,) = means
        if mean.kind != "norm" or mean.name[1] != 0:
            raise _NoSuchBlock
        number = mean.name[0]
        order = self._channel_values(self._places(step.invars[1], mean))
        channels = self.view.shape[-1]
        if sorted(order) != list(range(channels)):
            raise _NoSuchBlock
        self._next("sub")
        factors = []
        while (step := self._peek()) and step.primitive.name == "mul" and self.now in step.invars:
            factors.append(next(v for v in step.invars if v is not self.now))
            self._next("mul")
        behind = frozenset[Leaf]().union(*(self.behind.get(v, frozenset()) for v in factors))
        scales = [leaf for leaf in behind if leaf.kind == "parameter"]
        var = Leaf("norm", (number, 1))
        if len(scales) != 1 or behind != {var, *scales}:
            raise _NoSuchBlock
        self.used.add(scales[0])
        variable = self.program.leaves[scales[0]]
        scale = self._found_scale(scales[0], var, factors, order, self.epsilons[number])
        if variable.aval.size != channels:
            raise _NoSuchBlock
        shift = self._per_channel("add")
        if shift is None:
            raise _NoSuchBlock
        return number, Source.of(scales[0].name, scale, variable.aval.shape), shift

    def _found_scale(
        self, leaf: Leaf, var: Leaf, factors: list[Var], order: np.ndarray, epsilon: float
    ) -> np.ndarray:
        """By channel, its place in the scale of a batch norm, whose factor is tried on numbers."""
        size = self.program.leaves[leaf].aval.size
        variances = self.program.leaves[var].aval.size
        rng = np.random.default_rng(0)
        scale, variance = np.arange(1.0, size + 1), rng.uniform(0.5, 2.0, variances)
        given = {
            self.program.leaves[leaf]: scale.reshape(self.program.leaves[leaf].aval.shape),
            self.program.leaves[var]: variance.reshape(self.program.leaves[var].aval.shape),
        }
        factor = np.ones(self.view.shape[-1])
        for value in run(self.program, given, factors):
            factor = factor * self._channel_values(np.asarray(value))
        places = factor * np.sqrt(variance[order] + epsilon) - 1
        rounded = places.round().astype(int)
        if not np.allclose(places, rounded, atol=1e-9) or set(rounded) != set(range(size)):
            raise _NoSuchBlock
        return rounded

    def _activation(self) -> tuple[tuple[int, int, tuple[int, ...]] | None, str]:
        """An elementwise function, if one comes next, by its steps if it has no name; and its name,
        or its text."""
        start, inside = self.place, {self.now}
        shape = self.view.places.shape
        while step := self._peek():
            data = [v for v in step.invars if isinstance(v, Var) and v in self.data]
            alike = all(v.aval.shape == shape for v in (*data, *step.outvars))
            if not (primitives_of(step) <= ELEMENTWISE and alike and inside.issuperset(data)):
                break
            if any(self.behind.get(v) for v in step.invars if isinstance(v, Var)):
                raise _NoSuchBlock  # parameters, or numbers of its own, within a function
            inside.update(step.outvars)
            self.place += 1
        if self.place == start:
            return None, "none"
        before, self.now = self.now, self.steps[self.place - 1].outvars[0]
        later = {v for step in self.steps[self.place :] for v in step.invars if isinstance(v, Var)}
        if (inside & {*later, self.part.y}) != {self.now}:
            raise _NoSuchBlock
        if not self._is_uniform(self.steps[start : self.place]):
            raise _NoSuchBlock
        own = text_of(self.program, self.now, {before: "x"})
        for name, function in ACTIVATIONS.items():
            if own == _text_of_activation(function, shape):
                return None, name
        tried = _tried(lambda z: run(self.program, {before: z}, [self.now])[0], shape)
        for name, function in ACTIVATIONS.items():
            if np.allclose(tried, _tried(function, ()), rtol=1e-13, atol=1e-300, equal_nan=True):
                return None, name
        axes = self.view.axes()
        wanted = View.of(self.batch, self.view.shape).places
        if axes is None or not np.array_equal(wanted.transpose(axes), self.view.places):
            raise _NoSuchBlock
        return (self.place - start, len(self.steps) - self.place, axes), own

    def _is_uniform(self, steps: list[Step]) -> bool:
        """Whether a function is the same for every number: all its constants are single ones."""
        others = {v for step in steps for v in step.invars if isinstance(v, Var)} - self.data
        values = run(self.program, {}, list(others)) if others else []
        return all(np.all(np.asarray(of) == np.asarray(of).ravel()[0]) for of in values)

    def _pool(self) -> dict[str, Any]:
        """The options of a pooling, if one comes next."""
        step = self._peek()
        kinds = {"reduce_window_max": "max", "reduce_window_sum": "avg"}
        if step is None or step.primitive.name not in kinds:
            return {}
        self._next(step.primitive.name)
        axes, shape = self.view.axes(), self.view.shape
        params = step.params
        if axes is None or len(shape) != 3 or self.view.places.ndim != 4:
            raise _NoSuchBlock
        back = np.argsort(axes)
        window, strides, around, *dilations = (
            np.array(params[key])[back]
            for key in (
                *("window_dimensions", "window_strides", "padding"),
                *("base_dilation", "window_dilation"),
            )
        )
        if np.any(np.array(dilations) != 1) or not (window[0] == window[3] == 1):
            raise _NoSuchBlock
        kind = kinds[step.primitive.name]
        if kind == "avg":
            step = self._peek()
            if step is None or not _divides(step, self.now, int(window.prod())):
                raise _NoSuchBlock
            self._next(step.primitive.name)
        size, steps = tuple(map(int, window[1:3])), tuple(map(int, strides[1:3]))
        if around[[0, 3]].any() or not (strides[0] == strides[3] == 1):
            raise _NoSuchBlock
        padding = _padding(shape, size, steps, around[1:3], first="VALID")
        made = {"kind": kind, "size": _sides(size), "padding": padding}
        pool = Pool.model_validate(made | ({} if steps == size else {"strides": _sides(steps)}))
        output = pool.output_shape(shape)
        self.view = View(output, View.of(self.batch, output).places.transpose(axes))
        return {"pool": pool}


def _text_of_activation(function: Callable[..., Any], shape: Shape) -> str:
    program = program_of(function, jax.ShapeDtypeStruct(shape, jnp.zeros(()).dtype))
    return text_of(program, program.y, {program.x: "x"})


def _tried(function: Callable[[jax.Array], jax.Array], shape: Shape) -> np.ndarray:
    """The values and derivatives of an elementwise function of arrays of some shape at numbers of
    all sizes, which tell one function from another."""
    sizes = np.logspace(-6, 6, 241)
    numbers = np.concatenate([-sizes, [0.0], sizes])

    def at(z: jax.Array) -> jax.Array:
        z = jnp.broadcast_to(z, shape)
        value, slope = jax.jvp(function, (z,), (jnp.ones_like(z),))
        return jnp.stack([value.ravel()[0], slope.ravel()[0]])

    return np.asarray(jax.jit(jax.vmap(at))(numbers))


def _channels_last(spec: Sequence[int]) -> tuple[int, ...]:
    """The axes of images in the order (batch, height, width, channels)."""
    return (spec[0], *spec[2:], spec[1])


def _sides(size: Sequence[int]) -> int | tuple[int, int]:
    """As it is written in YAML: one number if both are the same."""
    return int(size[0]) if size[0] == size[1] else (int(size[0]), int(size[1]))


def _padding(
    shape: Shape, window: Sequence[int], strides: Sequence[int], given: Any, first: str = "SAME"
) -> Any:
    """As it is written in YAML.

    Raises:
        _NoSuchBlock: it cannot be.
    """
    around = [tuple(map(int, sides)) for sides in given]
    number = around[0][0]
    for padding in dict.fromkeys((first, "SAME", "VALID", number)):
        sides = zip(shape, window, strides, strict=False)
        if around == [pads(*axis, padding) for axis in sides]:  # type: ignore[arg-type]
            return padding
    raise _NoSuchBlock
