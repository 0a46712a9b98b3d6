"""Activations by themselves as modules."""

from __future__ import annotations

import jax
from flax import nnx

from sed2.blocks.activations import Activation
from sed2.blocks.modules.activations import ACTIVATIONS


class ElementwiseModule(nnx.Module):
    """An activation."""

    def __init__(self, activation: Activation) -> None:
        self.activation = activation

    def __call__(self, x: jax.Array) -> jax.Array:
        return ACTIVATIONS[self.activation](x)
