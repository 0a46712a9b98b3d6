"""The plan, made before any work: the way of each block, in which pieces, or why not.

The way of a block may change its numbers, so it must not depend on how much memory happens to be
free: it is chosen within `memory_gb`, or within 3 GB on every machine. The memory that is free
decides in which pieces the work is done, or that it is refused.

The forecast counts the large arrays of the compiled programs (random numbers, parameters,
activations, the factors handed to the SVD) and the spectra that are kept. It allocates nothing.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from sed2.blocks import Block, Shape
from sed2.blocks.dense import Dense
from sed2.blocks.network import Network
from sed2.blocks.supernet import columns
from sed2.chain import Chain, ChainBlock, Joined, dense_layers
from sed2.common import threefry
from sed2.common.memory import GB, free_memory
from sed2.errors import ResourceError
from sed2.fisher.ways import COPIES, FLOAT, Sizes, Way, choose, ways
from sed2.hosts import are_several
from sed2.results import BlockPlan
from sed2.settings import SpectraSettings

Engine = Literal["lapack", "xla"]
"""A module of `sed2.fisher`."""
Reserved = Callable[[tuple[Way, ...]], int]
"""From the ways of all blocks to bytes."""
NOMINAL_BUDGET = 3 * GB
"""Within which ways are chosen, where the user names no budget."""
LAPACK_WORK = 1e10
"""Operations of one item, above which XLA does it sooner (`python -m scripts.cost.engines`)."""


@dataclass(frozen=True)
class Plan:
    """How the items of `sed2.fisher.sample_spectra` are worked on."""

    ways: tuple[Way, ...]
    """How each block's spectrum is computed."""
    chunk: int
    """Items per call of the compiled programs: the devices share them evenly, or are more."""
    bytes: int
    """Forecast of the peak of one process."""
    blocks: tuple[BlockPlan, ...]
    """The same in words, for one item."""
    engine: Engine = "xla"
    """What does the work."""


def make_plan(
    chain: Chain,
    items: int,
    samples: int,
    settings: SpectraSettings,
    piece: float = math.inf,
    share: float = 1,
    reserved: Reserved = lambda ways: 0,
    more: int = 0,
) -> Plan:
    """Choose the way of each block, and cut the work to the memory budget.

    Args:
        chain: the network.
        items: how often it runs.
        samples: N.
        settings: memory_gb, max_flops, fisher, likelihood, lanczos_steps, probes.
        piece: operations of one call of the compiled programs on one device at most, unless one
            item has more.
        share: of the memory budget; the ways do not depend on it.
        reserved: bytes that whatever comes after the spectra keeps meanwhile.
        more: how often it runs besides; the ways do not depend on it.

    Raises:
        ResourceError: even one item at a time does not fit; it says how many inputs would.
    """
    budget = share * memory_budget(settings)
    nominal = memory_budget(settings) if settings.memory_gb else NOMINAL_BUDGET
    try:
        return _plan(chain, items, samples, settings, budget, nominal, piece, reserved, more)
    except ResourceError as error:
        mend = _what_would_fit(chain, items, samples, settings, budget, nominal, error.mend)
        if budget < nominal:
            mend = _other_way(chain, items, samples, settings, budget, mend)
        error.mend = mend
        raise


def memory_budget(settings: SpectraSettings) -> float:
    """Bytes: what the user allows, or `default_budget`."""
    return min(settings.memory_gb, 1e9) * GB if settings.memory_gb else default_budget()


_JAX = 0.2 * GB
"""What JAX, Flax and their first programs take."""


def default_budget() -> float:
    """Bytes: half of what the machine has free, at most 3 GB. Processes of one machine divide it
    among them, and several have the least of their budgets. JAX takes some if it comes later."""
    free = free_memory()
    if "jax" not in sys.modules:
        free = max(free - _JAX, free / 2)
    free /= 2
    if are_several():
        from sed2.common.devices import least, processes_here

        free = least(free / processes_here())
    return min(free, NOMINAL_BUDGET)


def _what_would_fit(
    chain: Chain,
    items: int,
    samples: int,
    settings: SpectraSettings,
    budget: float,
    nominal: float,
    otherwise: str,
) -> str:
    """The largest of the halves of N that fits the budget, or other advice."""
    while samples := samples // 2:
        try:
            _plan(chain, items, samples, settings, budget, nominal)
        except ResourceError:
            continue
        return f"`samples` {samples} would fit; or raise `memory_gb`"
    return otherwise


def _other_way(
    chain: Chain, items: int, samples: int, settings: SpectraSettings, budget: float, otherwise: str
) -> str:
    """To take a way that fits what is free, if there is one: the user's choice, never silent."""
    try:
        _plan(chain, items, samples, settings, budget, budget)
    except ResourceError:
        return otherwise
    return (
        f"Free some memory; or `memory_gb` {budget / GB:.2g} takes another way to the spectra, "
        "with numbers of its own"
    )


def _plan(
    chain: Chain,
    items: int,
    samples: int,
    settings: SpectraSettings,
    budget: float,
    nominal: float,
    piece: float = math.inf,
    reserved: Reserved = lambda ways: 0,
    more: int = 0,
) -> Plan:
    """As `make_plan`, within a budget of bytes; the ways are those of a nominal budget."""
    resident = [_resident(block, samples) for block in chain.blocks]
    for block, base in zip(chain.blocks, resident, strict=True):
        if base > budget:
            raise _too_large(block, samples, base, budget)
    sizes = [_sizes(b, samples, settings, last=b is chain.blocks[-1]) for b in chain.blocks]

    def options(j: int, work: float, memory: float = nominal) -> list[Way]:
        return ways(sizes[j], settings, memory - resident[j], work)

    picked: dict[int, Way] = {}
    allowance = settings.max_flops / items
    by_work = sorted(range(len(sizes)), key=lambda j: options(j, math.inf)[0].work)
    for place, j in enumerate(by_work):  # what cheap blocks leave over, the dear ones may use
        share = allowance / (len(by_work) - place)
        candidates = options(j, share)
        way = choose(candidates, nominal - resident[j], share)
        if way is None:
            least = resident[j] + min(way.bytes for way in candidates)
            raise _too_large(chain.blocks[j], samples, least, nominal)
        picked[j] = way = options(j, share, budget)[candidates.index(way)]  # in smaller batches
        if resident[j] + way.bytes > budget:
            raise _too_large(chain.blocks[j], samples, resident[j] + way.bytes, budget)
        allowance -= min(share, way.work)
    chosen = tuple(picked[j] for j in range(len(sizes)))
    items += more
    each = tuple(base + way.bytes for base, way in zip(resident, chosen, strict=True))
    kept = items * FLOAT * (samples + sum(way.kept for way in chosen))
    kept += reserved(chosen)
    if kept + max(each) > budget:
        raise ResourceError(
            f"one draw of this model ({chain.parameters:,} parameters, N = {samples}) needs about "
            f"{_gb(max(each))} and what is kept of {items:,} runs (draws, and more for errors "
            f"and checks) {_gb(kept)}, but the budget is {_gb(budget)}",
            mend="Take fewer `samples` or `draws`, or raise `memory_gb`",
        )
    fitting, work = int((budget - kept) // max(each)), sum(way.work for way in chosen)
    engine, devices, processes = _engine(chain, chosen, settings), 1, 1
    if engine == "xla":
        from sed2.common.devices import device_count, filled, process_count

        devices, processes = device_count(), process_count()
    if fitting * work > devices * piece:
        fitting = min(fitting, devices * max(1, int(piece // work)))
    if fitting > devices:
        fitting -= fitting % devices
    # Each process has what is kept of all items, and works on its own.
    pieces = math.ceil(items / min(processes * fitting, items))
    # Of equal size, so that little of the last is padding.
    chunk = math.ceil(items / pieces)
    if engine == "xla":
        chunk = filled(chunk)
    blocks = tuple(
        BlockPlan(
            block.name,
            block.parameters,
            str(way),
            needed,
            way.work,
            block.input_shape,
            block.output_shape,
            way.name == "units",
            block.holds,
        )
        for block, way, needed in zip(chain.blocks, chosen, each, strict=True)
    )
    return Plan(chosen, chunk, int(kept + chunk // processes * max(each)), blocks, engine)


def _engine(chain: Chain, chosen: tuple[Way, ...], settings: SpectraSettings) -> Engine:
    """What computes a chain whose blocks go these ways; it depends on no machine."""
    plain = all(
        dense_layers(block.block, block.input_shape)
        and way.name in ("units", "jacobian")
        and not (way.squared or way.sampling)
        for block, way in zip(chain.blocks, chosen, strict=True)
    )
    usual = settings.fisher == "expected" and settings.prior != "init" and threefry.is_jax_own()
    small = sum(way.work for way in chosen) <= LAPACK_WORK
    return "lapack" if plain and usual and small and not are_several() else "xla"


def _resident(block: ChainBlock, samples: int) -> int:
    """Bytes of one item, whatever the way: random numbers, parameters, inputs and outputs."""
    activations = samples * (math.prod(block.input_shape) + 2 * math.prod(block.output_shape))
    parameters = block.block.supernet.parameter_count(block.input_shape)
    return FLOAT * (COPIES * parameters + COPIES * activations)


def _too_large(block: ChainBlock, samples: int, needed: float, budget: float) -> ResourceError:
    return ResourceError(
        f"block {block.name} ({block.parameters:,} parameters, N = {samples}) needs about "
        f"{_gb(needed)} for one draw, but the budget is {_gb(budget)}",
        mend="Not one input would fit; take a smaller model, or raise `memory_gb`",
    )


def _gb(size: float) -> str:
    return f"{size / GB:,.1f} GB" if size >= GB / 10 else f"{size / GB:.1g} GB"


def _sizes(block: ChainBlock, samples: int, settings: SpectraSettings, last: bool) -> Sizes:
    outputs = 1 if settings.fisher == "empirical" else math.prod(block.output_shape)
    layout = block.block.layout(block.input_shape)
    if last and settings.likelihood == "categorical":
        layout = None  # the softmax couples the units
    if layout is not None:
        return Sizes(samples, outputs, block.parameters, 0, 0.0, layout)
    # Those of its compiled program, which other masks of the same network share.
    forward, work = _forward_cost(block.block.supernet, block.input_shape, samples)
    return Sizes(samples, outputs, columns(block.block, block.input_shape), forward, work, None)


def forward_cost(block: ChainBlock, samples: int) -> tuple[int, float]:
    """Numbers that one application to all inputs makes, and its floating-point operations."""
    return _forward_cost(block.block, block.input_shape, samples)


def _forward_cost(block: Block, input_shape: Shape, samples: int) -> tuple[int, float]:
    if layers := dense_layers(block, input_shape):
        return _dense_cost(layers, input_shape[0], samples)
    if isinstance(block, Joined):
        block = Network((block.before, block.block))
    if isinstance(block, Network):  # of parts that other candidates have as well
        numbers, work = 0, 0.0
        for inner in block.blocks:
            its = _forward_cost(inner, input_shape, samples)
            numbers, work = numbers + its[0], work + its[1]
            input_shape = inner.output_shape(input_shape)
        return numbers, work
    from sed2.fisher.forward import traced_cost

    return traced_cost(block, input_shape, samples)


def _dense_cost(layers: Sequence[Dense], width: int, samples: int) -> tuple[int, float]:
    """As `traced_cost` finds it: the product, the bias as a row and added, the activation."""
    numbers, work = 0, 0.0
    for layer in layers:
        outputs, steps = samples * layer.features, layer.bias + (not layer.is_linear)
        numbers += (1 + steps) * outputs + layer.bias * layer.features
        work += (2 * width + steps) * outputs
        width = layer.features
    return numbers, work
