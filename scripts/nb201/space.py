"""The networks of NAS-Bench-201 (Dong and Yang, ICLR 2020, arXiv 2001.00326), section 2.1.

A stem (3 x 3 convolution, batch norm), three stages of equal cells with a residual block of stride
2 between them, which doubles the channels, and a head (batch norm, ReLU, global mean, dense).
"""

from __future__ import annotations

from dataclasses import dataclass

from sed2.blocks import Block
from sed2.blocks.cell import KERNEL, CellBlock
from sed2.blocks.conv import Conv
from sed2.blocks.dense import Dense
from sed2.blocks.elementwise import ActivationBlock
from sed2.blocks.network import Network
from sed2.blocks.norm import Norm
from sed2.blocks.pool import PoolBlock
from sed2.blocks.residual import Residual
from sed2.spec.schema import ModelSpec

CLASSES = 10
STAGES = 3


@dataclass(frozen=True)
class Size:
    """How large the networks are in which the cells are scored, and by how much work."""

    channels: int
    """C of the first stage."""
    cells: int
    """N, cells of a stage."""
    side: int
    """Pixels of an image's side, to which CIFAR-10's 32 are averaged."""
    samples: int
    """N inputs of the Fisher matrices."""
    draws: int
    """K."""


def cell(arch: str) -> CellBlock:
    """From the benchmark's notation, such as `|nor_conv_3x3~0|+|none~0|skip_connect~1|`.

    Raises:
        ValueError: it is none.
    """
    nodes = []
    for number, node in enumerate(arch.split("+")):
        edges = [edge.split("~") for edge in node.strip("|").split("|")]
        if [source for _, source in edges] != [str(earlier) for earlier in range(number + 1)]:
            raise ValueError(f"`{arch}` is no cell of NAS-Bench-201")
        nodes.append(tuple(operation for operation, _ in edges))
    return CellBlock.model_validate({"nodes": tuple(nodes)})


def network(arch: str, size: Size) -> ModelSpec:
    """The network of a cell; its blocks are the stem, cells, reductions and the head."""
    one, channels = cell(arch), size.channels
    blocks: list[Block] = [_conv(channels)]
    for stage in range(STAGES):
        if stage:
            channels *= 2
            blocks.append(_reduction(channels))
        blocks += [one] * size.cells
    head = (Norm(), ActivationBlock(), PoolBlock(kind="global"), Dense(features=CLASSES))
    return ModelSpec(arch, (*blocks, Network(head)))


def flops(arch: str, size: Size) -> int:
    """Twice the multiply-adds of one image, as the baseline of that name counts them."""
    kernels = [KERNEL[one] ** 2 for node in cell(arch).nodes for one in node if one in KERNEL]
    channels, pixels = size.channels, size.side**2
    total = 9 * 3 * channels * pixels
    for stage in range(STAGES):
        if stage:
            channels, pixels = 2 * channels, pixels // 4
            # Two of 3 x 3 and one of 1 x 1; the first and the last have half the channels.
            total += (9 * channels // 2 + 9 * channels + channels // 2) * channels * pixels
        total += size.cells * sum(kernels) * channels**2 * pixels
    return 2 * (total + channels * CLASSES)


def _conv(channels: int, strides: int = 1) -> Conv:
    return Conv(
        features=channels, kernel_size=3, strides=strides, padding=1, bias=False, norm="batch"
    )


def _reduction(channels: int) -> Residual:
    relu = ActivationBlock()
    return Residual(
        blocks=(relu, _conv(channels, strides=2), relu, _conv(channels)),
        shortcut=(
            PoolBlock(kind="avg", size=2),
            Conv(features=channels, kernel_size=1, bias=False),
        ),
    )
