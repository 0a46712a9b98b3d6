"""Users' own networks as blocks: nnx modules, linen modules, plain (init, apply) pairs.

A factory returns one of these, or a sequence of them, each element one block. `nnx.Sequential` is
a sequence; elements without parameters (activations, pooling) join the block before them, or the
first block if there is none before.

The factory is called anew for every draw if it takes `rngs`, so that the measure `init` draws what
the module itself declares. Fisher matrices are taken by all `nnx.Param`; batch norm is frozen as
in `sed2.blocks.freeze`.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import inspect
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen, nnx

from sed2.blocks.base import Shape
from sed2.blocks.layers import layout, linearise
from sed2.blocks.structure import Layout, Structure
from sed2.errors import SpecError, UsageError

Factory = Callable[[nnx.Rngs], Any]

_NOT_PARAMETERS = (nnx.BatchStat, nnx.RngState, nnx.Cache, nnx.Intermediate)
"""Variables that hold no parameters, rightly left out of the Fisher matrix."""


@dataclass(frozen=True)
class UserBlock:
    """One element of a user's network, or several of which the first has parameters; a `Block`."""

    kind: str
    identity: str
    make: Factory = field(repr=False)
    """From random keys to the elements."""
    draws: bool
    """Whether `make` uses its keys."""
    partial: bool = False
    """Whether numbers that are no parameters may be left out, instead of refused."""

    def output_shape(self, input_shape: Shape) -> Shape:
        return self._outline(input_shape)[0]

    def parameter_count(self, input_shape: Shape) -> int:
        return self._outline(input_shape)[1]

    def left_out(self, input_shape: Shape) -> int:
        return self._outline(input_shape)[2]

    def layout(self, input_shape: Shape) -> Layout | None:
        """That of a single `nnx.Linear` or `nnx.Conv` with elementwise functions after it."""
        with jax.enable_x64(True):
            module: Any = nnx.eval_shape(lambda: self.build(input_shape, nnx.Rngs(0)))
        return layout(list(module.elements), input_shape, self.output_shape(input_shape))

    def build(self, input_shape: Shape, rngs: nnx.Rngs) -> nnx.Module:
        return _Adapter(self.make(rngs), input_shape, rngs)

    def _outline(self, input_shape: Shape) -> tuple[Shape, int, int]:
        """Shape of one output, the number of parameters, and of numbers that are left out."""
        with jax.enable_x64(True):
            x = jax.ShapeDtypeStruct((2, *input_shape), jnp.float64)
            try:
                module = nnx.eval_shape(lambda: self.build(input_shape, nnx.Rngs(0)))
                module.eval()
                left_out = _not_counted(module, self.partial)
                output = nnx.eval_shape(lambda module, x: module(x), module, x)
            except SpecError:
                raise
            except Exception as error:
                raise SpecError(
                    f"the module `{self.kind}` cannot be applied to inputs of shape {input_shape}: "
                    f"{type(error).__name__}: {_first_line(error)}",
                    mend="It is called with one argument, a batch of inputs, and returns an array",
                ) from error
        if not hasattr(output, "shape") or output.shape[:1] != (2,):
            raise SpecError(
                f"the module `{self.kind}` returns no batch of outputs but "
                f"{getattr(output, 'shape', type(output).__name__)}",
                mend="Its output must be one array whose first axis is that of the inputs",
            )
        leaves = jax.tree.leaves(nnx.state(module, nnx.Param))
        return output.shape[1:], sum(leaf.size for leaf in leaves), left_out


class _Adapter(nnx.Module):
    """Elements one after the other as one nnx module, with one argument and one result."""

    def __init__(self, elements: Sequence[Any], input_shape: Shape, rngs: nnx.Rngs) -> None:
        adapted: list[Any] = []
        for element in elements:
            pair = _as_pair(element) if isinstance(element, linen.Module) else element
            if _is_pair(pair):
                before = functools.partial(_apply, tuple(adapted))
                x = jax.eval_shape(before, jax.ShapeDtypeStruct((1, *input_shape), float))
                init, apply = pair
                adapted.append(_InitApply(init, apply, jnp.zeros(x.shape, x.dtype), rngs))
            else:
                adapted.append(element)
        self.elements = nnx.List(
            [each if isinstance(each, nnx.Module) else nnx.static(each) for each in adapted]
        )

    def __call__(self, x: jax.Array) -> jax.Array:
        return _apply(self.elements, x)

    def linearise(self, x: jax.Array) -> tuple[jax.Array, Structure]:
        return linearise(list(self.elements), x)


def _apply(elements: Sequence[Any], x: jax.Array) -> jax.Array:
    for element in elements:
        x = element(x)
    return x


class _InitApply(nnx.Module):
    """init(key, x) -> parameters, apply(parameters, x) -> outputs."""

    def __init__(self, init: Any, apply: Any, x: jax.Array, rngs: nnx.Rngs) -> None:
        self.parameters = nnx.data(jax.tree.map(nnx.Param, init(rngs.params(), x)))
        self.apply = nnx.static(apply)

    def __call__(self, x: jax.Array) -> jax.Array:
        plain = jax.tree.map(
            lambda leaf: leaf[...],
            self.parameters,
            is_leaf=lambda leaf: isinstance(leaf, nnx.Param),
        )
        return self.apply(plain, x)


def _as_pair(module: linen.Module) -> tuple[Any, Any]:
    def init(key: jax.Array, x: jax.Array) -> Any:
        variables = module.init(key, x)
        others = sorted(set(variables) - {"params"})
        if others:  # none can be held constant: what they are is known to the module alone
            raise SpecError(
                f"the linen module `{type(module).__name__}` keeps {', '.join(others)}",
                mend="Only parameters can be handled in linen; nnx.BatchNorm is, in nnx",
            )
        return variables["params"]

    return init, lambda parameters, x: module.apply({"params": parameters}, x)


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
            f"importing `{module_name}` failed: {type(error).__name__}: {_first_line(error)}",
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


def split(network: Any, name: str, *, partial: bool = False) -> tuple[UserBlock, ...]:
    """The blocks of a user's network.

    Args:
        network: a factory (called with `rngs=` if it takes it, else with nothing), an nnx or linen
            module, an (init, apply) pair, or a sequence of these.
        name: for messages, and for blocks whose class says nothing.
        partial: whether numbers that are no parameters may be left out.

    Raises:
        SpecError: it is none of these, or has no parameters.
    """
    make, draws = _factory(network)
    try:
        elements = _elements(make(nnx.Rngs(0)))
    except Exception as error:
        raise SpecError(
            f"making the network `{name}` failed: {type(error).__name__}: {_first_line(error)}",
            mend="The factory is called with rngs= if it takes it, else with nothing",
        ) from error
    for element in elements:
        if not (_is_pair(element) or isinstance(element, linen.Module) or callable(element)):
            raise SpecError(
                f"`{name}` makes a {type(element).__name__}, which is no network",
                mend="Return an nnx or linen module, an (init, apply) pair, or a sequence of them",
            )
    starts = [i for i, element in enumerate(elements) if _has_parameters(element)]
    if not starts:
        raise SpecError(f"`{name}` has no parameters", mend="Return a network that has some")
    bounds = [0, *starts[1:], len(elements)]
    blocks = []
    for start, i, stop in zip(bounds[:-1], starts, bounds[1:], strict=True):
        blocks.append(
            UserBlock(
                kind=_kind(elements[i], name),
                identity=json.dumps(["user", *map(_outline, elements[start:stop])]),
                make=functools.partial(_some, make, slice(start, stop)),
                partial=partial,
                draws=draws or isinstance(elements[i], linen.Module) or _is_pair(elements[i]),
            )
        )
    return tuple(blocks)


def _factory(network: Any) -> tuple[Factory, bool]:
    """A function of random keys, and whether it uses them."""
    is_network = isinstance(network, nnx.Module | linen.Module | Sequence)
    if is_network or not callable(network):
        return lambda rngs: _fresh(network), False
    call = network.__init__ if isinstance(network, type) else network  # type: ignore[misc]
    if "rngs" in inspect.signature(call).parameters:
        return lambda rngs: network(rngs=rngs), True
    return lambda rngs: network(), False


def _fresh(network: Any) -> Any:
    """A copy that may be changed inside a traced function."""
    if isinstance(network, nnx.Module):
        return nnx.clone(network)
    if isinstance(network, Sequence) and not (isinstance(network, str) or _is_pair(network)):
        return [_fresh(element) for element in network]
    return network


def _elements(network: Any) -> list[Any]:
    if isinstance(network, nnx.Sequential):
        return list(network.layers)
    if isinstance(network, Sequence) and not _is_pair(network):
        return list(network)
    return [network]


def _some(make: Factory, which: slice, rngs: nnx.Rngs) -> list[Any]:
    return _elements(make(rngs))[which]


def _is_pair(element: Any) -> bool:
    return (
        isinstance(element, tuple)
        and len(element) == 2
        and all(callable(e) and not isinstance(e, nnx.Module | linen.Module) for e in element)
    )


def _has_parameters(element: Any) -> bool:
    if isinstance(element, nnx.Module):
        return bool(jax.tree.leaves(nnx.state(element, nnx.Param)))
    return isinstance(element, linen.Module) or _is_pair(element)


def _kind(element: Any, name: str) -> str:
    return name.split(":")[-1] if _is_pair(element) else type(element).__name__.lower()


def _outline(element: Any) -> Any:
    """What of an element decides its random stream: its class and the shapes of its parameters."""
    if not isinstance(element, nnx.Module):
        return type(element).__qualname__
    leaves = jax.tree_util.tree_leaves_with_path(nnx.state(element, nnx.Param))
    return [
        type(element).__qualname__,
        [[jax.tree_util.keystr(p), leaf.shape] for p, leaf in leaves],
    ]


def _not_counted(module: nnx.Module, partial: bool) -> int:
    """How many numbers are neither parameters nor statistics.

    Raises:
        SpecError: there are some, and they may not be left out; or statistics that are not frozen.
    """
    rest = nnx.state(module, nnx.Not(nnx.Any(nnx.Param, *_NOT_PARAMETERS)))
    leaves = jax.tree_util.tree_leaves_with_path(rest)
    strange = [
        (jax.tree_util.keystr(path), leaf.size)
        for path, leaf in leaves
        if jnp.issubdtype(leaf.dtype, jnp.floating)
    ]
    left_out = sum(size for _, size in strange)
    if left_out and not partial:
        counted = sum(leaf.size for leaf in jax.tree.leaves(nnx.state(module, nnx.Param)))
        raise SpecError(
            f"{left_out:,} of the {counted + left_out:,} numbers of the module are no nnx.Param: "
            f"{', '.join(path for path, _ in strange[:3])}",
            mend="Make them nnx.Param if they are trained, nnx.Cache if not; or hold them constant "
            "with `allow_partial`",
        )
    batch = jax.tree_util.tree_leaves_with_path(nnx.state(module, nnx.BatchStat))
    norms = {
        id(variable)
        for _, inner in nnx.iter_modules(module)
        if isinstance(inner, nnx.BatchNorm)
        for variable in (inner.mean, inner.var)
    }
    if len(batch) > len(norms):
        raise SpecError(
            "the module keeps batch statistics that are not those of an nnx.BatchNorm",
            mend="Only nnx.BatchNorm can be frozen to the statistics of the inputs; write the "
            "module with it, or with a layer norm",
        )
    return left_out


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0]
