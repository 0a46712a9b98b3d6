"""Users' own networks, as a user would write them, in every form that is taken."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen, nnx


def sequential(rngs: nnx.Rngs) -> nnx.Sequential:
    return nnx.Sequential(
        nnx.Linear(4, 5, rngs=rngs), jax.nn.relu, jnp.tanh, nnx.Linear(5, 2, rngs=rngs)
    )


class Own(nnx.Module):
    """Cannot be split: one block. Batch norm is frozen, dropout is the identity."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.first = nnx.Linear(4, 5, rngs=rngs)
        self.norm = nnx.BatchNorm(5, rngs=rngs)
        self.dropout = nnx.Dropout(0.5, rngs=rngs)
        self.last = nnx.Linear(5, 2, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.last(self.dropout(jnp.tanh(self.norm(self.first(x)))))


class Linen(linen.Module):
    """The same idea in linen."""

    norm: bool = False

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        x = linen.Dense(5)(x)
        if self.norm:
            x = linen.BatchNorm(use_running_average=False)(x)
        return linen.Dense(2)(jnp.tanh(x))


def linen_network() -> Linen:
    return Linen()


def linen_with_batch_norm() -> Linen:
    return Linen(norm=True)


def pair() -> tuple[Any, Any]:
    def init(key: jax.Array, x: jax.Array) -> dict[str, jax.Array]:
        return {"w": jax.random.normal(key, (x.shape[-1], 2)), "b": jnp.zeros(2)}

    return init, lambda parameters, x: jnp.tanh(x @ parameters["w"] + parameters["b"])


def several() -> list[Any]:
    return [linen.Dense(5), jax.nn.relu, nnx.Linear(5, 2, rngs=nnx.Rngs(0))]


def fixed() -> nnx.Module:
    return Own(nnx.Rngs(0))


class Odd(nnx.Module):
    """Keeps numbers that are no parameters."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.linear = nnx.Linear(4, 2, rngs=rngs)
        self.gain = nnx.Variable(jnp.ones(3))

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.linear(x) * self.gain[0]


def odd(rngs: nnx.Rngs) -> Odd:
    return Odd(rngs)


def nothing() -> Any:
    return [jax.nn.relu]


def number() -> int:
    return 3


def wrong_width(rngs: nnx.Rngs) -> nnx.Module:
    return nnx.Linear(7, 2, rngs=rngs)
