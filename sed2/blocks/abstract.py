"""A module's architecture and the shapes of its arrays, without any array."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
from flax import nnx


def abstract_split(make: Callable[[], nnx.Module], *filters: Any) -> tuple[Any, ...]:
    """`nnx.split(make(), *filters)`, whose states hold shapes instead of arrays.

    Unlike those of `nnx.eval_shape`, they hold arrays that are plain attributes as well: once it
    is a shape, such an attribute is no longer known to be an array.
    """
    found = []

    def states() -> tuple[Any, ...]:
        graphdef, *rest = nnx.split(make(), *filters)
        found.append(graphdef)
        return tuple(rest)

    shapes = jax.eval_shape(states)
    return (found[0], *shapes)
