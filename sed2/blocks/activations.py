"""Elementwise activations by the names that YAML accepts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import jax
import jax.numpy as jnp

Activation = Literal[
    "none", "identity", "relu", "gelu", "tanh", "sigmoid", "silu", "elu", "leaky_relu", "softplus"
]


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
