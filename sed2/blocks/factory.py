"""A user's own network, or the factory that makes it, split into blocks.

A factory returns an nnx module, a linen module, a plain (init, apply) pair, or a sequence of them,
each element one block, which may come apart further by its program (`sed2.blocks.pieces`).
`nnx.Sequential` is a sequence, unless a subclass has a `__call__` or parameters of its own. What
has no layer of its own joins the block before it, or the first block if there is none before:
elements without parameters (activations, pooling), and those whose parameters are all of
normalisations or PReLU. A tuple or dict that an element returns is the next one's arguments, within
one block.

The factory is called anew for every draw if it takes `rngs`, so that the measure `init` draws what
the module itself declares.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import json
import types
from collections.abc import Callable, Sequence
from typing import Any

import jax
from flax import linen, nnx

from sed2.blocks.adapter import BoundMethod, hold, is_pair
from sed2.blocks.base import Manner
from sed2.blocks.independence import path_text
from sed2.blocks.user import Factory, UserBlock
from sed2.errors import SpecError, raised

_NORMS = (nnx.BatchNorm, nnx.LayerNorm, nnx.RMSNorm, nnx.GroupNorm, nnx.InstanceNorm, nnx.PReLU)
_LINEN_NORMS = (linen.LayerNorm, linen.RMSNorm, linen.GroupNorm, linen.InstanceNorm, linen.PReLU)
"""What acts on each output of the layer before it."""


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
                f"making the network `{name}` failed: {raised(error)}",
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
