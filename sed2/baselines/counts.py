"""Counts of the architecture: parameters, operations, depth, width. No parameter is drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sed2.baselines.base import Candidate
from sed2.baselines.results import BaselineValue
from sed2.baselines.tracing import multiply_adds, trace
from sed2.chain import Chain


def parameters(chain: Chain) -> BaselineValue:
    """d."""
    return BaselineValue(float(chain.parameters))


def flops(chain: Chain) -> BaselineValue:
    """Two for each multiply-add of one forward pass of one input."""
    count = multiply_adds(trace(chain).jaxpr)
    if count is None:
        return BaselineValue(float("nan"), "it has a loop whose length is not known in advance")
    return BaselineValue(2.0 * count)


def depth(chain: Chain) -> BaselineValue:
    """L, the number of blocks with parameters."""
    return BaselineValue(float(len(chain.blocks)))


def narrowest_width(chain: Chain) -> BaselineValue:
    """The fewest units, channels or features (the last axis) that a hidden block puts out."""
    hidden = [block.output_shape[-1] for block in chain.blocks[:-1]]
    if not hidden:
        return BaselineValue(float("nan"), "it has one block only, so no hidden width")
    return BaselineValue(float(min(hidden)))


_COUNTS: dict[str, Callable[[Chain], BaselineValue]] = {
    "parameters": parameters,
    "flops": flops,
    "depth": depth,
    "narrowest_width": narrowest_width,
}


def measure_counts(
    candidate: Candidate, names: Sequence[str], progress: Callable[[int], None]
) -> dict[str, BaselineValue]:
    """The counts of these names."""
    return {name: _COUNTS[name](candidate.chain) for name in names}
