"""What one application of a block costs, by tracing it: nothing is allocated."""

from __future__ import annotations

from functools import lru_cache

import jax
import jax.numpy as jnp
from flax import nnx
from jax.extend.core import Jaxpr, jaxprs_in_params

from sed2.blocks import Block, Shape
from sed2.blocks.abstract import abstract_split
from sed2.blocks.convolve import use_matrix_products


@lru_cache(maxsize=512)
def traced_cost(block: Block, input_shape: Shape, samples: int) -> tuple[int, float]:
    """Numbers that one application to N inputs makes, and its floating-point operations."""

    def made() -> nnx.Module:
        module = block.build(input_shape, nnx.Rngs(0))
        module.eval()
        use_matrix_products(module)
        return module

    with jax.enable_x64(True):
        graphdef, state = abstract_split(made)
        traced = jax.jit(lambda state, x: nnx.merge(graphdef, state)(x)).trace(
            state, jax.ShapeDtypeStruct((samples, *input_shape), jnp.float64)
        )
        cost = traced.lower().cost_analysis() or {}
    return intermediates(traced.jaxpr.jaxpr), float(cost.get("flops", 0.0))


def intermediates(jaxpr: Jaxpr) -> int:
    """Numbers in all arrays that a program makes on its way, its results included."""
    total = 0
    for equation in jaxpr.eqns:
        inner = [intermediates(sub) for sub in jaxprs_in_params(equation.params)]
        total += sum(inner) or sum(getattr(v.aval, "size", 0) for v in equation.outvars)
    return total
