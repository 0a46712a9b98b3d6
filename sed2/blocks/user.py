"""Users' own networks as blocks: nnx modules, linen modules, plain (init, apply) pairs.

A factory returns one of these, or a sequence of them, each element one block, which may come apart
further by its program (`sed2.blocks.pieces`). `nnx.Sequential` is a sequence, unless a subclass has
a `__call__` or parameters of its own. What has no layer of its own joins the block before it, or
the first block if there is none before: elements without parameters (activations, pooling), and
those whose parameters are all of normalisations or PReLU. A tuple or dict that an element returns
is the next one's arguments, within one block.

The factory is called anew for every draw if it takes `rngs`, so that the measure `init` draws what
the module itself declares. Fisher matrices are taken by all `nnx.Param`, each once however often it
is used; batch norm is frozen as in `sed2.blocks.freeze`, and nothing is kept from one call to the
next (`sed2.blocks.adapter`). An output that changes with other inputs, or with a random key, is
refused (`sed2.blocks.independence`).
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import inspect
import itertools
import json
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen, nnx
from jax.extend.core import Jaxpr, jaxprs_in_params

from sed2.blocks.abstract import abstract_split
from sed2.blocks.adapter import PAIR, Adapter, BoundMethod, hold, is_pair
from sed2.blocks.base import Block, BlockOptions, Manner, OfUser, Shape
from sed2.blocks.independence import check_independence, path_text
from sed2.blocks.layers import layout
from sed2.blocks.pieces import NativePiece, SideBySide, taken_apart
from sed2.blocks.structure import Layout
from sed2.blocks.trace import least_precise
from sed2.common.memory import free_memory
from sed2.errors import SpecError, UsageError, one_line

Factory = Callable[[nnx.Rngs], Any]

_NOT_PARAMETERS = (nnx.BatchStat, nnx.RngState, nnx.Cache, nnx.Intermediate)
"""Variables that hold no parameters, rightly left out of the Fisher matrix."""
_NORMS = (
    nnx.BatchNorm,
    nnx.LayerNorm,
    nnx.RMSNorm,
    nnx.GroupNorm,
    nnx.InstanceNorm,
    nnx.PReLU,
)
_LINEN_NORMS = (
    linen.LayerNorm,
    linen.RMSNorm,
    linen.GroupNorm,
    linen.InstanceNorm,
    linen.PReLU,
)
"""What acts on each output of the layer before it."""


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
    text = _in_one_line(error)
    mend = ""
    if any(is_pair(element) for element in _elements_of(block)):
        mend = PAIR
    elif isinstance(error, TypeError) and ("argument" in text and "()" in text):
        mend = (
            "It is called with one argument, a batch of inputs, and returns an array; arguments "
            "named deterministic, train, training, is_training or use_running_average are given"
        )
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


def import_factory(name: str, *, allowed: bool, where: str = "") -> tuple[Any, str]:
    """The object that `package.module:factory` names, and a hash of the file it stands in.

    Args:
        name: as written in YAML.
        allowed: whether the user trusts the code. Importing a file runs it.
        where: the place of the name, for messages.

    Raises:
        UsageError: it is not allowed.
        SpecError: there is no such module or name, or importing it fails.
    """
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise SpecError(
            f"`module` must be `package.module:factory`, not `{name}`",
            mend="Name the Python module, a colon, and the function that makes the network",
            where=where,
        )
    if not allowed:
        raise UsageError(
            f"the spec asks to import and run `{name}`, which can do whatever you can",
            mend="If you trust this code, give `allow_import`",
            where=where,
        )
    if "" not in sys.path:  # as `python -m` has it: the user's own files are where the user is
        sys.path.insert(0, "")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise SpecError(
            f"importing `{module_name}` failed: {_in_one_line(error)}",
            mend="Run sed2 where the module lies, or install it",
            where=where,
        ) from error
    if not hasattr(module, attribute):
        raise SpecError(
            f"`{module_name}` has no `{attribute}`", mend="Name a function in it", where=where
        )
    file = getattr(module, "__file__", None)
    content = Path(file).read_bytes() if file else b""
    return getattr(module, attribute), hashlib.sha256(content).hexdigest()


def split(
    network: Any, name: str, *, partial: bool = False, manner: Manner = "auto"
) -> tuple[UserBlock, ...]:
    """The blocks of a user's network: one, `tied`, if elements of several share parameters.

    Args:
        network: a factory (called with `rngs=` if it takes it, else with nothing), an nnx or linen
            module, an (init, apply) pair, or a sequence of these.
        name: for messages, and for blocks whose class says nothing.
        partial: whether numbers that are no parameters may be left out.
        manner: how it is split; `auto` takes what is found here apart where its inputs are known.

    Raises:
        SpecError: it is none of these, or has no parameters, or has some that cannot be counted.
    """
    make, draws = _factory(network, name)
    found: list[tuple[UserBlock, ...]] = []

    def made() -> None:
        try:
            elements = make(nnx.Rngs(0))
        except SpecError:
            raise
        except Exception as error:
            raise SpecError(
                f"making the network `{name}` failed: {_in_one_line(error)}",
                mend="The factory is called with rngs= if it takes it, else with nothing",
            ) from error
        found.append(_declared(elements, make, draws, name, partial, manner))

    # Without computing initial values, but where it may keep what it makes.
    jax.eval_shape(made) if draws else made()
    return found[0]


def _declared(
    elements: list[Any], make: Factory, draws: bool, name: str, partial: bool, manner: Manner
) -> tuple[UserBlock, ...]:
    """A block for each element that is a layer of its own; raises as `split`."""
    for element in elements:
        _check_element(element, name)
    own = [_own_parameters(element) for element in elements]
    layers = [i for i, element in enumerate(elements) if own[i] and not _is_norm(element)]
    starts = layers or [i for i in range(len(elements)) if own[i]][:1]
    if not starts:
        raise SpecError(f"`{name}` has no parameters", mend="Return a network that has some")

    def block(first: int, start: int, stop: int, **more: Any) -> UserBlock:
        drawn = isinstance(elements[first], linen.Module) or is_pair(elements[first])
        return UserBlock(
            identity=json.dumps(["user", *map(_text_of, elements[start:stop])]),
            make=make,
            partial=partial,
            draws=draws or drawn,
            start=start,
            stop=stop,
            manner=manner,
            **{
                "kind": _kind(elements[first], name),
                "is_layer": _is_layer(elements[first]),
                "splits": drawn or not _is_layer(elements[first]),
                **more,
            },
        )

    if manner == "one":
        more = {"kind": "network", "is_layer": False, "splits": True} if len(starts) > 1 else {}
        return (block(starts[0], 0, len(elements), **more),)
    bounds = [0, *starts[1:], len(elements)]
    if tied := _tied(elements, own, bounds):
        more = {"kind": "network", "tied": tied, "is_layer": False, "splits": False}
        return (block(starts[0], 0, len(elements), **more),)
    return tuple(map(block, starts, bounds[:-1], bounds[1:]))


def _factory(network: Any, name: str) -> tuple[Callable[[nnx.Rngs], list[Any]], bool]:
    """From random keys to the elements of a network; and whether it uses the keys."""
    is_network = isinstance(network, nnx.Module | linen.Module) or _is_sequence(network)
    if is_network or not callable(network):
        return lambda rngs: _fresh(_elements(network), ""), False
    call = network.__init__ if isinstance(network, type) else network  # type: ignore[misc]
    if "rngs" in inspect.signature(call).parameters:
        return lambda rngs: _fresh(_elements(network(rngs=rngs)), name), True
    return lambda rngs: _fresh(_elements(network()), name), False


def _fresh(elements: list[Any], factory: str) -> list[Any]:
    """A copy that may be changed inside a traced function; what is shared stays so.

    Args:
        factory: the name of what made them; empty if the user did.

    Raises:
        SpecError: one of them is no part of a network.
    """
    for number, element in enumerate(elements):
        if not (is_pair(element) or isinstance(element, linen.Module) or callable(element)):
            of = f"what `{factory}` makes" if factory else "the model"
            it = f"element {number} of {of}" if len(elements) > 1 else of
            forms = "an nnx or linen module, an (init, apply) pair, or a sequence of them"
            raise SpecError(
                f"{it} is an object of the class `{type(element).__name__}`, which is no network",
                mend=f"Return {forms}" if factory else f"Give a notation, {forms}",
            )
    methods = [
        BoundMethod(each) if isinstance(getattr(each, "__self__", None), nnx.Module) else each
        for each in elements
    ]
    return list(nnx.clone(hold(methods)))


def _elements(network: Any) -> list[Any]:
    """The elements of a sequence, or the network itself."""
    if (
        isinstance(network, nnx.Sequential)
        and type(network).__call__ is nnx.Sequential.__call__
        and _variables(network) == _variables(network.layers)
    ):
        return list(network.layers)
    return list(network) if _is_sequence(network) else [network]


def _is_sequence(network: Any) -> bool:
    is_other = isinstance(network, str) or callable(network) or is_pair(network)
    return isinstance(network, Sequence) and not is_other


def _variables(module: nnx.Module) -> set[int]:
    """The identities of all variables and arrays that a module holds."""
    return {
        id(value)
        for _, value in nnx.iter_graph(module)
        if isinstance(value, nnx.Variable | jax.Array)
    }


def _check_element(element: Any, name: str) -> None:
    """
    Raises:
        SpecError: it uses parameters that are not its own, or has none yet.
    """
    if isinstance(element, nnx.bridge.ToNNX) and not _own_parameters(element):
        raise SpecError(
            f"`{name}` holds a linen module in nnx.bridge.ToNNX that has no parameters yet",
            mend="Call lazy_init(x) on it, or return the linen module itself",
        )
    if not isinstance(element, nnx.Module | linen.Module) and not is_pair(element):
        for hidden in _reached(element):
            raise SpecError(
                f"the function `{getattr(element, '__name__', type(element).__name__)}` of "
                f"`{name}` uses a {type(hidden).__name__} from outside, whose parameters would not "
                "be counted",
                mend="Make it an nnx.Module that holds what it uses",
            )


def _reached(function: Any) -> list[Any]:
    """The modules and variables that a function uses without being given them."""
    function = inspect.unwrap(function)
    if isinstance(function, functools.partial):
        values: Any = (function.func, function.args, dict(function.keywords))
    elif isinstance(function, types.FunctionType):
        used = inspect.getclosurevars(function)
        values = (dict(used.nonlocals), dict(used.globals))
    else:
        values = dict(getattr(function, "__dict__", {}))
    kinds = (nnx.Module, nnx.Variable)
    leaves = jax.tree.leaves(values, is_leaf=lambda value: isinstance(value, kinds))
    return [leaf for leaf in leaves if isinstance(leaf, kinds)]


def _own_parameters(element: Any) -> dict[int, str]:
    """Identities of an element's parameters, with their paths; of a linen module or a pair, whose
    parameters are not made yet, its own."""
    if isinstance(element, nnx.Module):
        return {
            id(value): path_text(path)
            for path, value in nnx.iter_graph(element)
            if isinstance(value, nnx.Param)
        }
    made_later = isinstance(element, linen.Module) or is_pair(element)
    return {id(element): ""} if made_later else {}


def _tied(elements: list[Any], own: list[dict[int, str]], bounds: list[int]) -> str:
    """The first parameters that several blocks have; empty if there are none."""
    seen: dict[int, tuple[int, int]] = {}
    for number, (start, stop) in enumerate(itertools.pairwise(bounds)):
        for i in range(start, stop):
            if is_pair(elements[i]):  # each use of its functions has parameters of its own
                continue
            for key in own[i]:
                block, j = seen.setdefault(key, (number, i))
                if block != number:
                    what = f"`{own[j][key]}`" if own[j][key] else "the parameters"
                    names = f"{_name_of(elements[j])} and {_name_of(elements[i])}"
                    return f"{what} of the elements {j} and {i} ({names})"
    return ""


def _name_of(element: Any) -> str:
    if isinstance(element, BoundMethod):
        return f"{type(element.module).__name__}.{element.function.__name__}"
    return type(element).__name__


def _is_layer(element: Any) -> bool:
    """Whether it is a layer of Flax, and not one of its ways to put layers together."""
    composed = isinstance(element, nnx.Sequential | linen.Sequential | nnx.bridge.ToNNX)
    return type(element).__module__.startswith("flax.") and not composed


def _is_norm(element: Any) -> bool:
    """Whether all its parameters are those of normalisations, or slopes of activations."""
    if not isinstance(element, nnx.Module):
        return isinstance(element, _LINEN_NORMS)
    norms = [inner for _, inner in nnx.iter_modules(element) if isinstance(inner, _NORMS)]
    return _own_parameters(element).keys() <= {
        key for norm in norms for key in _own_parameters(norm)
    }


def _kind(element: Any, name: str) -> str:
    return name.split(":")[-1] if is_pair(element) else type(element).__name__.lower()


def _text_of(element: Any) -> Any:
    """What of an element decides its random stream: its class and the shapes of its parameters."""
    if not isinstance(element, nnx.Module):
        return type(element).__qualname__
    leaves = jax.tree_util.tree_leaves_with_path(nnx.state(element, nnx.Param))
    return [
        type(element).__qualname__,
        [[jax.tree_util.keystr(p), leaf.shape] for p, leaf in leaves],
    ]


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
    norms = {
        id(variable)
        for _, inner in nnx.iter_modules(module)
        if isinstance(inner, nnx.BatchNorm)
        for variable in (inner.mean, inner.var)
    }
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


def _in_one_line(error: Exception) -> str:
    """The type of an error and what it says; the end of a long text is cut."""
    text = one_line(" ".join(str(error).split())).rstrip(".")
    whole = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return whole if len(whole) <= _LONGEST else f"{whole[:_LONGEST].rsplit(' ', 1)[0]} ..."


_LONGEST = 400  # characters; the explanations of JAX go on for pages
