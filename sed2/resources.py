"""Forecast of memory, before the work: what fits, in which pieces, or why not.

The forecast counts the large arrays of the compiled program (parameters, activations, the
factors handed to the SVD) and the spectra that are kept. It allocates nothing.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

from sed2.chain import Chain, ChainBlock
from sed2.errors import ResourceError

_FLOAT = 8  # bytes of a float64
_GB = 1e9
_UNIT_BATCH_BYTES = 64 * 2**20  # factors of one batch of units: large enough to be efficient
_COPIES = 3  # of every working array: itself, its fused producer, LAPACK's workspace


@dataclass(frozen=True)
class Plan:
    """How the items of `sed2.fisher.sample_spectra` are cut into pieces."""

    chunk: int
    """Items per call of the compiled program."""
    unit_batch: int
    """Units of a block whose factors stand in memory at the same time, per item."""
    bytes: int
    """Forecast of the peak."""


def make_plan(chain: Chain, items: int, samples: int, memory_gb: float | None) -> Plan:
    """Cut the work to the memory budget.

    Raises:
        ResourceError: even one draw at a time does not fit.
    """
    budget = memory_gb * _GB if memory_gb else default_budget()
    unit_batch = max(
        1,
        min(_UNIT_BATCH_BYTES // (_FLOAT * _factor_size(block, samples)) for block in chain.blocks),
    )
    kept = items * _FLOAT * sum(_spectrum_size(block, samples) for block in chain.blocks)
    item = _COPIES * _FLOAT * sum(_item_size(block, samples, unit_batch) for block in chain.blocks)
    if kept + item > budget:
        raise ResourceError(
            f"one draw of this model ({chain.parameters:,} parameters, N = {samples}) needs about "
            f"{item / _GB:,.1f} GB and the spectra of {items} draws {kept / _GB:,.1f} GB, "
            f"but the budget is {budget / _GB:,.1f} GB",
            mend="Take a smaller model, fewer --samples or --draws, or raise --memory-gb",
        )
    fitting = int((budget - kept) // item)
    pieces = math.ceil(items / min(fitting, items))
    chunk = math.ceil(items / pieces)  # of equal size, so that little of the last is padding
    return Plan(chunk, unit_batch, int(kept + chunk * item))


def default_budget() -> float:
    """Bytes: half of what the machine has free, at most 3 GB."""
    try:
        with open("/proc/meminfo") as lines:
            free = next(int(line.split()[1]) * 1024 for line in lines if "MemAvailable" in line)
    except (OSError, StopIteration):
        free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(free / 2, 3 * _GB)


def _factor_size(block: ChainBlock, samples: int) -> int:
    """Numbers in the factor of one unit."""
    return samples * min(samples, math.prod(block.input_shape) + 1)


def _spectrum_size(block: ChainBlock, samples: int) -> int:
    return math.prod(block.output_shape) * min(samples, math.prod(block.input_shape) + 1)


def _item_size(block: ChainBlock, samples: int, unit_batch: int) -> int:
    units = math.prod(block.output_shape)
    activations = samples * (math.prod(block.input_shape) + units)
    return block.parameters + activations + min(units, unit_batch) * _factor_size(block, samples)
