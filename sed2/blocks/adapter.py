"""Elements of a user's network, one after the other, as one module without side effects.

Whatever an element keeps of a call (a count, a sown value, a key used up, a carry) is dropped
after it, but for the statistics of batch norms that `sed2.blocks.freeze` asks for. Layers are in
evaluation mode whatever they are told: dropout is the identity, and arguments of a call by the
names of `MODES` say so to the user's own code. Layers of Flax compute in the precision that JAX is
set to, whatever `dtype` they have.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen, nnx

from sed2.blocks.base import Shape
from sed2.blocks.freeze import MODES, batch_norms, settle
from sed2.blocks.layers import linearise
from sed2.blocks.structure import Structure
from sed2.errors import SpecError

PAIR = (
    "A pair is init(key, x) -> parameters and apply(parameters, x) -> outputs, x a batch. Of stax "
    "take (lambda key, x: init(key, x.shape)[1], apply); of haiku, hk.without_apply_rng"
)


class Adapter(nnx.Module):
    """As `nnx.Sequential`: a tuple or dict that one element returns is the next one's arguments.

    Args:
        elements: nnx and linen modules, (init, apply) pairs and functions. Modules are changed.
        input_shape: of one input, for pairs, whose parameters are made for it.
        rngs: for pairs.
    """

    def __init__(self, elements: Sequence[Any], input_shape: Shape, rngs: nnx.Rngs) -> None:
        settle(hold(elements))
        adapted: list[Any] = []
        linen_modules: dict[int, PairModule] = {}  # the same one twice has its parameters once
        for element in elements:
            if id(element) in linen_modules:
                adapted.append(linen_modules[id(element)])
            elif isinstance(element, linen.Module) or is_pair(element):
                x = jax.ShapeDtypeStruct((1, *input_shape), float)
                handed = jax.eval_shape(Adapter._applied(hold(adapted)), x)
                adapted.append(PairModule(element, jax.tree.map(_zeros, handed), rngs))
                if isinstance(element, linen.Module):
                    linen_modules[id(element)] = adapted[-1]
            else:
                adapted.append(element)
        self.elements = hold(adapted)

    def __call__(self, x: jax.Array) -> Any:
        own = nnx.clone(self.elements)
        outputs = apply_elements(own, x)
        if not all(norm.use_running_average for norm in batch_norms(own)):
            nnx.update(self.elements, nnx.state(own, nnx.BatchStat))
        return outputs

    def linearise(self, x: jax.Array) -> tuple[jax.Array, Structure]:
        return linearise(list(self.elements), x)

    @staticmethod
    def _applied(elements: nnx.List[Any]) -> Callable[[Any], Any]:
        return lambda x: apply_elements(nnx.clone(elements), x)


def hold(elements: Sequence[Any]) -> nnx.List[Any]:
    """The elements in one module, functions as what is static."""
    return nnx.List(
        [each if isinstance(each, nnx.Module) else nnx.static(each) for each in elements]
    )


def apply_elements(elements: Sequence[Any], x: jax.Array) -> Any:
    """The elements one after the other, in evaluation mode; they may change."""
    handed: Any = x
    for element in elements:
        args, kwargs = arguments(handed)
        handed = element(*args, **(modes(element) | kwargs))
    return handed


def arguments(handed: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What an element is called with, from what the one before it returns."""
    if isinstance(handed, tuple):
        return handed, {}
    if isinstance(handed, dict):
        return (), handed
    return (handed,), {}


def modes(element: Any) -> dict[str, bool]:
    """The arguments among `MODES` that an element has, as it is to be called with them."""
    if isinstance(element, BoundMethod):
        element = element.function
    elif isinstance(element, nnx.bridge.ToNNX):
        element = element.to_nnx__module
    call = type(element).__call__ if isinstance(element, nnx.Module | linen.Module) else element
    try:
        names = inspect.signature(call).parameters
    except (TypeError, ValueError):  # a function of C
        return {}
    return {name: value for name, value in MODES.items() if name in names}


def is_pair(element: Any) -> bool:
    """Whether it is (init, apply)."""
    return (
        isinstance(element, tuple)
        and len(element) == 2
        and all(callable(e) and not isinstance(e, nnx.Module | linen.Module) for e in element)
    )


class PairModule(nnx.Module):
    """A linen module, or a pair (init(key, x) -> parameters, apply(parameters, x) -> outputs).

    Raises:
        SpecError: what it makes are no parameters.
    """

    def __init__(self, element: Any, handed: Any, rngs: nnx.Rngs) -> None:
        init, apply = _of_linen(element) if isinstance(element, linen.Module) else element
        args, kwargs = arguments(handed)
        made = init(rngs.params(), *args, **kwargs)
        leaves = jax.tree.leaves(made)
        if not all(jnp.issubdtype(getattr(leaf, "dtype", int), jnp.inexact) for leaf in leaves):
            raise SpecError(
                f"init returns a {type(made).__name__} that holds other things than parameters",
                mend=PAIR,
            )
        self.parameters = nnx.data(jax.tree.map(nnx.Param, made))
        self.apply = nnx.static(apply)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.apply(plain(self.parameters), *args, **(modes(self.apply) | kwargs))


def plain(parameters: Any) -> Any:
    """A tree of arrays, from one of nnx.Param."""
    return jax.tree.map(
        lambda leaf: leaf[...], parameters, is_leaf=lambda leaf: isinstance(leaf, nnx.Param)
    )


def _of_linen(module: linen.Module) -> tuple[Any, Any]:
    told = modes(module)

    def init(key: jax.Array, *args: Any, **kwargs: Any) -> Any:
        variables = dict(module.init(key, *args, **(told | kwargs)))
        parameters = variables.pop("params", {})
        for sown in ("intermediates", "perturbations"):
            variables.pop(sown, None)
        for kept, of in variables.items():  # what they are is known to the module alone
            path = jax.tree_util.tree_leaves_with_path(of)[0][0][:-1]
            layer = ".".join(str(entry.key) for entry in path) or type(module).__name__
            raise SpecError(
                f"the linen module `{type(module).__name__}` keeps {kept}, of its layer `{layer}`",
                mend="Only parameters can be handled in linen; nnx.BatchNorm is, in nnx",
            )
        return parameters

    def apply(parameters: Any, *args: Any, **kwargs: Any) -> Any:
        return module.apply({"params": parameters}, *args, **(told | kwargs))

    return init, apply


class BoundMethod(nnx.Module):
    """A method of a module as a module: `embed.attend` shares the parameters of `embed`."""

    def __init__(self, method: Any) -> None:
        self.module = method.__self__
        self.function = nnx.static(method.__func__)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(self.module, *args, **kwargs)


def _zeros(shape: Any) -> jax.Array:
    return jnp.zeros(shape.shape, shape.dtype)
