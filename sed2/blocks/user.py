"""A user's own network as a block, or several: what it is for inputs of some shape.

Fisher matrices are taken by all `nnx.Param`, each once however often it is used; batch norm is
frozen as in `sed2.blocks.freeze`, and nothing is kept from one call to the next
(`sed2.blocks.adapter`). An output that changes with other inputs, or with a random key, is refused
(`sed2.blocks.independence`). Where the blocks come from: `sed2.blocks.factory`.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.extend.core import Jaxpr, jaxprs_in_params

from sed2.blocks.abstract import abstract_split
from sed2.blocks.adapter import PAIR, Adapter, is_pair
from sed2.blocks.base import Block, BlockOptions, Manner, OfUser, Shape
from sed2.blocks.freeze import batch_norms
from sed2.blocks.independence import check_independence, path_text
from sed2.blocks.layers import layout
from sed2.blocks.pieces import NativePiece, SideBySide, taken_apart
from sed2.blocks.structure import Layout
from sed2.blocks.trace import least_precise
from sed2.common.memory import free_memory
from sed2.errors import SpecError, raised

Factory = Callable[[nnx.Rngs], Any]

_NOT_PARAMETERS = (nnx.BatchStat, nnx.RngState, nnx.Cache, nnx.Intermediate)
"""Variables that hold no parameters, rightly left out of the Fisher matrix."""


class Outline(NamedTuple):
    """What a block is for inputs of some shape."""

    shape: Shape | None
    """Of one output; None if it is no array, see `fault`."""
    fault: str
    handed: bool
    """Whether it returns a tuple or a dict, for the next element."""
    parameters: int
    left_out: int
    precision: str


@dataclass(frozen=True)
class UserBlock(OfUser):
    """One element of a user's network, or several of which the first has parameters; a `Block`."""

    kind: str
    identity: str
    make: Factory = field(repr=False)
    """From random keys to all elements of the network."""
    draws: bool
    """Whether `make` uses its keys."""
    partial: bool = False
    """Whether numbers that are no parameters may be left out, instead of refused."""
    start: int = 0
    stop: int | None = None
    """Its elements."""
    tied: str = ""
    """The parameters that blocks of its elements would share, so that it is one; empty if none."""
    is_layer: bool = False
    """Whether it is a single layer of Flax, so that there is nothing to split."""
    manner: Manner = "auto"
    """How its network is split."""
    splits: bool = True
    """Whether it may come apart by its trace: it is no layer of nnx, and shares no parameters with
    others."""

    def output_shape(self, input_shape: Shape) -> Shape:
        outline = _outline(self, input_shape)
        if outline.shape is None:
            raise SpecError(
                f"the module `{self.kind}` returns {outline.fault}",
                mend="Its output must be one array of floating-point numbers whose first axis is "
                "that of the inputs",
            )
        return outline.shape

    def parameter_count(self, input_shape: Shape) -> int:
        return _outline(self, input_shape).parameters

    def left_out(self, input_shape: Shape) -> int:
        return _outline(self, input_shape).left_out

    def precision(self, input_shape: Shape) -> str:
        return _outline(self, input_shape).precision

    def layout(self, input_shape: Shape) -> Layout | None:
        """That of a single `nnx.Linear` or `nnx.Conv`, with a batch norm and elementwise functions
        after it."""
        output_shape = self.output_shape(input_shape)
        with jax.enable_x64(True):
            module: Any = nnx.merge(*abstract_split(lambda: self.build(input_shape, nnx.Rngs(0))))
            return layout(list(module.elements), input_shape, output_shape)

    @property
    def supernet(self) -> UserBlock:
        return self

    @property
    def masks(self) -> tuple[np.ndarray, ...]:
        return ()

    def build(self, input_shape: Shape, rngs: nnx.Rngs) -> nnx.Module:
        return Adapter(self.make(rngs)[self.start : self.stop], input_shape, rngs)

    def hands_on(self, input_shape: Shape) -> bool:
        """Whether it returns a tuple or a dict: arguments of the next element, no output."""
        try:
            return _outline(self, input_shape).handed
        except SpecError:  # told by whatever asks for its shape
            return False

    def followed_by(self, other: UserBlock) -> UserBlock:
        """One block, of this one and of the one after it."""
        elements = json.loads(self.identity) + json.loads(other.identity)[1:]
        identity = json.dumps(elements)
        return replace(self, identity=identity, stop=other.stop, is_layer=False, splits=True)


def joined_where_handed(blocks: Sequence[Block], input_shape: Shape) -> Iterator[Block]:
    """The blocks, each that hands a tuple or dict on as one with the next: noise between them would
    have no array to be added to."""
    shape, waiting = input_shape, None
    for number, block in enumerate(blocks, start=1):
        if isinstance(block, UserBlock):
            block = waiting.followed_by(block) if waiting else block
            waiting = block if number < len(blocks) and block.hands_on(shape) else None
        if waiting is None:
            yield block
            shape = block.output_shape(shape)


def fitted(blocks: Sequence[Block], input_shape: Shape) -> Iterator[Block]:
    """The blocks as the chain has them: joined where a tuple is handed on, and a user's own network
    taken apart, if it is split by its trace."""
    shape = input_shape
    for block in joined_where_handed(blocks, input_shape):
        after = block.output_shape(shape)
        yield from of_user(block, shape) if isinstance(block, UserBlock) else [block]
        shape = after


def in_full(block: Block, input_shape: Shape) -> tuple[Block, ...]:
    """As `of_user`, as fine as it can be split, whatever its manner."""
    assert isinstance(block, UserBlock)
    return of_user(replace(block, manner="auto"), input_shape)


def of_user(block: UserBlock, input_shape: Shape) -> tuple[Block, ...]:
    """The blocks that a user's block comes apart into."""
    outline = _outline(block, input_shape)
    return _apart(block, input_shape, outline.left_out) if outline.shape else (block,)


def _apart(block: UserBlock, input_shape: Shape, left_out: int) -> tuple[Block, ...]:
    split = block.manner == "auto" and block.splits
    return taken_apart(block, input_shape, left_out) if split else (block,)


@functools.lru_cache(maxsize=256)
def _outline(block: UserBlock, input_shape: Shape) -> Outline:
    """
    Raises:
        SpecError: the block cannot be applied to such inputs, or has no Fisher matrix.
    """
    x = jax.ShapeDtypeStruct((2, *input_shape), float)
    with jax.enable_x64(True), _explained(block, input_shape):
        graphdef, *states = abstract_split(
            lambda: block.build(input_shape, nnx.Rngs(0)),
            nnx.Param,
            nnx.Any(*_NOT_PARAMETERS),
            ...,
        )
        parameters = _check_parameters(block, states[0])
        module = nnx.merge(graphdef, *states)
        left_out = _not_counted(module, parameters, states[2], block.partial)
        program, output = jax.make_jaxpr(
            lambda states, x: nnx.merge(graphdef, *states)(x), return_shape=True
        )(states, x)
        precision = least_precise(program.jaxpr.eqns)
        if empty := _shrunk_away(program.jaxpr):
            raise SpecError(
                f"the module `{block.kind}` shrinks inputs of shape {input_shape} to nothing: a "
                f"convolution or a pooling in it makes images of shape {empty}",
                mend="Take larger images or smaller kernels, or pad them",
            )
        fault, shape = "", None
        if getattr(output, "shape", ())[:1] != (2,):
            fault = f"no batch of outputs but {getattr(output, 'shape', type(output).__name__)}"
        elif not jnp.issubdtype(output.dtype, jnp.floating):
            fault = f"numbers of type {output.dtype}"
        else:
            shape = output.shape[1:]
            layers = layout(list(module.elements), input_shape, shape)  # of Flax alone
            apart = _apart(block, input_shape, left_out)
            known = layers or all(isinstance(each, NativePiece | BlockOptions) for each in apart)
            if not known and _fits(parameters + left_out):
                _check_independence(block, apart, input_shape, precision)
    handed = isinstance(output, tuple | dict)
    return Outline(shape, fault, handed, parameters, left_out, precision)


def _check_parameters(block: UserBlock, parameters: Any) -> int:
    """How many there are.

    Raises:
        SpecError: some are no real numbers.
    """
    leaves = jax.tree_util.tree_leaves_with_path(parameters)
    for path, leaf in leaves:
        if not jnp.issubdtype(leaf.dtype, jnp.floating):
            is_complex = jnp.issubdtype(leaf.dtype, jnp.complexfloating)
            raise SpecError(
                f"the parameter `{path_text(path)}` of `{block.kind}` is of type {leaf.dtype}",
                mend="Hold its real and its imaginary part as two nnx.Param, each of which counts"
                if is_complex
                else "A parameter is a real number: hold what is none in an nnx.Variable",
            )
    return sum(leaf.size for _, leaf in leaves)


def _not_counted(module: nnx.Module, counted: int, rest: Any, partial: bool) -> int:
    """How many numbers are neither parameters nor statistics.

    Args:
        counted: how many parameters there are.
        rest: the state that holds neither.

    Raises:
        SpecError: there are some, and they may not be left out; or statistics that are not frozen.
    """
    strange = [
        (path_text(path), leaf.size)
        for path, leaf in jax.tree_util.tree_leaves_with_path(rest)
        if jnp.issubdtype(leaf.dtype, jnp.inexact)
    ]
    left_out = sum(size for _, size in strange)
    if left_out and not partial:
        raise SpecError(
            f"{left_out:,} of the {counted + left_out:,} numbers of the module are no nnx.Param: "
            f"{', '.join(path for path, _ in strange[:3])}",
            mend="Make them nnx.Param if they are trained, nnx.Cache if not; or hold them constant "
            "with `allow_partial`",
        )
    norms = {id(of) for norm in batch_norms(module) for of in (norm.mean, norm.var)}
    for path, variable in nnx.iter_graph(module):
        if isinstance(variable, nnx.BatchStat) and id(variable) not in norms:
            raise SpecError(
                "the module keeps batch statistics that are not those of an nnx.BatchNorm: "
                f"`{path_text(path)}`",
                mend="Only nnx.BatchNorm can be frozen to the statistics of the inputs; write the "
                "module with it, or with a layer norm",
            )
    return left_out


def _shrunk_away(jaxpr: Jaxpr) -> tuple[int, ...] | None:
    """The shape of the first output without any number of a convolution or a pooling."""
    for equation in jaxpr.eqns:
        found = [_shrunk_away(sub) for sub in jaxprs_in_params(equation.params)]
        if equation.primitive.name.startswith(("conv_general", "reduce_window")):
            shapes_made = [getattr(variable.aval, "shape", ()) for variable in equation.outvars]
            found += [shape[1:] for shape in shapes_made if 0 in shape]
        if shapes := [shape for shape in found if shape is not None]:
            return shapes[0]
    return None


def _check_independence(
    block: UserBlock, apart: Sequence[Block], input_shape: Shape, precision: str
) -> None:
    """
    Raises:
        SpecError: an output, or a value at which it is cut, changes with the other inputs.
    """
    what, rounding = f"the module `{block.kind}`", float(jnp.finfo(precision).eps)

    def whole(key: jax.Array) -> nnx.Module:
        return block.build(input_shape, nnx.Rngs(key))

    def pieces(key: jax.Array) -> nnx.Module:
        return SideBySide(apart, input_shape, nnx.Rngs(key))

    if len(apart) == 1:
        check_independence(whole, input_shape, what, rounding)
        return
    try:
        check_independence(pieces, input_shape, what, rounding)
    except SpecError as fault:
        check_independence(whole, input_shape, what, rounding)  # which names the layer
        raise SpecError(fault.cause, mend="Take --blocks declared, or one") from None


@contextmanager
def _explained(block: UserBlock, input_shape: Shape) -> Iterator[None]:
    """
    Raises:
        SpecError: for whatever a user's module raises.
    """
    try:
        yield
    except SpecError:
        raise
    except Exception as error:
        raise _not_applicable(block, input_shape, error) from error


def _fits(numbers: int) -> bool:
    """Whether a few copies of a module can be made to try it; one that is larger is refused for
    its size, before anything is computed."""
    return 8 * 8 * numbers < free_memory()


def _not_applicable(block: UserBlock, input_shape: Shape, error: Exception) -> SpecError:
    """What a user's module raised, and what may be meant by it."""
    text = raised(error)
    mend = ""
    if any(is_pair(element) for element in _elements_of(block)):
        mend = PAIR
    elif isinstance(error, TypeError) and ("argument" in text and "()" in text):
        mend = (
            "It is called with one argument, a batch of inputs, and returns an array; arguments "
            "named deterministic, train, training, is_training or use_running_average are given"
        )
    elif "integer" in text:
        mend = "Inputs are real numbers here, also those of tokens: look up `x.astype(int)`"
    elif "carry" in text and "float32" in text:
        mend = (
            "sed2 computes in float64: let the carry have the type of the inputs (x.dtype), or "
            "give the cell param_dtype=jnp.float64"
        )
    elif "different trace level" in text:
        mend = (
            "A layer with state is called under a transformation of JAX: take that of nnx "
            "(nnx.vmap, nnx.scan, nnx.jit), which carries the state"
        )
    elif len(input_shape) > 1 and "shape" in text:
        mend = (
            "A layer that takes flat inputs needs them flattened: put a function such as "
            "`lambda x: x.reshape(len(x), -1)` before it (in YAML, a `flatten` block)"
        )
    return SpecError(
        f"the module `{block.kind}` cannot be applied to inputs of shape {input_shape}: {text}",
        mend=mend,
    )


def _elements_of(block: UserBlock) -> list[Any]:
    try:
        return list(block.make(nnx.Rngs(0))[block.start : block.stop])
    except Exception:  # that it cannot be made is told already
        return []
