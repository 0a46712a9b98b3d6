"""The plan, made before any work: the way of each block, in which pieces, or why not.

The forecast counts the large arrays of the compiled programs (random numbers, parameters,
activations, the factors handed to the SVD) and the spectra that are kept. It allocates nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from flax import nnx
from jax.extend.core import Jaxpr, jaxprs_in_params

from sed2.blocks.convolve import use_matrix_products
from sed2.chain import Chain, ChainBlock
from sed2.errors import ResourceError
from sed2.fisher.ways import COPIES, FLOAT, Sizes, Way, choose, ways
from sed2.memory import GB, free_memory
from sed2.results import BlockPlan
from sed2.settings import Settings


@dataclass(frozen=True)
class Plan:
    """How the items of `sed2.fisher.sample_spectra` are worked on."""

    ways: tuple[Way, ...]
    """How each block's spectrum is had."""
    chunk: int
    """Items per call of the compiled programs."""
    bytes: int
    """Forecast of the peak."""
    blocks: tuple[BlockPlan, ...]
    """The same in words, for one item."""


def make_plan(chain: Chain, items: int, samples: int, settings: Settings) -> Plan:
    """Choose the way of each block, and cut the work to the memory budget.

    Args:
        chain: the network.
        items: how often it runs.
        samples: N.
        settings: memory_gb, max_flops, fisher, likelihood, lanczos_steps, probes.

    Raises:
        ResourceError: even one item at a time does not fit.
    """
    budget = min(settings.memory_gb, 1e9) * GB if settings.memory_gb else default_budget()
    resident = [_resident(block, samples) for block in chain.blocks]
    for block, base in zip(chain.blocks, resident, strict=True):
        if base > budget:
            raise _too_large(block, samples, base, budget)
    sizes = [_sizes(b, samples, settings, last=b is chain.blocks[-1]) for b in chain.blocks]

    def options(j: int, work: float) -> list[Way]:
        return ways(sizes[j], settings, budget - resident[j], work)

    picked: dict[int, Way] = {}
    allowance = settings.max_flops / items
    by_work = sorted(range(len(sizes)), key=lambda j: options(j, math.inf)[0].work)
    for place, j in enumerate(by_work):  # what cheap blocks leave over, the dear ones may use
        share = allowance / (len(by_work) - place)
        way = choose(options(j, share), budget - resident[j], share)
        if way is None:
            least = resident[j] + min(way.bytes for way in options(j, share))
            raise _too_large(chain.blocks[j], samples, least, budget)
        picked[j] = way
        allowance -= min(share, way.work)
    chosen = tuple(picked[j] for j in range(len(sizes)))
    each = tuple(base + way.bytes for base, way in zip(resident, chosen, strict=True))
    kept = items * FLOAT * (samples + sum(way.kept for way in chosen))
    if settings.estimator == "smc":
        kept += _particles(chain, chosen, samples, settings)
    if kept + max(each) > budget:
        raise ResourceError(
            f"one draw of this model ({chain.parameters:,} parameters, N = {samples}) needs about "
            f"{_gb(max(each))} and what is kept of {items:,} runs (draws, and more for their "
            f"errors) {_gb(kept)}, "
            f"but the budget is {_gb(budget)}",
            mend="Take fewer --samples or --draws, or raise --memory-gb",
        )
    fitting = int((budget - kept) // max(each))
    pieces = math.ceil(items / min(fitting, items))
    chunk = math.ceil(items / pieces)  # of equal size, so that little of the last is padding
    blocks = tuple(
        BlockPlan(block.name, block.parameters, str(way), needed, way.work)
        for block, way, needed in zip(chain.blocks, chosen, each, strict=True)
    )
    return Plan(chosen, chunk, int(kept + chunk * max(each)), blocks)


def default_budget() -> float:
    """Bytes: half of what the machine has free, at most 3 GB."""
    return min(free_memory() / 2, 3 * GB)


def _resident(block: ChainBlock, samples: int) -> int:
    """Bytes of one item, whatever the way: random numbers, parameters, inputs and outputs."""
    activations = samples * (math.prod(block.input_shape) + 2 * math.prod(block.output_shape))
    return FLOAT * (COPIES * block.parameters + COPIES * activations)


def _particles(chain: Chain, chosen: tuple[Way, ...], samples: int, settings: Settings) -> int:
    """Bytes of all particles of `smc`: cloud m holds blocks 1..m, and is moved in copies."""
    each = 0
    for clouds, block, way in zip(range(len(chosen), 0, -1), chain.blocks, chosen, strict=True):
        outputs = samples * math.prod(block.output_shape)
        each += (clouds + COPIES) * (block.parameters + 2 * outputs + way.kept)
    return FLOAT * settings.islands * settings.particles * each


def _too_large(block: ChainBlock, samples: int, needed: float, budget: float) -> ResourceError:
    return ResourceError(
        f"block {block.name} ({block.parameters:,} parameters, N = {samples}) needs about "
        f"{_gb(needed)} in the cheapest way, but the budget is {_gb(budget)}",
        mend="Take a smaller model or fewer --samples, or raise --memory-gb",
    )


def _gb(size: float) -> str:
    return f"{size / GB:,.1f} GB" if size >= GB / 10 else f"{size / GB:.1g} GB"


def _sizes(block: ChainBlock, samples: int, settings: Settings, last: bool) -> Sizes:
    outputs = 1 if settings.fisher == "empirical" else math.prod(block.output_shape)
    layout = block.spec.layout(block.input_shape)
    if last and settings.likelihood == "categorical":
        layout = None  # the softmax couples the units
    if layout is not None:
        return Sizes(samples, outputs, block.parameters, 0, 0.0, layout)
    forward, work = _forward(block, samples)
    return Sizes(samples, outputs, block.parameters, forward, work, None)


def _forward(block: ChainBlock, samples: int) -> tuple[int, float]:
    """Numbers that one application to all inputs makes, and its floating-point operations."""
    with jax.enable_x64(True):
        module = nnx.eval_shape(lambda: block.spec.build(block.input_shape, nnx.Rngs(0)))
        module.eval()
        use_matrix_products(module)
        graphdef, state = nnx.split(module)
        traced = jax.jit(lambda state, x: nnx.merge(graphdef, state)(x)).trace(
            state, jax.ShapeDtypeStruct((samples, *block.input_shape), jnp.float64)
        )
        cost = traced.lower().cost_analysis() or {}
    return _intermediates(traced.jaxpr.jaxpr), float(cost.get("flops", 0.0))


def _intermediates(jaxpr: Jaxpr) -> int:
    total = 0
    for equation in jaxpr.eqns:
        inner = [_intermediates(sub) for sub in jaxprs_in_params(equation.params)]
        total += sum(inner) or sum(getattr(v.aval, "size", 0) for v in equation.outvars)
    return total
