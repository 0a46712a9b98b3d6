"""The ways to a block's spectrum, and the choice among them before any work.

In order of preference, the first that fits the memory and the work allowed:

1. `units`: the exact structure of the block, one small matrix per unit or channel;
2. `sampled units`: the same for a random subset of them, or for all, from the squared factor,
   which is two to three times cheaper and loses roots below 1e-7 of the largest. Under a measure
   that draws all parameters independently, the units of a layer are exchangeable, so their mean
   log-determinant is estimated without bias;
3. `jacobian`: no structure is known, the whole Jacobian fits;
4. `gram`: J J^T by products with J, where the outputs of all inputs are few;
5. `lanczos`: stochastic Lanczos quadrature by products with J, with an error of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from sed2.blocks.structure import Layout
from sed2.settings import SpectraSettings

FLOAT = 8  # bytes of a float64
COPIES = 3  # of every working array: itself, its fused producer, LAPACK's workspace
BATCH_BYTES = 64 * 2**20  # factors of one batch of units or inputs: large enough to be efficient
FEW = 10_000
"""Eigenvalues. Of more, no Lanczos quadrature tells those below 1e-7 of the largest from zeros, so
products in single precision are enough for it; of fewer it may be exact."""
_TALL = 2  # rows per column, from which on a Gram matrix costs less than half
MIN_UNITS = 8  # a sample's error is known to 1/sqrt(2 * 7) = 27%


@dataclass(frozen=True)
class Sizes:
    """What is known of a block before the work."""

    inputs: int
    """N."""
    outputs: int
    """Numbers in the output for one input; 1 for the rows of `empirical`."""
    parameters: int
    """d_j."""
    forward: int
    """Numbers that one application of the block to all inputs makes."""
    work: float
    """Floating-point operations of one application to all inputs."""
    layout: Layout | None
    """None if there is no structure, or the likelihood couples the units."""


@dataclass(frozen=True)
class Way:
    """How one block's spectrum is computed, for one item."""

    name: Literal["units", "jacobian", "gram", "lanczos"]
    batch: int
    """Units, inputs, products or probes worked on at a time."""
    samples: int
    """Units or probes that are taken."""
    population: float
    """Units there are; infinite for probes; equal to `samples` where nothing is sampled."""
    squared: bool = False
    """Whether the roots of a unit are those of its Gram matrix, not of the factor itself."""
    rank: int = 0
    """The largest that a unit's factor can have, if it has many more rows than columns: its Gram
    matrix is far cheaper then, and is taken where it is as good (`sed2.fisher.squares`)."""
    steps: int = 0
    """Lanczos steps."""
    numbers: int = 0
    """Uniform random numbers that it consumes."""
    bytes: int = 0
    """Forecast of the working memory, besides parameters and activations."""
    kept: int = 0
    """Numbers in the spectrum."""
    work: float = 0.0
    """Forecast of floating-point operations."""

    @property
    def numeric(self) -> Way:
        """What of it determines numbers: not the size of its batches."""
        return replace(self, batch=0, bytes=0)

    @property
    def sampling(self) -> float:
        """1 - samples / population, the finite-population factor of the sampling variance."""
        return 1 - self.samples / self.population

    def __str__(self) -> str:
        match self.name:
            case "units" if self.sampling:
                return f"by unit, {self.samples:,} of {int(self.population):,} at random"
            case "units" if self.squared:
                return "by unit, Gram matrices"
            case "units":
                return "exact, by unit"
            case "jacobian":
                return "exact, whole Jacobian"
            case "gram":
                return "exact, Gram matrix of the outputs"
            case _:
                probes = f"{self.samples} probe{'s' * (self.samples > 1)}"
                return f"Lanczos quadrature, {probes} of {self.steps} steps"


def ways(sizes: Sizes, settings: SpectraSettings, memory: float, work: float) -> list[Way]:
    """All ways that this block has, the preferred ones first.

    Args:
        sizes: of the block.
        settings: fisher, lanczos_steps, probes.
        memory: bytes that may stand at a time, for the size of the batches.
        work: operations allowed per item, for the size of a sample of units.
    """
    if sizes.layout is None:
        return [
            _jacobian(sizes),
            _gram(sizes, memory),
            _lanczos(sizes, settings.lanczos_steps, settings.probes),
        ]
    every = _by_unit(sizes, sizes.layout, settings.fisher, math.inf)
    if settings.fisher == "empirical":  # does not split by unit, so no sample stands for all
        return [every]
    return [every, _by_unit(sizes, sizes.layout, settings.fisher, work)]


def choose(candidates: list[Way], memory: float, work: float) -> Way | None:
    """The first that fits both limits; else the least work that fits the memory; else None."""
    fitting = [way for way in candidates if way.bytes <= memory]
    affordable = [way for way in fitting if way.work <= work]
    return affordable[0] if affordable else min(fitting, key=lambda way: way.work, default=None)


def _by_unit(sizes: Sizes, layout: Layout, fisher: str, work: float) -> Way:
    rows, columns = sizes.inputs * layout.positions, layout.parameters
    if layout.common:
        columns = min(rows, columns)
    small = min(rows, columns)
    each = 4.0 * rows * columns * small
    squared = not layout.shared and each * layout.units > work
    if squared:
        each = 2.0 * rows * columns * small + 4.0 * small**3
    shared = FLOAT * sizes.inputs * layout.scratch
    units = 1 if layout.shared else layout.units
    samples = units if each * units <= work else max(MIN_UNITS, int(work / each))
    samples = min(samples, units)
    is_tall = layout.positions > 1 and rows >= _TALL * columns
    is_tall &= not (squared or layout.shared or fisher == "empirical")
    factor = FLOAT * rows * columns
    batch = max(1, min(samples, BATCH_BYTES // factor))
    kept = samples * small
    if fisher == "empirical":
        each, kept = 4.0 * rows * layout.parameters, sizes.inputs
        factor = max(factor, FLOAT * sizes.inputs * max(2 * sizes.inputs, columns))
    return Way(
        "units",
        batch=batch,
        samples=samples,
        population=units,
        squared=squared,
        rank=columns - layout.redundant if is_tall else 0,
        numbers=0 if samples == units else units,
        bytes=COPIES * batch * factor + 2 * shared,
        kept=kept,
        work=each * samples,
    )


def _jacobian(sizes: Sizes) -> Way:
    rows, d = sizes.inputs * sizes.outputs, sizes.parameters
    small = min(rows, d)
    batch = max(1, min(sizes.inputs, BATCH_BYTES // (FLOAT * sizes.outputs * max(d, 1))))
    stands = d * d + batch * sizes.outputs * d if d < rows else rows * d
    return Way(
        "jacobian",
        batch=batch,
        samples=1,
        population=1,
        bytes=FLOAT * (COPIES * stands + sizes.forward),
        kept=small,
        work=4.0 * rows * d * small + 3 * sizes.outputs * sizes.work,
    )


def _gram(sizes: Sizes, memory: float) -> Way:
    rows = sizes.inputs * sizes.outputs
    product = FLOAT * (4 * sizes.forward + 2 * sizes.parameters)
    batch = int(max(1, min(rows, 16, memory / 2 // product)))
    return Way(
        "gram",
        batch=batch,
        samples=1,
        population=1,
        bytes=COPIES * FLOAT * rows * rows + batch * product,
        kept=rows,
        work=rows * 6 * sizes.work + 4.0 * rows**3,
    )


def _lanczos(sizes: Sizes, steps: int, probes: int) -> Way:
    small = min(sizes.inputs * sizes.outputs, sizes.parameters)
    steps = min(steps, small)
    product = FLOAT * (4 * sizes.forward + 2 * sizes.parameters)
    return Way(
        "lanczos",
        batch=1,
        samples=probes,
        population=math.inf,
        steps=steps,
        numbers=probes * small,
        bytes=product + COPIES * FLOAT * small * (steps if small <= FEW else 1),
        kept=probes * (6 * steps + 4),
        work=probes * steps * (6 * sizes.work + 10.0 * small),
    )
