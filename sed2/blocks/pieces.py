"""A user's network as a chain of the blocks that its program comes apart into.

A block whose structure is known is one of sed2's own kinds: it has the same random stream, costs
the same, and so has the same score as the same block in YAML. Any other is a part of the program,
applied as it stands. Parameters that the measure does not draw are as the network makes them.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import takewhile
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.extend.core import Var

from sed2.blocks.abstract import abstract_split
from sed2.blocks.base import Block, Path, Shape
from sed2.blocks.freeze import batch_norms
from sed2.blocks.independence import path_text
from sed2.blocks.recognise import EPSILON, Native, Source, View, averaged, moved, recognise
from sed2.blocks.structure import Layout
from sed2.blocks.trace import Initial, Leaf, Section, initial, least_precise, parts, run, traced
from sed2.errors import SpecError

_BATCHES = (2, 3)
"""For which a network is traced, to see what of a shape is the batch."""


@dataclass(frozen=True)
class _Whole:
    """A block, for inputs of some shape."""

    block: Block
    shape: Shape

    def parts(self, batch: int, *, by_batch: bool = False) -> list[Section]:
        """For batches of some size."""
        return _parts(self, batch, by_batch, str(jnp.zeros(()).dtype))

    def part(self, number: int, batch: int, *, by_batch: bool = False) -> Section | None:
        """One of them; None for a single input whose program is another one.

        Raises:
            SpecError: the program of a batch of this size is another one.
        """
        found = self.parts(batch, by_batch=by_batch)
        if _alike(found, self.parts(_BATCHES[0], by_batch=by_batch), to_the_step=True):
            return found[number]
        if batch == 1:
            return None
        raise SpecError(
            f"the network computes something else for {batch} inputs than for {_BATCHES[0]}, so "
            "that it cannot be split",
            mend="Take --blocks declared, or one",
        )

    def values(self, rngs: nnx.Rngs, leaves: Sequence[Leaf]) -> dict[Leaf, jax.Array]:
        """Of some leaves, as the network makes them."""
        made = _initial(self, str(jnp.zeros(()).dtype)).values(rngs.params(), leaves)
        return dict(zip(leaves, made, strict=True))

    def build(self, rngs: nnx.Rngs) -> nnx.Module:
        return self.block.build(self.shape, rngs)


@lru_cache(maxsize=64)
def _initial(whole: _Whole, precision: str) -> Initial:
    return initial(whole.build)


@lru_cache(maxsize=64)
def _parts(whole: _Whole, batch: int, by_batch: bool, precision: str) -> list[Section]:
    return parts(traced(*_abstract(whole, precision), whole.shape, batch, by_batch))


@lru_cache(maxsize=64)
def _abstract(whole: _Whole, precision: str) -> tuple[Any, list[Any]]:
    """The network and the shapes of its arrays."""
    graphdef, *states = abstract_split(lambda: whole.build(nnx.Rngs(0)), nnx.Param, ...)
    return graphdef, states


@dataclass(frozen=True)
class _OfWhole:
    """What both kinds of block have."""

    whole: _Whole
    number: int
    """Which of its parts."""
    kind: str = field(compare=False)
    identity: str = field(compare=False)
    holds: tuple[str, ...] = field(compare=False)
    """Its parameters, by their paths in the network."""
    others: int = field(compare=False)
    """Numbers that are neither parameters nor statistics."""

    def left_out(self, input_shape: Shape) -> int:
        return self.others

    @property
    def supernet(self) -> Any:
        return self

    @property
    def masks(self) -> tuple[np.ndarray, ...]:
        return ()


@dataclass(frozen=True)
class NativePiece(_OfWhole):
    """A part that is a block of sed2's own; a `Block`."""

    native: Native = field(compare=False)
    epsilon: float = field(compare=False)

    @property
    def same(self) -> Block:
        """A block that computes the same from the same numbers; but for those that the network
        makes itself."""
        return self.native.block if self.identity == self.native.block.identity else self

    def output_shape(self, input_shape: Shape) -> Shape:
        return self.native.block.output_shape(input_shape)

    def parameter_count(self, input_shape: Shape) -> int:
        return self.native.block.parameter_count(input_shape)

    def precision(self, input_shape: Shape) -> str:
        return self.native.block.precision(input_shape)

    def layout(self, input_shape: Shape) -> Layout | None:
        return self.native.block.layout(input_shape)

    def build(self, input_shape: Shape, rngs: nnx.Rngs) -> nnx.Module:
        native = self.native
        sources = [native.kernel, native.bias, native.scale, native.shift]
        leaves = [Leaf("parameter", source.path) for source in sources if source is not None]
        made = self.whole.values(rngs, leaves)
        module: Any = native.block.build(input_shape, rngs)

        def put(variable: Any, source: Source | None) -> None:
            if source is not None:
                value = source.read(made[Leaf("parameter", source.path)])
                variable[...] = value.reshape(variable.shape).astype(variable.dtype)

        layer = module.linear if hasattr(module, "linear") else module.conv
        put(layer.kernel, native.kernel)
        put(layer.bias, native.bias)
        if module.norm is not None:
            module.norm.epsilon = self.epsilon
            put(module.norm.scale, native.scale)
            put(module.norm.bias, native.shift)
        if native.activation is not None:
            module.activation = InnerFunction(self.whole, self.number, *native.activation)
        return module


@dataclass(frozen=True)
class InnerFunction:
    """The elementwise function within a part: so many steps of it, and so many after them."""

    whole: _Whole
    number: int
    steps: int
    after: int
    axes: tuple[int, ...]
    """The order in which the part has the axes of what it is given."""

    def __call__(self, x: jax.Array) -> jax.Array:
        part = self.whole.part(self.number, len(x))
        if part is None:
            return self(jnp.concatenate([x, x]))[:1]
        steps = part.steps[: len(part.steps) - self.after][-self.steps :]
        made = {v for step in steps for v in step.outvars}
        inputs = [v for step in steps for v in step.invars if isinstance(v, Var)]
        (given,) = {v for v in inputs if v not in made and _is_of(part, v)}
        (y,) = run(part.program, {given: x.transpose(self.axes)}, [steps[-1].outvars[0]])
        return y.transpose(np.argsort(self.axes))


def _is_of(part: Section, variable: Var) -> bool:
    """Whether a value depends on the input of a part."""
    return variable is part.x or any(variable in step.outvars for step in part.steps)


@dataclass(frozen=True)
class Piece(_OfWhole):
    """A part of a network's program, applied as it stands; a `Block`."""

    axes: tuple[int, ...]
    """The order in which the part has the axes of its input."""
    own: tuple[Leaf, ...] = field(compare=False)
    """Its parameters, and what else it is given."""
    output: Shape = field(compare=False)
    parameters: int = field(compare=False)
    least: str = field(compare=False)
    """The floating type of least precision in it."""

    def output_shape(self, input_shape: Shape) -> Shape:
        return self.output

    def parameter_count(self, input_shape: Shape) -> int:
        return self.parameters

    def precision(self, input_shape: Shape) -> str:
        return self.least

    def layout(self, input_shape: Shape) -> None:
        return None

    def build(self, input_shape: Shape, rngs: nnx.Rngs) -> nnx.Module:
        return PieceModule(self, rngs)


class PieceModule(nnx.Module):
    """The module of a `Piece`: its parameters by the paths they have in the network, and a batch
    norm in place of each that is in it, which holds the statistics."""

    def __init__(self, piece: Piece, rngs: nnx.Rngs) -> None:
        self.piece = nnx.static(piece)
        made = piece.whole.values(rngs, piece.own)
        nested: dict[str, Any] = {}
        held: dict[str, Any] = {}
        for leaf in piece.own:
            *parents, name = leaf.name
            inner = nested if leaf.kind == "parameter" else held
            for parent in parents:
                inner = inner.setdefault(parent, {})
            kind = nnx.Param if leaf.kind == "parameter" else nnx.Cache
            inner[name] = kind(made[leaf])
        self.elements = nnx.data(nested.get("elements", {}))
        self.held = nnx.data(held)
        part = piece.whole.parts(_BATCHES[0])[piece.number]
        self.norms = nnx.data(
            {
                str(number): _stand_in(part.program.leaves[Leaf("norm", (number, 0))].aval.shape)
                for number in part.statistics
            }
        )

    def __call__(self, x: jax.Array) -> jax.Array:
        piece, norms = self.piece, self.norms
        by_batch = any(not norm.use_running_average for norm in norms.values())
        part = piece.whole.part(piece.number, len(x), by_batch=by_batch)
        if part is None:
            return self(jnp.concatenate([x, x]))[:1]
        given = x.transpose(piece.axes).reshape(len(x), *part.x.aval.shape[1:])
        env: dict[Var, Any] = {part.x: given}
        state = {"elements": self.elements}
        for leaf in piece.own:
            of: Any = state if leaf.kind == "parameter" else self.held
            for name in leaf.name:
                of = of[name]
            atom = part.program.leaves[leaf]
            is_parameter = leaf.kind == "parameter"  # of any precision, if it is none of a draw
            env[atom] = of[...].astype(atom.aval.dtype) if is_parameter else of[...]
        for name, norm in norms.items():
            for place, statistic in enumerate((norm.mean, norm.var)):
                env[part.program.leaves[Leaf("norm", (int(name), place))]] = statistic[...]
        after = [atom for pair in part.statistics.values() for atom in pair] if by_batch else []
        y, *statistics = run(part.program, env, [part.y, *after])
        for number, mean, var in zip(
            part.statistics, statistics[::2], statistics[1::2], strict=False
        ):
            norms[str(number)].mean[...], norms[str(number)].var[...] = mean, var
        return y


class SideBySide(nnx.Module):
    """Blocks one after the other, whose outputs are those of all of them side by side."""

    def __init__(self, blocks: Sequence[Block], input_shape: Shape, rngs: nnx.Rngs) -> None:
        built, shape = [], input_shape
        for block in blocks:
            built.append(block.build(shape, rngs))
            shape = block.output_shape(shape)
        self.blocks = nnx.List(built)

    def __call__(self, x: jax.Array) -> jax.Array:
        found = []
        for block in self.blocks:
            x = block(x)
            found.append(x.reshape(len(x), -1))
        return jnp.concatenate(found, axis=1)


def _stand_in(shape: Shape) -> nnx.BatchNorm:
    """A batch norm that does nothing but hold statistics, of this shape."""
    made = nnx.BatchNorm(1, use_scale=False, use_bias=False, rngs=nnx.Rngs(0))
    made.mean = nnx.BatchStat(jnp.zeros(shape, float))
    made.var = nnx.BatchStat(jnp.ones(shape, float))
    return made


def _alike(found: Sequence[Section], others: Sequence[Section], *, to_the_step: bool) -> bool:
    """Whether parts are the same but for the size of the batch.

    Args:
        to_the_step: whether that is asked of each of their steps, or of their bounds alone.
    """

    def outline(part: Section) -> tuple[Any, ...]:
        shapes = [getattr(v.aval, "shape", ())[1:] for v in (part.x, part.y)]
        steps = [step.primitive.name for step in part.steps if to_the_step]
        return (*shapes, steps, part.parameters, part.statistics.keys())

    return [outline(part) for part in found] == [outline(part) for part in others]


@lru_cache(maxsize=256)
def taken_apart(block: Block, input_shape: Shape, left_out: int) -> tuple[Block, ...]:
    """The blocks that a block's program comes apart into; itself, if it does not.

    Args:
        block: a network that maps each input by itself, as all of sed2's own kinds of block do.
        input_shape: of one input.
        left_out: numbers of it that are neither parameters nor statistics.
    """
    with jax.enable_x64(True):
        whole = _Whole(block, input_shape)
        found, other = (whole.parts(batch) for batch in _BATCHES)
        if not _alike(found, other, to_the_step=True):
            return (block,)
        if any(part.statistics for part in found):
            other = whole.parts(_BATCHES[0], by_batch=True)
            if not _alike(found, other, to_the_step=False):
                return (block,)
        blocks = _fitted(whole, found, left_out)
    own = [
        each
        for each in blocks
        if isinstance(each, NativePiece) or (isinstance(each, Piece) and each.parameters)
    ]
    return (block,) if len(own) == 1 and isinstance(own[0], Piece) else tuple(blocks)


def _fitted(whole: _Whole, found: Sequence[Section], left_out: int) -> list[Block]:
    """A block for each part that computes something."""
    graphdef, states = _abstract(whole, str(jnp.zeros(()).dtype))
    epsilons = [norm.epsilon for norm in batch_norms(nnx.merge(graphdef, *states, copy=True))]
    every = sorted((leaf for leaf in found[0].program.leaves if leaf.kind == "parameter"), key=str)
    used = frozenset[Leaf]().union(*(part.leaves for part in found))
    unused = [leaf for leaf in every if leaf not in used]
    with_own = [n for n, part in enumerate(found) if part.parameters or part.statistics]
    batch, shape = found[0].program.batch, whole.shape
    view = View.of(batch, shape)
    blocks: list[Block] = []
    for number, part in enumerate(found):
        last = number == len(found) - 1  # whose numbers must be in the network's own order
        own = [leaf for leaf in every if leaf in part.leaves]
        own += unused if number == with_own[-1] else []
        more = {
            "whole": whole,
            "number": number,
            "holds": tuple(path_text(leaf.name) for leaf in own),
            "others": left_out if number == with_own[0] else 0,
        }
        if number not in with_own:
            after = moved(part, view)
            if after and (after.is_in_order or not last):
                view = after
                continue
            mean = averaged(part, view)
            if mean and (mean[1].is_in_order or not last):
                blocks.append(mean[0])
                view = mean[1]
                continue
        elif len(own) == len(part.parameters):
            native = recognise(part, view, epsilons)
            if native and (native.view.is_in_order or not last):
                blocks += [*native.before, _native_piece(native, epsilons, **more)]
                view = native.view
                continue
        axes = view.axes()
        if axes is None:
            return [whole.block]
        held = sorted((leaf for leaf in part.leaves if leaf.kind == "held"), key=str)
        blocks.append(_piece(part, [*own, *held], axes, **more))
        view = View.of(batch, part.y.aval.shape[1:])
    return blocks


def _native_piece(native: Native, epsilons: Sequence[float], **more: Any) -> NativePiece:
    epsilon = EPSILON if native.norm is None else epsilons[native.norm]
    identity = native.block.identity
    others = [epsilon] * (epsilon != EPSILON) + [_digest(native.function)] * bool(native.activation)
    if others:
        identity = json.dumps([identity, *others])
    return NativePiece(
        kind=native.block.kind, identity=identity, native=native, epsilon=epsilon, **more
    )


def _piece(part: Section, own: Sequence[Leaf], axes: tuple[int, ...], **more: Any) -> Piece:
    leaves = part.program.leaves
    parameters = [leaf for leaf in own if leaf.kind == "parameter"]
    shapes = [leaves[leaf].aval.shape for leaf in parameters]
    return Piece(
        kind=_kind([leaf.name for leaf in parameters]),
        identity=json.dumps(["piece", _digest(part.text), axes, shapes]),
        axes=axes,
        own=tuple(own),
        output=part.y.aval.shape[1:],
        parameters=sum(math.prod(shape) for shape in shapes),
        least=least_precise(part.steps),
        **more,
    )


def _kind(paths: Sequence[Path]) -> str:
    """The name of the innermost module that holds all these parameters; `block` if it has none."""
    steps = zip(*(path[2:-1] for path in paths), strict=False)
    common = [names[0] for names in takewhile(lambda names: len({*names}) == 1, steps)]
    named = [name for name in common if not name.isdigit() and name != "parameters"]
    return named[-1].lower() if named else "block"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
