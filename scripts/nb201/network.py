"""One draw of a network of NAS-Bench-201 in NumPy: forward, backward, and Jacobians of its blocks.

On images of 8 x 8 pixels every convolution is a small dense matrix, so that all work is in matrix
products, nothing is compiled, and a cell takes seconds where sed2's own way, which knows nothing of
cells, takes ten times as long. The draws are sed2's; `tests/scripts/nb201` holds the spectra and
the baselines against sed2's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np

from sed2.blocks import Block
from sed2.blocks.cell import KERNEL, CellBlock
from sed2.blocks.conv import Conv
from sed2.blocks.dense import Dense
from sed2.blocks.elementwise import ActivationBlock
from sed2.blocks.network import Network
from sed2.blocks.norm import Norm
from sed2.blocks.pool import PoolBlock
from sed2.blocks.residual import Residual
from sed2.chain import ChainBlock, Joined

EPSILON = 1e-5  # of batch norm


@dataclass
class Step:
    """From one value to another: y += (x or relu(x)) by a linear map, then a frozen batch norm."""

    source: int
    target: int
    matrix: np.ndarray | None
    """(P C, P' C'); None for the identity."""
    slope: np.ndarray | None = None
    """(N, P C) derivative of the ReLU before the map; None if there is none."""
    patches: np.ndarray | None = None
    """(N, P', k) what the kernel is multiplied with; None if there is no kernel."""
    kernel: np.ndarray | None = None
    """(k, C')."""
    deviation: np.ndarray | float = 1.0
    """(C',) of batch norm."""
    standardised: np.ndarray | None = None
    """(N, P', C') what the scale is multiplied with; None if there is none."""
    shifted: bool = False
    """Whether there is a shift or a bias."""

    def jacobian(self, cotangents: np.ndarray) -> Iterator[np.ndarray]:
        """(N, O, columns) of all parameters, for cotangents (N, O, P', C') of the target."""
        rows, outputs, positions = cotangents.shape[:3]
        if self.patches is not None:
            scaled = (cotangents / self.deviation).transpose(0, 1, 3, 2)
            product = scaled.reshape(rows, -1, positions) @ self.patches
            yield product.reshape(rows, outputs, -1)
        if self.standardised is not None:
            yield (cotangents * self.standardised[:, None]).sum(axis=2)
        if self.shifted:
            yield cotangents.sum(axis=2)

    def grams(self) -> Iterator[np.ndarray]:
        """(N P', N P') J J^T of each channel of the target, by the parameters of this channel."""
        channels = 0 if self.standardised is None else self.standardised.shape[2]
        if self.kernel is not None:
            channels = self.kernel.shape[1]
        for channel in range(channels):
            own: Any = float(self.shifted)
            if self.patches is not None:
                rows = self.patches.reshape(-1, self.patches.shape[2])
                own = own + rows @ rows.T / np.broadcast_to(self.deviation, channels)[channel] ** 2
            if self.standardised is not None:
                scale = self.standardised[..., channel].ravel()
                own = own + np.outer(scale, scale)
            yield own

    def slopes(self, cotangents: np.ndarray) -> list[np.ndarray]:
        """Of all parameters, for one cotangent (N, P', C') of the target of every input."""
        found = []
        if self.patches is not None:
            rows = self.patches.reshape(-1, self.patches.shape[2])
            found.append(rows.T @ (cotangents / self.deviation).reshape(len(rows), -1))
        if self.standardised is not None:
            found.append((cotangents * self.standardised).sum(axis=(0, 1)))
        if self.shifted:
            found.append(cotangents.sum(axis=(0, 1)))
        return found

    def push(
        self, tangent: np.ndarray, slopes: list[np.ndarray], shape: tuple[int, ...]
    ) -> np.ndarray:
        """(N, P', C') how the target moves with the source (N, P C) and the parameters."""
        given = iter(slopes)
        moved = tangent if self.slope is None else tangent * self.slope
        moved = moved if self.matrix is None else moved @ self.matrix
        if self.patches is not None:
            kernel = next(given)
            moved = moved + (self.patches @ kernel).reshape(moved.shape)
        moved = moved.reshape(shape) / self.deviation
        if self.standardised is not None:
            moved = moved + self.standardised * next(given)
        return moved + next(given) if self.shifted else moved

    def back(self, cotangents: np.ndarray) -> np.ndarray:
        """(N, O, P C) of the source."""
        rows, outputs = cotangents.shape[:2]
        scaled = (cotangents / self.deviation).reshape(rows * outputs, -1)
        if self.matrix is not None:
            scaled = scaled @ self.matrix.T
        scaled = scaled.reshape(rows, outputs, -1)
        return scaled if self.slope is None else scaled * self.slope[:, None]


@dataclass
class Run:
    """A network or some of its blocks on inputs: its steps, and the values between them.

    Args:
        x: (N, H, W, C).
        take: the next so many parameters, uniform on (-1, 1), in the order of sed2.
        flow: as synflow has it: all parameters at their absolute values, no batch norm.
    """

    x: np.ndarray
    take: Callable[[int], np.ndarray]
    flow: bool = False
    steps: list[Step] = field(default_factory=list)
    values: list[np.ndarray] = field(default_factory=list)
    """(N, P, C) each."""
    codes: list[np.ndarray] = field(default_factory=list)
    """(N, units) whether each ReLU is on."""

    def __post_init__(self) -> None:
        self.values = [self.x.reshape(len(self.x), -1, self.x.shape[-1])]

    def apply(self, block: Block) -> None:
        """One more block after the others."""
        last = len(self.values) - 1
        match block:
            case Network():
                for each in block.blocks:
                    self.apply(each)
            case Joined():
                self.apply(block.before)
                self.apply(block.block)
            case Conv():
                self._conv(last, self._new(), block)
            case CellBlock():
                self._cell(last, block)
            case Residual():
                self._residual(last, block)
            case ActivationBlock():
                self._add(Step(last, self._new(), None, self._relu(last)))
            case Norm():
                self.take(2 * self.values[last].shape[2])
                self._normed(Step(last, self._new(), None), self.values[last])
            case PoolBlock():
                self._add(Step(last, self._new(), self._mean(last)))
            case Dense():
                self._dense(last, block)
            case _:
                raise TypeError(f"{type(block).__name__} is in no network of NAS-Bench-201")

    def gram(self, parameters: int) -> np.ndarray:
        """The smaller of J^T J and J J^T, for the Jacobian J (N outputs, d) of the last value."""
        rows, positions, channels = self.values[-1].shape
        outputs = positions * channels
        eye = np.broadcast_to(np.eye(outputs), (rows, outputs, outputs))
        if parameters <= rows * outputs:
            parts = [part for step, each in self._reversed(eye) for part in step.jacobian(each)]
            whole = np.concatenate(parts, axis=2).reshape(rows * outputs, -1)
            return whole.T @ whole
        total = np.zeros((rows * outputs, rows * outputs))
        by_channel = total.reshape(rows * positions, channels, rows * positions, channels)
        for step, gradients in self._reversed(eye):
            if step.target == len(self.values) - 1:  # each channel has parameters of its own
                for channel, own in enumerate(step.grams()):
                    by_channel[:, channel, :, channel] += own
                continue
            for part in step.jacobian(gradients):
                some = part.reshape(rows * outputs, -1)
                total += some @ some.T
        return total

    def product(self, vector: np.ndarray) -> np.ndarray:
        """J J^T with a vector (N outputs,), for the Jacobian J of the last value."""
        cotangents = vector.reshape(len(self.x), 1, -1)
        slopes = [step.slopes(each[:, 0]) for step, each in self._reversed(cotangents)]
        tangents = [np.zeros(value.shape, vector.dtype) for value in self.values]
        for step, own in zip(self.steps, reversed(slopes), strict=True):
            source = tangents[step.source].reshape(len(self.x), -1)
            tangents[step.target] += step.push(source, own, tangents[step.target].shape)
        return tangents[-1].ravel()

    def in_single_precision(self) -> Run:
        """The same for `product`, which takes half the time."""
        narrow = copy(self)
        narrow.steps = [
            replace(
                step,
                **{
                    name: np.float32(getattr(step, name))
                    for name in ("matrix", "slope", "patches", "standardised", "deviation")
                    if getattr(step, name) is not None
                },
            )
            for step in self.steps
        ]
        return narrow

    def saliency(self, cotangents: np.ndarray) -> list[np.ndarray]:
        """weight times gradient of every kernel, for cotangents (N, outputs)."""
        found = []
        for step, gradients in self._reversed(cotangents[:, None]):
            if step.kernel is not None:
                gradient = next(step.jacobian(gradients)).sum(axis=(0, 1))
                found.append(step.kernel.T.ravel() * gradient)
        return found

    def to_input(self, cotangents: np.ndarray) -> np.ndarray:
        """(N, inputs) gradients, for cotangents (N, outputs)."""
        for _ in self._reversed(cotangents[:, None]):
            pass
        return self._cotangents[0][:, 0]

    def _reversed(self, cotangents: np.ndarray) -> Iterator[tuple[Step, np.ndarray]]:
        """Every step with the cotangents (N, O, P', C') of its target, from the last one on."""
        self._cotangents: dict[int, Any] = {len(self.values) - 1: cotangents}
        for step in reversed(self.steps):
            given = self._cotangents.get(step.target)
            if given is None:  # nothing comes from there
                shape = (*cotangents.shape[:2], self.values[step.target][0].size)
                given = np.zeros(shape, cotangents.dtype)
            given = given.reshape(*cotangents.shape[:2], *self.values[step.target].shape[1:])
            yield step, given
            before = self._cotangents.get(step.source, 0.0)
            self._cotangents[step.source] = before + step.back(given)

    def _new(self) -> int:
        """Number of a value that is made by the steps to come."""
        self.values.append(np.zeros(0))
        return len(self.values) - 1

    def _relu(self, source: int) -> np.ndarray:
        """(N, P C) the slope at a value."""
        on = self.values[source].reshape(len(self.x), -1) > 0
        self.codes.append(on)
        return on.astype(float)

    def _add(self, step: Step, channels: int = 0) -> None:
        """Make a step that has no parameters, or no norm."""
        x = self.values[step.source].reshape(len(self.x), -1)
        made = x if step.slope is None else x * step.slope
        made = made if step.matrix is None else made @ step.matrix
        self._put(step, made.reshape(len(x), -1, channels or self.values[step.source].shape[2]))

    def _put(self, step: Step, made: np.ndarray) -> None:
        held = self.values[step.target]
        self.values[step.target] = held + made if held.size else made
        self.steps.append(step)

    def _normed(self, step: Step, z: np.ndarray) -> None:
        """A step whose outputs z (N, P', C') are standardised; scale 1 and shift 0."""
        if not self.flow:
            step.deviation = np.sqrt(z.var(axis=(0, 1)) + EPSILON)
            z = (z - z.mean(axis=(0, 1))) / step.deviation
        step.standardised, step.shifted = z, True
        self._put(step, z)

    def _conv(self, source: int, target: int, block: Conv, *, relu: bool = False) -> None:
        side, strides = _number(block.kernel_size), _number(block.strides)
        self._convolve(source, target, side, strides, block.features, block.norm != "none", relu)

    def _convolve(
        self,
        source: int,
        target: int,
        side: int,
        strides: int,
        features: int,
        norm: bool,
        relu: bool,
    ) -> None:
        """A convolution without bias, zeros around the image, maybe with a norm after it."""
        x = self.values[source]
        slope = self._relu(source) if relu else None
        x = x if slope is None else x * slope.reshape(x.shape)
        kernel = self._kernel((side * side * x.shape[2], features))
        image, (_, places) = math.isqrt(x.shape[1]), _taps(math.isqrt(x.shape[1]), side, strides)
        padded = np.concatenate([x, np.zeros((len(x), 1, x.shape[2]))], axis=1)
        patches = padded[:, places].reshape(len(x), len(places), -1)
        step = Step(source, target, _matrix(kernel, image, side, strides), slope, patches, kernel)
        z = patches @ kernel
        if norm:
            self.take(2 * features)
            self._normed(step, z)
        else:
            self._put(step, z)

    def _kernel(self, shape: tuple[int, int]) -> np.ndarray:
        """As `torch` draws it: U(-1/sqrt(fan_in), 1/sqrt(fan_in))."""
        drawn = self.take(math.prod(shape)).reshape(shape) / math.sqrt(shape[0])
        return np.abs(drawn) if self.flow else drawn

    def _cell(self, source: int, block: CellBlock) -> None:
        nodes, channels = [source], self.values[source].shape[2]
        for operations in block.nodes:
            target = self._new()
            for earlier, operation in zip(nodes, operations, strict=True):
                if operation in KERNEL:
                    self._convolve(earlier, target, KERNEL[operation], 1, channels, True, True)
                elif operation == "skip_connect":
                    self._add(Step(earlier, target, None))
                elif operation == "avg_pool_3x3":
                    around = _mean_around(math.isqrt(self.values[source].shape[1]))
                    self._add(Step(earlier, target, np.kron(around, np.eye(channels))))
            if not self.values[target].size:
                self.values[target] = np.zeros_like(self.values[source])
            nodes.append(target)

    def _residual(self, source: int, block: Residual) -> None:
        """Of the reductions: ReLU and convolution twice; mean of 2 x 2 and convolution around."""
        _, first, _, second = block.blocks
        pool, around = block.shortcut
        assert isinstance(first, Conv)
        assert isinstance(second, Conv)
        assert isinstance(pool, PoolBlock)
        assert isinstance(around, Conv)
        middle, pooled = self._new(), self._new()
        target = self._new()
        self._conv(source, middle, first, relu=True)
        self._conv(middle, target, second, relu=True)
        image, channels = math.isqrt(self.values[source].shape[1]), self.values[source].shape[2]
        self._add(Step(source, pooled, np.kron(_halved(image), np.eye(channels))))
        self._conv(pooled, target, around)

    def _mean(self, source: int) -> np.ndarray:
        _, positions, channels = self.values[source].shape
        return np.kron(np.full((positions, 1), 1 / positions), np.eye(channels))

    def _dense(self, source: int, block: Dense) -> None:
        x = self.values[source]
        width = x.shape[2]
        bias = self.take(block.features) / math.sqrt(width)  # its name comes first
        kernel = self._kernel((width, block.features))
        step = Step(source, self._new(), kernel, None, x, kernel, shifted=True)
        self._put(step, x @ kernel + (np.abs(bias) if self.flow else bias))


def run(
    block: ChainBlock | Block, x: np.ndarray, numbers: np.ndarray, *, flow: bool = False
) -> Run:
    """One block, or a network, on inputs (N, H, W, C) under parameters from uniform numbers."""
    taken = 0

    def take(count: int) -> np.ndarray:
        nonlocal taken
        taken += count
        return numbers[taken - count : taken]

    made = Run(x, take, flow)
    made.apply(block.block if isinstance(block, ChainBlock) else block)
    return made


@cache
def _taps(image: int, side: int, strides: int) -> tuple[int, np.ndarray]:
    """Side of the output; and (P', side^2) which pixel each entry of the kernel sees at each place,
    `image**2` for the zeros around."""
    pad, out = side // 2, -(-image // strides)
    starts = np.arange(out) * strides - pad
    along = starts[:, None] + np.arange(side)  # (out, side)
    outside = (along < 0) | (along >= image)
    rows, columns = np.broadcast_arrays(
        along[:, None, :, None], along[None, :, None, :]
    )  # (out, out, side, side)
    hidden = outside[:, None, :, None] | outside[None, :, None, :]
    places = np.where(hidden, image**2, rows * image + columns)
    return out, places.reshape(out * out, side * side)


def _matrix(kernel: np.ndarray, image: int, side: int, strides: int) -> np.ndarray:
    """(P C, P' C') of the convolution by a kernel (side^2 C, C')."""
    _, places = _taps(image, side, strides)
    channels = len(kernel) // side**2
    matrix = np.zeros((image**2 + 1, channels, len(places), kernel.shape[1]))
    entries = kernel.reshape(side**2, channels, -1)
    for tap in range(side**2):
        matrix[places[:, tap], :, np.arange(len(places))] += entries[tap]
    return matrix[:-1].reshape(image**2 * channels, -1)


@cache
def _mean_around(image: int) -> np.ndarray:
    """(P, P') means of 3 x 3 pixels, of those within the image."""
    _, places = _taps(image, 3, 1)
    matrix = np.zeros((image**2 + 1, len(places)))
    for seen in places.T:
        matrix[seen, np.arange(len(places))] += 1
    return matrix[:-1] / matrix[:-1].sum(axis=0)


@cache
def _halved(image: int) -> np.ndarray:
    """(P, P') means of 2 x 2 pixels."""
    half = np.kron(np.eye(image // 2), np.full((2, 1), 0.5))
    return np.kron(half, half)


def _number(size: Any) -> int:
    assert isinstance(size, int)
    return size
