"""The kinds of block a chain can be made of."""

from sed2.blocks import attention as attention  # all imported for their registration
from sed2.blocks import cell as cell
from sed2.blocks import conv as conv
from sed2.blocks import dense as dense
from sed2.blocks import elementwise as elementwise
from sed2.blocks import flatten as flatten
from sed2.blocks import norm as norm
from sed2.blocks import pool as pool
from sed2.blocks import residual as residual
from sed2.blocks import tokens as tokens
from sed2.blocks.base import KINDS, Block, BlockOptions, Shape
from sed2.blocks.structure import Linearisable

__all__ = ["KINDS", "Block", "BlockOptions", "Linearisable", "Shape"]
