"""Counts of the architecture: parameters, operations, depth, width. No parameter is drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sed2.baselines.base import BaselineMeasure, Candidate, Family
from sed2.baselines.results import BaselineValue
from sed2.chain import Chain, dense_layers


def parameters(chain: Chain) -> BaselineValue:
    """d."""
    return BaselineValue(float(chain.parameters))


def flops(chain: Chain) -> BaselineValue:
    """Two for each multiply-add of one forward pass of one input."""
    layers = [dense_layers(block.block, block.input_shape) for block in chain.blocks]
    if all(layers):
        weights = chain.parameters - sum(
            layer.bias * layer.features for its in layers for layer in its
        )
        return BaselineValue(2.0 * weights)
    from sed2.baselines.tracing import multiply_adds, trace

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


@dataclass(frozen=True)
class Count(BaselineMeasure):
    """A number of the architecture."""

    of: Callable[[Chain], BaselineValue]


def _count(
    candidate: Candidate, wanted: Sequence[Count], progress: Callable[[int], None]
) -> dict[str, BaselineValue]:
    return {measure.name: measure.of(candidate.chain) for measure in wanted}


COUNTS = Family(
    measures=(
        Count(
            "parameters",
            "number of parameters, d (Krishnakumar et al. 2022, arXiv 2210.03230)",
            parameters,
        ),
        Count(
            "flops",
            "twice the multiply-adds for one input (Krishnakumar et al. 2022, arXiv 2210.03230)",
            flops,
        ),
        Count(
            "depth",
            "number of blocks with parameters (Telgarsky 2016, arXiv 1602.04485)",
            depth,
        ),
        Count(
            "narrowest_width",
            "fewest units or channels of a hidden block (Johnson 2019, arXiv 1810.00393)",
            narrowest_width,
        ),
    ),
    steps=lambda settings: 0,
    run=_count,
)
