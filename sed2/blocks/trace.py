"""A network as JAX traces it, and where that program comes apart into blocks.

The program is cut wherever exactly one value that depends on the inputs crosses, a batch of
floating-point numbers, and no parameter is used on both sides. Every function that is called is
written out before, but for those with a derivative of their own, which are one step.

A block begins where parameters are multiplied with a signal, or looked up by it. What else has
parameters (scales and shifts of normalisations, positions, slopes) joins the block before it, and
so do elementwise functions and pooling. Anything else without parameters is a part by itself, which
joins the next block, as in any chain (docs/concepts/measure.md, section 1).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.extend.core import (
    ClosedJaxpr,
    DebugInfo,
    Jaxpr,
    Literal,
    Var,
    jaxpr_as_fun,
    jaxprs_in_params,
)

from sed2.blocks.base import Path, Shape
from sed2.blocks.contractions import names
from sed2.blocks.convolve import convolve
from sed2.blocks.freeze import batch_norms, use_batch_statistics

Atom = Any
"""A variable or a literal of a program."""
Step = Any
"""An equation of a program; JAX does not tell the types of its variables."""

_CALLS = ("jit", "pjit", "closed_call", "core_call", "remat", "remat2", "checkpoint")
"""Primitives that do nothing but call a program."""
_OWN_DERIVATIVE = ("custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr")
ELEMENTWISE = {
    *("abs", "acos", "acosh", "add", "and", "asin", "asinh", "atan", "atan2", "atanh", "cbrt"),
    *("ceil", "clamp", "convert_element_type", "copy", "copy_p", "cos", "cosh", "digamma", "div"),
    *("eq", "erf", "erf_inv", "erfc", "exp", "exp2", "expm1", "floor", "ge", "gt", "integer_pow"),
    *("is_finite", "le", "lgamma", "log", "log1p", "logistic", "lt", "max", "min", "mul", "ne"),
    *("neg", "nextafter", "not", "or", "pow", "reduce_precision", "rem", "round", "rsqrt"),
    *("select_n", "sign", "sin", "sinh", "sqrt", "square", "stop_gradient", "sub", "tan", "tanh"),
    "xor",
}
"""Primitives that change each number by itself."""
MOVEMENT = {"broadcast_in_dim", "reshape", "squeeze", "transpose"}
"""Primitives that may do nothing but put numbers in other places."""
_POOLING = {"reduce_window_max", "reduce_window_min", "reduce_window_sum", "reduce_window"}
_NO_LAYER = ELEMENTWISE | MOVEMENT | {"concatenate", "pad"}
"""Primitives by which a parameter makes no layer."""


class Leaf(NamedTuple):
    """What a program is given besides its inputs."""

    kind: str
    """`parameter`, `held` (any other variable of the module) or `norm` (mean and variance)."""
    name: Any
    """The path of the first two; the number of the batch norm, and 0 or 1."""


@dataclass(frozen=True, eq=False)
class Trace:
    """A network for batches of one size, every call in it written out."""

    equations: tuple[Step, ...]
    leaves: Mapping[Leaf, Atom]
    x: Atom
    results: tuple[Atom, ...]
    """Its output; then mean and variance of each batch norm after the call."""
    constants: Mapping[Var, Any]
    batch: int

    @property
    def y(self) -> Atom:
        return self.results[0]

    @property
    def statistics(self) -> list[tuple[Atom, Atom]]:
        """Mean and variance of each batch norm after the call."""
        return list(zip(self.results[1::2], self.results[2::2], strict=True))


@dataclass(frozen=True, eq=False)
class Section:
    """A part of a program, between two values that cross."""

    program: Trace
    steps: tuple[Step, ...]
    """Those that depend on the inputs and lead to the output."""
    x: Atom
    y: Atom
    leaves: frozenset[Leaf]
    """Which its steps use."""
    statistics: Mapping[int, tuple[Atom, Atom]]
    """Of the batch norms in it, by number."""

    @property
    def parameters(self) -> frozenset[Path]:
        return frozenset(leaf.name for leaf in self.leaves if leaf.kind == "parameter")

    @property
    def text(self) -> str:
        """What it computes; see `text_of`."""
        leaves = sorted(self.leaves, key=str)
        named = {self.program.leaves[leaf]: f"{leaf.kind}{n}" for n, leaf in enumerate(leaves)}
        return text_of(self.program, self.y, {self.x: "x", **named})


def traced(
    graphdef: Any, states: Sequence[Any], input_shape: Shape, batch: int, by_batch: bool
) -> Trace:
    """The program of a module, in evaluation mode. Allocates nothing.

    Args:
        graphdef, states: the module, split by nnx.Param; its arrays are shapes.
        input_shape: of one input.
        batch: how many inputs it is traced for.
        by_batch: whether batch norms take the statistics of the batch, or those they are given.
    """
    norms = batch_norms(nnx.merge(graphdef, *states, copy=True))
    shapes = [norm.mean.get_value().shape for norm in norms]
    x = jax.ShapeDtypeStruct((batch, *input_shape), float)
    statistics = [(jax.ShapeDtypeStruct(shape, x.dtype),) * 2 for shape in shapes]

    def apply(states: Any, statistics: Any, x: jax.Array) -> Any:
        module = nnx.merge(graphdef, *states, copy=True)
        norms = use_batch_statistics(module, x.dtype)
        for norm, (mean, var) in zip(norms, statistics, strict=True):
            norm.mean[...], norm.var[...] = mean, var
            norm.use_running_average = not by_batch
        outputs = module(x)
        return outputs, [(norm.mean[...], norm.var[...]) for norm in norms]

    wide = jax.tree.map(lambda of: jax.ShapeDtypeStruct(of.shape, x.dtype), states[0])  # as drawn
    closed = jax.make_jaxpr(apply)([wide, states[1]], statistics, x)
    named = [*_leaves(states)]
    named += [Leaf("norm", (number, of)) for number in range(len(norms)) for of in (0, 1)]
    return _program_of(closed, batch, named)


class Initial(NamedTuple):
    """How a module is made from a random key."""

    program: Trace
    leaves: Mapping[Leaf, Atom]

    def values(self, key: jax.Array, leaves: Sequence[Leaf]) -> list[jax.Array]:
        """Of some of its leaves; nothing else is computed."""
        return run(self.program, {self.program.x: key}, [self.leaves[leaf] for leaf in leaves])


def initial(make: Callable[[nnx.Rngs], nnx.Module]) -> Initial:
    """The program that makes a module. Allocates nothing."""
    named: list[Leaf] = []

    def made(key: jax.Array) -> list[Any]:
        _, *states = nnx.split(make(nnx.Rngs(key)), nnx.Param, ...)
        found = _leaves(states)
        named.extend(found)
        return list(found.values())

    closed = jax.make_jaxpr(made)(jax.eval_shape(lambda: jax.random.key(0)))
    program = _program_of(closed, 0)
    return Initial(program, dict(zip(named, program.results, strict=True)))


def _leaves(states: Sequence[Any]) -> dict[Leaf, Any]:
    """Of the parameters of a module and of all else in it."""
    return {
        Leaf(kind, names(path)): value
        for kind, state in zip(("parameter", "held"), states, strict=True)
        for path, value in jax.tree_util.tree_leaves_with_path(state)
    }


def _program_of(closed: ClosedJaxpr, batch: int, leaves: Sequence[Leaf] = ()) -> Trace:
    """A program whose last input is its x."""
    written, given = _Written(), [Var(variable.aval) for variable in closed.jaxpr.invars]
    results = written.out(closed.jaxpr, closed.consts, given)
    return Trace(
        tuple(written.equations),
        dict(zip(leaves, given[:-1], strict=True)),
        given[-1],
        tuple(results),
        written.constants,
        batch,
    )


class _Written:
    """A program written out: fresh variables at each call, since programs are shared."""

    def __init__(self) -> None:
        self.equations: list[Step] = []
        self.constants: dict[Var, Any] = {}

    def out(self, jaxpr: Jaxpr, consts: Sequence[Any], atoms: Sequence[Atom]) -> list[Atom]:
        """The results of a program, given its inputs."""
        known: dict[Var, Atom] = dict(zip(jaxpr.invars, atoms, strict=True))
        for variable, value in zip(jaxpr.constvars, consts, strict=True):
            known[variable] = Var(variable.aval)
            self.constants[known[variable]] = value

        def read(atom: Atom) -> Atom:
            return atom if isinstance(atom, Literal) else known[atom]

        for equation in jaxpr.eqns:
            inputs = [read(atom) for atom in equation.invars]
            called = equation.params.get("jaxpr") if equation.primitive.name in _CALLS else None
            if called is not None:
                inner = called.jaxpr if isinstance(called, ClosedJaxpr) else called
                consts = called.consts if isinstance(called, ClosedJaxpr) else ()
                results = self.out(inner, consts, inputs)
            else:
                results = [Var(variable.aval) for variable in equation.outvars]
                self.equations.append(equation.replace(invars=inputs, outvars=results))
            known.update(zip(equation.outvars, results, strict=True))
        return [read(atom) for atom in jaxpr.outvars]


def run(program: Trace, env: Mapping[Var, Any], outputs: Sequence[Atom]) -> list[Any]:
    """The values of some atoms, from those of others; only what they need is computed."""
    values: dict[Any, Any] = {**program.constants, **env}

    def read(atom: Atom) -> Any:
        return atom.val if isinstance(atom, Literal) else values[atom]

    for equation in needed(program.equations, outputs, values):
        inputs = [read(atom) for atom in equation.invars]
        results = _applied(equation, inputs)
        values.update(zip(equation.outvars, results, strict=True))
    return [read(atom) for atom in outputs]


def _applied(equation: Step, inputs: list[Any]) -> list[Any]:
    """The results of one equation; of a convolution by what is fast on this device."""
    primitive, params = equation.primitive, equation.params
    if primitive.name == "conv_general_dilated" and jax.default_backend() == "cpu":
        return [_convolution(*inputs, **params)]
    places = [i for i, atom in enumerate(equation.invars) if isinstance(atom, Var)]
    return alone(equation)(*(inputs[i] for i in places))


def alone(equation: Step) -> Callable[..., list[Any]]:
    """One equation as a function of its inputs, without those that are literals."""
    inputs = [Var(atom.aval) if isinstance(atom, Var) else atom for atom in equation.invars]
    given = [atom for atom in inputs if isinstance(atom, Var)]
    made = [Var(variable.aval) for variable in equation.outvars]
    one = equation.replace(invars=inputs, outvars=made)
    told = DebugInfo("sed2", equation.primitive.name, None, None)
    return jaxpr_as_fun(ClosedJaxpr(Jaxpr([], given, made, [one], debug_info=told), []))


def _convolution(
    x: jax.Array,
    kernel: jax.Array,
    *,
    window_strides: Any,
    padding: Any,
    dimension_numbers: Any,
    batch_group_count: int,
    out_sharding: Any,
    **options: Any,
) -> jax.Array:
    """A convolution in any order of axes, by `convolve` if it is one of images."""
    if x.ndim != 4 or batch_group_count != 1:
        options |= {"dimension_numbers": dimension_numbers, "batch_group_count": batch_group_count}
        return jax.lax.conv_general_dilated(x, kernel, window_strides, padding, **options)
    numbers: Any = ("NHWC", "HWIO", "NHWC")
    images, made = (
        (spec[0], *spec[2:], spec[1])
        for spec in (dimension_numbers.lhs_spec, dimension_numbers.out_spec)
    )
    features, inputs, *window = dimension_numbers.rhs_spec
    y = convolve(
        x.transpose(images),
        kernel.transpose(*window, inputs, features),
        window_strides,
        padding,
        dimension_numbers=numbers,
        **options,
    )
    return y.transpose(np.argsort(made))


def needed(
    equations: Sequence[Step], outputs: Iterable[Atom], given: Iterable[Var] = ()
) -> list[Step]:
    """Those that lead to the outputs, in their order, where some values are given."""
    given = set(given)
    wanted = {atom for atom in outputs if isinstance(atom, Var)} - given
    found = []
    for equation in reversed(equations):
        if wanted.intersection(equation.outvars):
            found.append(equation)
            wanted.update(v for v in equation.invars if isinstance(v, Var) and v not in given)
    return found[::-1]


@dataclass
class _Segment:
    """Steps between two neighbouring places at which one value crosses."""

    steps: list[Step]
    y: Any
    leaves: set[Leaf]
    is_layer: bool

    @property
    def has_own(self) -> bool:
        """Whether it has parameters, or is of a batch norm."""
        return any(leaf.kind != "held" for leaf in self.leaves)

    def consists_of(self, primitives: set[str]) -> bool:
        return all(primitives_of(step) <= primitives for step in self.steps)


def parts(program: Trace) -> list[Section]:
    """The parts of a program; itself, where nothing can be cut.

    Those without parameters are parts by themselves, as the module says."""
    segments = _joined_where_shared(_segments(program))
    groups = [group for whole in _by_layer(segments) for group in _apart(whole)]
    found, x = [], program.x
    for group in groups:
        steps = tuple(step for segment in group for step in segment.steps)
        leaves = frozenset(leaf for segment in group for leaf in segment.leaves)
        found.append(Section(program, steps, x, group[-1].y, leaves, {}))
        x = group[-1].y
    return _with_statistics(program, found)


def _steps(program: Trace) -> list[Step]:
    """What depends on the inputs and leads to the output."""
    of_data, found = {program.x}, []
    for equation in needed(program.equations, [program.y]):
        if of_data.intersection(v for v in equation.invars if isinstance(v, Var)):
            of_data.update(equation.outvars)
            found.append(equation)
    return found


def dependences(program: Trace) -> dict[Var, frozenset[Leaf]]:
    """By variable that does not depend on the inputs, the leaves that it is made of."""
    found: dict[Var, frozenset[Leaf]] = {
        variable: frozenset([leaf]) for leaf, variable in program.leaves.items()
    }
    of_data = {program.x}
    for equation in program.equations:
        inputs = [v for v in equation.invars if isinstance(v, Var)]
        if of_data.intersection(inputs):
            of_data.update(equation.outvars)
        else:
            own = frozenset[Leaf]().union(*(found.get(v, frozenset()) for v in inputs))
            found.update(dict.fromkeys(equation.outvars, own))
    return found


def _segments(program: Trace) -> list[_Segment]:
    """Between all places where one value crosses that noise can be added to."""
    steps, behind = _steps(program), dependences(program)
    last: dict[Any, float] = {
        v: place for place, step in enumerate(steps) for v in step.invars if isinstance(v, Var)
    }
    if isinstance(program.y, Var):
        last[program.y] = math.inf
    found, alive, current = [], {program.x}, list[Step]()
    for place, step in enumerate(steps):
        current.append(step)
        alive = {v for v in alive.union(step.outvars) if last.get(v, -1) > place}
        if len(alive) == 1 and _is_batch(next(iter(alive)), program.batch):
            found.append((current, next(iter(alive))))
            current = []
    if current or not found:
        found.append((current, program.y))
    segments = []
    for inside, y in found:
        segment = _Segment(inside, y, set(), False)
        for step in inside:
            inputs = (v for v in step.invars if isinstance(v, Var))
            own = frozenset[Leaf]().union(*(behind.get(v, frozenset()) for v in inputs))
            segment.leaves |= own
            uses = any(leaf.kind == "parameter" for leaf in own)
            segment.is_layer |= uses and not primitives_of(step) <= _NO_LAYER
        segments.append(segment)
    return segments


def _is_batch(variable: Any, batch: int) -> bool:
    aval = variable.aval
    is_float = jnp.issubdtype(aval.dtype, jnp.floating)
    return len(aval.shape) > 1 and aval.shape[0] == batch and is_float


def primitives_of(step: Step) -> set[str]:
    """Its primitive; of a function with a derivative of its own, those within."""
    if step.primitive.name not in _OWN_DERIVATIVE + _CALLS:
        return {step.primitive.name}
    inner = [each for sub in jaxprs_in_params(step.params) for each in sub.eqns]
    return set[str]().union(*map(primitives_of, inner))


def _joined_where_shared(segments: list[_Segment]) -> list[_Segment]:
    """With those as one that have a parameter or a batch norm in common, and all between them."""
    first: dict[Any, int] = {}
    found: list[_Segment] = []
    for segment in segments:
        found.append(segment)
        for leaf in segment.leaves:
            if leaf.kind == "held":
                continue
            start = first.setdefault(leaf.name[0] if leaf.kind == "norm" else leaf, len(found) - 1)
            if start < len(found) - 1:
                some, found = found[start:], found[:start]
                found.append(
                    _Segment(
                        [step for each in some for step in each.steps],
                        some[-1].y,
                        set[Leaf]().union(*(each.leaves for each in some)),
                        any(each.is_layer for each in some),
                    )
                )
                first = {key: min(place, start) for key, place in first.items()}
    return found


def _by_layer(segments: list[_Segment]) -> list[list[_Segment]]:
    """Each layer with what comes after it; the first with what comes before it as well."""
    starts = [place for place, segment in enumerate(segments) if segment.is_layer]
    bounds = [0, *starts[1:], len(segments)]
    return [segments[start:stop] for start, stop in pairwise(bounds)]


def _apart(group: list[_Segment]) -> list[list[_Segment]]:
    """A group without what has no parameters before it, and without what does more behind it than
    elementwise functions and pooling."""
    own = [place for place, segment in enumerate(group) if segment.has_own]
    if not own:
        return [group]
    end = own[-1] + 1
    while end < len(group) and group[end].consists_of(ELEMENTWISE | MOVEMENT | _POOLING):
        end += 1
    while end > own[-1] + 1 and group[end - 1].consists_of(MOVEMENT):
        end -= 1
    return [some for some in (group[: own[0]], group[own[0] : end], group[end:]) if some]


def _with_statistics(program: Trace, found: list[Section]) -> list[Section]:
    """The parts, each with the batch norms that are in it."""
    place = {v: number for number, part in enumerate(found) for s in part.steps for v in s.outvars}
    for equation in program.equations:
        inside = [place[v] for v in equation.invars if isinstance(v, Var) and v in place]
        if inside:
            for variable in equation.outvars:
                place.setdefault(variable, max(inside))
    numbers = [
        {leaf.name[0] for leaf in part.leaves if leaf.kind == "norm"}
        | {
            norm
            for norm, after in enumerate(program.statistics)
            if any(isinstance(v, Var) and place.get(v) == number for v in after)
        }
        for number, part in enumerate(found)
    ]
    return [
        replace(part, statistics={norm: program.statistics[norm] for norm in sorted(norms)})
        for part, norms in zip(found, numbers, strict=True)
    ]


def program_of(function: Callable[..., Any], x: jax.ShapeDtypeStruct) -> Trace:
    """The program of a function of a batch."""
    return _program_of(jax.make_jaxpr(function)(x), x.shape[0])


def text_of(program: Trace, y: Atom, named: Mapping[Var, str]) -> str:
    """What makes a value of others, without their names: the same for the same function of arrays
    of the same shapes, its derivative included.

    Args:
        named: what it is made of.
    """
    numbers: dict[Any, str] = dict(named)
    lines = []

    def name(atom: Atom) -> str:
        if isinstance(atom, Literal):
            return f"{np.asarray(atom.val).dtype}:{_digest(atom.val)}"
        if atom not in numbers and atom in program.constants:
            numbers[atom] = f"constant:{_digest(program.constants[atom])}"
        return numbers.setdefault(atom, f"v{len(numbers)}")

    for equation in needed(program.equations, [y], numbers):
        inputs = " ".join(map(name, equation.invars))
        outputs = " ".join(f"{name(v)}:{v.aval}" for v in equation.outvars)
        lines.append(f"{outputs} = {equation.primitive.name} {_options(equation)} {inputs}")
    return "\n".join([*lines, name(y)])


def _options(equation: Step) -> str:
    """The options of an equation as text; of a function with a derivative of its own, that."""
    if equation.primitive.name in _OWN_DERIVATIVE:

        def derived(*inputs: Any) -> Any:
            results, pull = jax.vjp(alone(equation), *inputs)
            return results, pull(results)

        given = [atom for atom in equation.invars if isinstance(atom, Var)]
        return str(jax.make_jaxpr(derived)(*(_shape(v.aval) for v in given)))
    return str(sorted((key, str(of)) for key, of in equation.params.items()))


def _shape(aval: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(aval.shape, aval.dtype)


def _digest(value: Any) -> str:
    array = np.asarray(value)
    if not array.shape:
        return repr(array.item())
    return hashlib.sha256(f"{array.dtype}{array.shape}".encode() + array.tobytes()).hexdigest()


def least_precise(steps: Iterable[Step]) -> str:
    """The floating type of least precision among all arrays that some steps make."""
    found = ["float64"]
    for step in steps:
        found += [least_precise(sub.eqns) for sub in jaxprs_in_params(step.params)]
        types_made = [getattr(variable.aval, "dtype", None) for variable in step.outvars]
        found += [str(t) for t in types_made if t is not None and jnp.issubdtype(t, jnp.floating)]
    return max(found, key=lambda name: jnp.finfo(name).eps)
