"""Residual blocks as modules."""

from __future__ import annotations

import jax
from flax import nnx

from sed2.blocks.activations import Activation
from sed2.blocks.modules.activations import ACTIVATIONS


class ResidualModule(nnx.Module):
    """The module of a `Residual` block."""

    def __init__(self, branch: nnx.Module, shortcut: nnx.Module, activation: Activation) -> None:
        self.branch, self.shortcut, self.activation = branch, shortcut, activation

    def __call__(self, x: jax.Array) -> jax.Array:
        return ACTIVATIONS[self.activation](self.branch(x) + self.shortcut(x))
