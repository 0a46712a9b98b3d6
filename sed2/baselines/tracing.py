"""What a network's program says of it, by JAX's own trace of its forward pass (a jaxpr).

A trace sees every layer, of whatever module, a user's own included, and allocates nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, jaxpr_as_fun, jaxprs_in_params

from sed2.blocks.abstract import abstract_split
from sed2.blocks.network import Network
from sed2.chain import Chain


@lru_cache(maxsize=4)
def trace(chain: Chain) -> ClosedJaxpr:
    """The forward pass of one input (1, *input_shape), in evaluation mode."""
    whole = Network(tuple(block.block for block in chain.blocks))

    def made() -> nnx.Module:
        module = whole.build(chain.input_shape, nnx.Rngs(0))
        module.eval()
        return module

    with jax.enable_x64(True):
        graphdef, state = abstract_split(made)
        return jax.make_jaxpr(lambda state, x: nnx.merge(graphdef, state)(x))(
            state, jax.ShapeDtypeStruct((1, *chain.input_shape), jnp.float64)
        )


def multiply_adds(jaxpr: Jaxpr) -> int | None:
    """Multiply-adds of all products of matrices and all convolutions.

    The zeros that pad an image are multiplied as well, as is the custom. Elementwise operations,
    normalisation and pooling do not count. None if a loop runs until a condition is met.
    """
    total = 0
    for equation in jaxpr.eqns:
        inner = [multiply_adds(sub) for sub in jaxprs_in_params(equation.params)]
        if equation.primitive.name == "while" and any(count != 0 for count in inner):
            return None
        if any(count is None for count in inner):
            return None
        own = _multiply_adds_of(equation) + sum(count for count in inner if count)
        total += own * (equation.params["length"] if equation.primitive.name == "scan" else 1)
    return total


def _multiply_adds_of(equation: JaxprEqn) -> int:
    """Outputs, times the terms of the sum that each of them is."""
    shapes = [_shape(variable) for variable in equation.invars]
    if equation.primitive.name == "dot_general":
        (contracting, _), _ = equation.params["dimension_numbers"]
        terms = math.prod(shapes[0][axis] for axis in contracting)
    elif equation.primitive.name == "conv_general_dilated":
        features = equation.params["dimension_numbers"].rhs_spec[0]
        terms = math.prod(shapes[1]) // shapes[1][features]  # the kernel of one feature
    else:
        return 0
    return math.prod(_shape(equation.outvars[0])) * terms


def _shape(variable: Any) -> tuple[int, ...]:
    return variable.aval.shape


def count_relus(jaxpr: Jaxpr) -> tuple[int, int]:
    """How often `jax.nn.relu` is applied in a program itself, and in the functions, compiled on
    their own, that it calls."""
    own = sum(map(_is_relu, jaxpr.eqns))
    inner = [
        sum(count_relus(sub))
        for equation in jaxpr.eqns
        if not _is_relu(equation)
        for sub in jaxprs_in_params(equation.params)
    ]
    return own, sum(inner)


def relu_outputs(function: Callable[[jax.Array], jax.Array], x: jax.Array) -> list[jax.Array]:
    """What the ReLUs of a function, which `count_relus` counts as its own, put out at x."""
    traced = jax.make_jaxpr(function)(x)
    outputs = [equation.outvars[0] for equation in traced.eqns if _is_relu(equation)]
    return list(jaxpr_as_fun(traced.replace(jaxpr=traced.jaxpr.replace(outvars=outputs)))(x))


def _is_relu(equation: JaxprEqn) -> bool:
    """`jax.nn.relu` is a compiled function of that name, with a derivative of its own around it."""
    if equation.primitive.name == "custom_jvp_call":
        inner = equation.params["call_jaxpr"].eqns
        return len(inner) == 1 and _is_relu(inner[0])
    return equation.params.get("name") == "relu"
