"""The kinds of block a chain can be made of, one file each."""

from sed2.blocks import conv as conv  # all imported for their registration
from sed2.blocks import dense as dense
from sed2.blocks import flatten as flatten
from sed2.blocks.base import KINDS, Block, BlockSpec, Shape
from sed2.blocks.structure import Linearisable

__all__ = ["KINDS", "Block", "BlockSpec", "Linearisable", "Shape"]
