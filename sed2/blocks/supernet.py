"""Blocks that are masks of one network, their *supernet*, and share its compiled programs.

The mask is an argument of the program, not a constant of it. What is masked out has no parameters:
the program takes the block's own ones, filled up to one of a few lengths, and puts each in its
place. So d is the block's own, and its spectrum that of the same block by itself, to rounding; by
Lanczos quadrature, whose probes have that length, up to the error of these.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sed2.blocks.base import Block, Shape

if TYPE_CHECKING:
    import jax
    from flax import nnx

_FEWEST = 32


class Masked:
    """Of a module that can be given a mask."""

    mask: nnx.Cache[jax.Array] | None = None


class Mask(NamedTuple):
    """What of its supernet a block is."""

    masks: tuple[np.ndarray, ...]
    """`Block.masks`."""
    places: Any
    """(columns,) of the block's parameters among those of the supernet; then numbers beyond."""
    parameters: int
    """d, how many parameters the block has."""

    def spread(self, numbers: jax.Array, length: int) -> jax.Array:
        """From the numbers of the block by itself to those of its supernet: of each parameter that
        the block has the same, zeros for the others, `length` in all; then what comes after."""
        import jax.numpy as jnp

        drawn = jnp.zeros(length).at[self.places].set(numbers[: len(self.places)], mode="drop")
        return jnp.roll(numbers, length - self.parameters).at[:length].set(drawn)

    def put_on(self, module: nnx.Module) -> None:
        """Mask the module of the supernet, whose modules come in the order of its blocks."""
        import jax.numpy as jnp
        from flax import nnx

        inner = [each for _, each in nnx.iter_modules(module) if isinstance(each, Masked)]
        for each, mask in zip(inner, self.masks, strict=True):
            each.mask = nnx.Cache(jnp.asarray(mask))


def mask_of(block: Block, input_shape: Shape) -> Mask | None:
    """What of its supernet it is; None if it is no mask of any."""
    if not block.masks:
        return None
    mine, whole = _places(block, input_shape), _places(block.supernet, input_shape)
    own = np.concatenate([whole[path] for path in mine])
    beyond = sum(map(len, whole.values()))
    filled = np.full(columns(block, input_shape), beyond)
    filled[: len(own)] = own
    return Mask(block.masks, filled, len(own))


def columns(block: Block, input_shape: Shape) -> int:
    """How many parameters its compiled program takes: its own, in steps of sqrt(2) if it is a mask,
    so that there are few programs."""
    count = block.parameter_count(input_shape)
    if not block.masks:
        return count
    steps = math.ceil(2 * math.log2(max(count, _FEWEST)))
    return min(math.ceil(2 ** (steps / 2)), block.supernet.parameter_count(input_shape))


@lru_cache(maxsize=256)
def _places(block: Block, input_shape: Shape) -> dict[str, np.ndarray]:
    """By path, where each array of parameters stands among all of the block."""
    import jax
    from flax import nnx

    from sed2.blocks.abstract import abstract_split

    with jax.enable_x64(True):
        _, state, _ = abstract_split(lambda: block.build(input_shape, nnx.Rngs(0)), nnx.Param, ...)
    leaves = jax.tree_util.tree_leaves_with_path(state)
    ends = np.cumsum([leaf.size for _, leaf in leaves])
    return {
        jax.tree_util.keystr(path): np.arange(end - leaf.size, end)
        for (path, leaf), end in zip(leaves, ends, strict=True)
    }
