"""Fan-in and fan-out by what consumes a kernel, whatever its shape."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import pytest
from flax import nnx

from sed2.blocks.contractions import contractions, weights
from tests import networks


def apart(module: nnx.Module) -> tuple[Any, ...]:
    module.eval()
    return nnx.split(module, nnx.Param, ...)


def fans(module: nnx.Module, width: int = 8) -> dict[str, set[Any]]:
    return {
        ".".join(path): set(found)
        for path, found in contractions(*apart(module), (width,)).items()
        if path[-1] not in ("bias", "queries")
    }


@pytest.mark.parametrize("network", [networks.Scanned, networks.Looped])
def test_layers_in_a_loop_have_the_fans_of_one(network: Any) -> None:
    assert fans(network(nnx.Rngs(0))) == {"layers.linear.kernel": {(8, 8)}}


def test_layers_beside_each_other_share_their_inputs() -> None:
    assert fans(networks.Ensemble(nnx.Rngs(0))) == {"layers.linear.kernel": {(8, 6 * 8)}}


def test_a_stack_of_convolutions() -> None:
    assert fans(networks.Image(nnx.Rngs(0)), 32) == {"stack.kernel": {(9 * 2, 9 * 3)}}


def test_attention_with_learned_queries() -> None:
    """Every projection has the fans of an affine map of 8 features to 8; a query has none."""
    module = networks.Queries(nnx.Rngs(0))
    assert list(fans(module).values()) == [{(8, 8)}] * 4
    named = dict(
        zip(contractions(*apart(module), (8,)), weights(*apart(module), (8,)), strict=True)
    )
    assert {path[-1] for path, is_one in named.items() if is_one} == {"kernel"}


def routed(x: jax.Array, kernel: jax.Array) -> jax.Array:
    return jnp.einsum("bd,bdh->bh", x, kernel[x[:, :3].argmax(-1)])


def normalised(x: jax.Array, kernel: jax.Array) -> jax.Array:
    return jnp.einsum("bd,sdh->bsh", x, kernel / jnp.linalg.norm(kernel, axis=1, keepdims=True))


@pytest.mark.parametrize(
    ("shape", "function", "want"),
    [
        ((8, 5), lambda x, w: x @ w, (8, 5)),
        ((5, 8), lambda x, w: x @ w.T, (8, 5)),
        ((4, 8, 3), lambda x, w: jnp.einsum("bd,ndh->bnh", x, w), (8, 12)),
        ((4, 2, 5), lambda x, w: jnp.einsum("bnh,nhd->bd", x.reshape(-1, 4, 2), w), (8, 5)),
        ((4, 2, 5), lambda x, w: x @ w.reshape(8, 5), (8, 5)),
        ((3, 8, 5), lambda x, w: jnp.einsum("bd,edh->beh", x, w), (8, 15)),
        ((3, 8, 5), routed, (8, 5)),
        ((2, 8, 5), normalised, (8, 10)),
        ((8, 10), lambda x, w: sum(x @ part for part in jnp.split(w, 2, axis=1)), (8, 5)),
        ((8, 5), lambda x, w: jax.checkpoint(lambda x, w: x @ w.astype("float32"))(x, w), (8, 5)),
        ((8,), lambda x, w: (x @ w)[:, None], (8, 1)),
    ],
)
def test_the_terms_of_a_sum_are_the_fan_in(shape: Any, function: Any, want: Any) -> None:
    module = networks.Multiplied(shape, function)
    assert fans(module) == {"kernel": {want}}
    assert weights(*apart(module), (8,)) == [True]


def halves(x: jax.Array, kernel: jax.Array) -> jax.Array:
    return x[:, :4] @ kernel[:4] + x[:, 4:] @ kernel[4:]


def several_uses(x: jax.Array, kernel: jax.Array) -> jax.Array:
    return (x @ kernel) @ kernel.T


def token(x: jax.Array, kernel: jax.Array) -> jax.Array:
    tokens = jnp.concatenate([jnp.broadcast_to(kernel[:1], (len(x), 8)), x + kernel[1]])
    return tokens @ jnp.ones((8, 2))


@pytest.mark.parametrize(
    ("shape", "function", "found", "weight"),
    [
        ((8, 5), halves, {None}, True),
        ((8, 5), lambda x, w: (x[..., None] * w).sum(1), set(), False),
        ((8,), lambda x, w: (x * w) @ jnp.ones((8, 3)), set(), False),
        ((8, 4), several_uses, {(8, 4), (4, 8)}, True),
        ((2, 8), token, set(), False),
        ((9, 4), lambda x, w: w[x.astype(int)] @ jnp.ones((4, 2)), set(), False),
    ],
)
def test_what_is_not_one_sum_is_not_taken_for_one(
    shape: Any, function: Any, found: set[Any], weight: bool
) -> None:
    module = networks.Multiplied(shape, function)
    assert fans(module) == {"kernel": found}
    assert weights(*apart(module), (8,)) == [weight]
