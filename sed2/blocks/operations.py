"""The operations on the edges of a cell."""

from __future__ import annotations

from typing import Literal, get_args

Operation = Literal["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]
OPERATIONS: tuple[Operation, ...] = get_args(Operation)
KERNEL = {"nor_conv_1x1": 1, "nor_conv_3x3": 3}
"""Height and width of the kernels of the operations with parameters."""
