"""What the activations are, by their names."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import jax
import jax.numpy as jnp

from sed2.blocks.activations import LINEAR, Activation


def identity(x: jax.Array) -> jax.Array:
    """The linear unit; the Fisher code recognises it, since then all units share one spectrum."""
    return x


ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "none": identity,
    "identity": identity,
    "relu": jax.nn.relu,
    "gelu": jax.nn.gelu,
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "silu": jax.nn.silu,
    "elu": jax.nn.elu,
    "leaky_relu": jax.nn.leaky_relu,
    "softplus": jax.nn.softplus,
}

assert set(ACTIVATIONS) == set(get_args(Activation))
assert {name for name, its in ACTIVATIONS.items() if its is identity} == set(LINEAR)
