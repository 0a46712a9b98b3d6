"""Which sum of products each parameter of a network takes part in, by JAX's trace of it (a jaxpr).

The shape of a kernel does not tell its fan-in: (heads, features, head size), (experts, in, out) and
the stack of a scan all have axes that are no inputs. What consumes it does: the terms of the sum
that a product of matrices or a convolution takes over it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax.extend.core import Jaxpr, JaxprEqn, Literal, jaxprs_in_params

from sed2.blocks.base import KERNELS, Fans, Path, Shape


def contractions(
    graphdef: Any, parameters: Any, rest: Any, input_shape: Shape
) -> dict[Path, frozenset[Fans | None]]:
    """By parameter, the fans with which it multiplies a signal in products of matrices and in
    convolutions: empty if it does not, None among them where its part in one is not understood.

    Allocates nothing. A parameter may be reshaped, sliced, cast, scaled and the like before.

    Args:
        graphdef, parameters, rest: a module in evaluation mode, split by nnx.Param; its arrays may
            be shapes (`sed2.blocks.abstract`).
        input_shape: of one input.
    """
    leaves, treedef = jax.tree_util.tree_flatten_with_path(parameters)

    def apply(leaves: list[jax.Array], rest: Any, x: jax.Array) -> Any:
        state = jax.tree_util.tree_unflatten(treedef, leaves)
        return nnx.merge(graphdef, state, rest, copy=True)(x)

    with jax.enable_x64(True):
        x = jax.ShapeDtypeStruct((2, *input_shape), jnp.float64)
        traced = jax.make_jaxpr(apply)([leaf for _, leaf in leaves], rest, x)
    ranks = {names(path): leaf.ndim for path, leaf in leaves}
    inputs = [_Content({path: (True,) * rank}) for path, rank in ranks.items()]
    inputs += [_NOTHING] * (len(traced.jaxpr.invars) - len(inputs) - 1)
    found: dict[Path, set[Fans | None]] = {path: set() for path in ranks}
    _Walk(found, ranks).through(traced.jaxpr, [*inputs, _SIGNAL])
    return {path: frozenset(fans) for path, fans in found.items()}


def weights(graphdef: Any, parameters: Any, rest: Any, input_shape: Shape) -> list[bool]:
    """By parameter, in their order as leaves, whether it multiplies a signal in a product of
    matrices or a convolution; scale, shift, bias, embedding and position do not.

    Args:
        graphdef, parameters, rest, input_shape: as for `contractions`.
    """
    found = contractions(graphdef, parameters, rest, input_shape).items()
    return [any(fans) or (path[-1] in KERNELS and bool(fans)) for path, fans in found]


def names(path: Sequence[Any]) -> Path:
    """A path of JAX's as names, without the accessor of the variable's own value."""
    return tuple(str(entry.key) for entry in path if hasattr(entry, "key"))


class _Content(NamedTuple):
    """What an array of the program is made of."""

    parts: Mapping[Path, tuple[bool, ...]] = MappingProxyType({})
    """The parameters that it is a rearrangement of: by axis, whether it runs over all that there is
    of the parameter, each once."""
    signal: bool = False
    """Whether it depends on the inputs of the network, or is what came of a kernel."""

    def moved(self, axes: Sequence[int]) -> _Content:
        """With these of its axes, and new ones that are not whole for -1."""
        return self._mapped(lambda whole: [axis >= 0 and whole[axis] for axis in axes])

    def cut(self, whole: Sequence[bool]) -> _Content:
        """With axes that are whole only where this says so, too."""
        return self._mapped(lambda mine: [a and b for a, b in zip(mine, whole, strict=True)])

    def _mapped(self, change: Callable[[tuple[bool, ...]], list[bool]]) -> _Content:
        parts = {path: tuple(change(whole)) for path, whole in self.parts.items()}
        return self._replace(parts=parts)


_NOTHING, _SIGNAL = _Content(), _Content(signal=True)
_ELEMENTWISE = {
    *("abs", "add", "convert_element_type", "copy", "copy_p", "div", "exp", "max", "min", "mul"),
    *("neg", "optimization_barrier", "reduce_precision", "rev", "select_n", "sign", "sqrt"),
    *("stop_gradient", "sub", "tanh"),
}


class _Walk:
    """Through a program, equation by equation."""

    def __init__(self, found: dict[Path, set[Fans | None]], ranks: dict[Path, int]) -> None:
        self.found, self.ranks = found, ranks

    def through(self, jaxpr: Jaxpr, inputs: Sequence[_Content]) -> list[_Content]:
        """The flows of its results."""
        flows: dict[Any, _Content] = dict(zip(jaxpr.invars, inputs, strict=True))

        def read(variable: Any) -> _Content:
            # A literal cannot be hashed.
            return _NOTHING if isinstance(variable, Literal) else flows.get(variable, _NOTHING)

        for equation in jaxpr.eqns:
            results = self._results(equation, [read(variable) for variable in equation.invars])
            flows.update(zip(equation.outvars, results, strict=True))
        return [read(variable) for variable in jaxpr.outvars]

    def _results(self, equation: JaxprEqn, inputs: list[_Content]) -> list[_Content]:
        name, count = equation.primitive.name, len(equation.outvars)
        if not any(flow.parts or flow.signal for flow in inputs):
            return [_NOTHING] * count
        if name == "scan":
            return self._scan(equation, inputs)
        if name == "while":
            return self._while(equation, inputs)
        inner = list(jaxprs_in_params(equation.params))
        if name == "cond":
            signal = inputs[0].signal
            branches = [self.through(branch, inputs[1:]) for branch in inner]
            return [_join(*some, signal=signal) for some in zip(*branches, strict=True)]
        if len(inner) == 1 and len(inner[0].invars) == len(inputs):
            return self.through(inner[0], inputs)
        signal = any(flow.signal for flow in inputs)
        if name == "dot_general":
            signal |= self._dot(equation, *inputs)
        elif name == "conv_general_dilated":
            signal |= self._convolution(equation, *inputs)
        elif not inner and (flow := _rearranged(equation, inputs)):
            return [flow] * count
        return [_Content(signal=signal)] * count

    def _scan(self, equation: Any, inputs: list[_Content]) -> list[_Content]:
        constants, carries = (equation.params[key] for key in ("num_consts", "num_carry"))
        fixed, carry = inputs[:constants], inputs[constants : constants + carries]
        scanned = inputs[constants + carries :]
        ranks = [variable.aval.ndim for variable in equation.invars[constants + carries :]]
        each = [flow.moved(range(1, rank)) for flow, rank in zip(scanned, ranks, strict=True)]
        body = equation.params["jaxpr"].jaxpr
        carry = self._settled(
            lambda walk, carry: walk.through(body, [*fixed, *carry, *each]), carry
        )
        results = self.through(body, [*fixed, *carry, *each])
        return [*carry, *(_Content(signal=flow.signal) for flow in results[carries:])]

    def _while(self, equation: JaxprEqn, inputs: list[_Content]) -> list[_Content]:
        first, second = (equation.params[key] for key in ("cond_nconsts", "body_nconsts"))
        fixed, carry = inputs[first : first + second], inputs[first + second :]
        body = equation.params["body_jaxpr"].jaxpr
        carry = self._settled(lambda walk, carry: walk.through(body, [*fixed, *carry]), carry)
        self.through(body, [*fixed, *carry])
        return carry

    def _settled(
        self, step: Callable[[_Walk, list[_Content]], list[_Content]], carry: list[_Content]
    ) -> list[_Content]:
        """What a loop carries from any step to the next; records nothing."""
        while True:
            silent = _Walk({path: set() for path in self.found}, self.ranks)
            after = step(silent, carry)[: len(carry)]
            joined = [_join(*both) for both in zip(carry, after, strict=True)]
            if joined == carry:
                return carry
            carry = joined

    def _dot(self, equation: Any, *inputs: _Content) -> bool:
        """Whether something was recorded, as for a convolution."""
        recorded = False
        contracting, batch = equation.params["dimension_numbers"]
        for i, (flow, other) in enumerate((inputs, inputs[::-1])):
            shape = equation.invars[i].aval.shape
            free = set(range(len(shape))) - {*contracting[i], *batch[i]}
            fans = (math.prod(shape[a] for a in contracting[i]), math.prod(shape[a] for a in free))
            recorded |= self._record(flow, other, contracting[i], fans)
        return recorded

    def _convolution(self, equation: Any, signal: _Content, kernel: _Content) -> bool:
        features, *inner = equation.params["dimension_numbers"].rhs_spec
        shape = equation.invars[1].aval.shape
        size, outputs = math.prod(shape[a] for a in inner[1:]), shape[features]
        if any(self.ranks[path] > len(shape) for path in kernel.parts):
            outputs //= equation.params["feature_group_count"]  # a group each of a stack
        fans = size * shape[inner[0]], size * outputs
        return self._record(kernel, signal, inner, fans) | self._record(signal, kernel, (), None)

    def _record(
        self, flow: _Content, other: _Content, summed: Sequence[int], fans: Fans | None
    ) -> bool:
        """That parameters multiply a signal: what depends on the inputs, or what a kernel is
        applied to, such as learned queries."""
        multiplied = other.signal or not (
            flow.signal or any(path[-1] in KERNELS for path in other.parts)
        )
        paths = [path for path in flow.parts if other.signal or path[-1] in KERNELS]
        if multiplied:
            for path in paths:
                known = all(flow.parts[path][axis] for axis in summed)
                self.found[path].add(fans if known else None)
        return multiplied and bool(paths)


def _join(*flows: _Content, signal: bool = False) -> _Content:
    """What may be any of them."""
    parts = flows[0].parts
    if any(flow.parts != parts for flow in flows):
        parts = {}
    return _Content(parts, signal or any(flow.signal for flow in flows))


def _rearranged(equation: Any, inputs: list[_Content]) -> _Content | None:
    """The result of an operation that rearranges parameters; None if it does not."""
    name, params, flow = equation.primitive.name, equation.params, inputs[0]
    if name in _ELEMENTWISE or name == "concatenate":
        if any(flow.signal for flow in inputs):
            return None
        return _Content(dict(item for flow in inputs for item in flow.parts.items()))
    before, after = equation.invars[0].aval.shape, equation.outvars[0].aval.shape
    flow = flow._replace(signal=any(flow.signal for flow in inputs))
    if name == "transpose":
        return flow.moved(params["permutation"])
    if name == "squeeze":
        return flow.moved([a for a in range(len(before)) if a not in params["dimensions"]])
    if name == "reshape":
        return flow._mapped(lambda whole: _reshaped(whole, before, after))
    if name == "broadcast_in_dim":
        place = {to: axis for axis, to in enumerate(params["broadcast_dimensions"])}
        kept = {to: axis for to, axis in place.items() if before[axis] == after[to]}
        return flow.moved([kept.get(axis, -1) for axis in range(len(after))])
    if name in ("slice", "dynamic_slice", "split", "pad"):
        return flow.cut([m == n for m, n in zip(before, after, strict=True)])
    if name == "gather":
        numbers = params["dimension_numbers"]
        gone = {*numbers.collapsed_slice_dims, *numbers.operand_batching_dims}
        axes = [-1] * len(after)
        for place, axis in zip(
            numbers.offset_dims, [a for a in range(len(before)) if a not in gone], strict=True
        ):
            axes[place] = axis if params["slice_sizes"][axis] == before[axis] else -1
        return flow.moved(axes)
    return None


def _reshaped(whole: Sequence[bool], before: Shape, after: Shape) -> list[bool]:
    """By axis of the shape after, whether it is whole."""
    kept = [w for w, size in zip(whole, before, strict=True) if size != 1]
    if all(kept):
        return [True] * len(after)
    alike = [n for n in before if n != 1] == [n for n in after if n != 1]
    rest = iter(kept)
    return [size == 1 or (alike and next(rest)) for size in after]
