"""Random numbers, from an explicit key per block and draw.

XLA takes longer to compile a random generator in float64 than all else that sed2 does with a
small network, and it does so for every shape. So there is one program for all of them: flat,
of a padded length, uniform on (-1, 1). Parameters and noise are made from these numbers by
their inverse distribution functions, inside the programs that use them.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp

_SHORTEST = 2048
_PADDED_UP_TO = 2**16


def block_keys(seed: int, stream: int, draws: jax.Array) -> jax.Array:
    """(B,) keys of one block's draws; see `ChainBlock.stream`."""
    return _keys(jax.random.key(seed), stream, draws)


def uniforms(keys: jax.Array, count: int) -> jax.Array:
    """(B, at least count) independent numbers, uniform on the open interval (-1, 1).

    More are made than asked for, so that few lengths are compiled; slice them where they are used.
    """
    return _compiled_uniforms(keys, _padded(count))


def uniforms_within(keys: jax.Array, count: int) -> jax.Array:
    """The same numbers, within another compiled program."""
    return _uniforms(keys, _padded(count))


def _padded(count: int) -> int:
    if count > _PADDED_UP_TO:
        return count
    return max(_SHORTEST, 1 << (count - 1).bit_length())


def to_normal(uniform: jax.Array) -> jax.Array:
    """Standard normal numbers from numbers that are uniform on (-1, 1)."""
    return jnp.sqrt(2.0) * jax.lax.erf_inv(uniform)


@jax.jit
def _keys(seed_key: jax.Array, stream: jax.Array, draws: jax.Array) -> jax.Array:
    block_key = jax.random.fold_in(seed_key, stream)
    return jax.vmap(partial(jax.random.fold_in, block_key))(draws)


def _uniforms(keys: jax.Array, length: int) -> jax.Array:
    low = jnp.nextafter(-1.0, 0.0)  # -1 itself would be an infinite normal
    return jax.vmap(lambda key: jax.random.uniform(key, (length,), float, low, 1.0))(keys)


_compiled_uniforms = jax.jit(
    _uniforms, static_argnums=1, compiler_options={"xla_backend_optimization_level": 1}
)
"""Compiled in about half the time, and as fast."""
