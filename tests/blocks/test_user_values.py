"""Values of users' networks against dense Fisher matrices of the same networks written by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import sed2
from sed2.blocks.base import Shape
from sed2.blocks.factory import split
from sed2.blocks.freeze import freeze
from sed2.chain import build_chain
from sed2.common.randomness import block_keys, uniforms
from sed2.errors import NumericsError
from sed2.fisher.items import Items
from sed2.fisher.plan import make_plan
from sed2.fisher.sample import sample_spectra
from sed2.priors import draw_module
from sed2.settings import Settings, parse_prior
from tests import networks, reference

SAMPLES, SIGMA, AMPLITUDES = 7, 0.1, (1e1, 1e3, 1e6)  # the last are 1 / eps

Function = Callable[[Any, jax.Array, jax.Array], jax.Array]
"""From the elements of a block, inputs, and all inputs, to outputs: the network written by hand."""


@dataclass
class Case:
    """A network of one block, under this chain."""

    network: Any
    parameters: int
    by_hand: Function
    shape: Shape = (4,)
    chain: Any = "blocks"


def hidden(middle: Callable[[jax.Array], jax.Array] = lambda h: h) -> Function:
    return lambda e, x, _: e[0].last(middle(jnp.tanh(e[0].first(x))))


def batch_norm(norm: nnx.BatchNorm, z: jax.Array, every: jax.Array) -> jax.Array:
    """By the statistics of `every`, which are constants in the derivative."""
    mean, var = jax.lax.stop_gradient((every.mean(axis=0), every.var(axis=0)))
    assert norm.scale is not None
    assert norm.bias is not None
    return norm.scale[...] * (z - mean) / jnp.sqrt(var + norm.epsilon) + norm.bias[...]


def normed(e: Any, x: jax.Array, every: jax.Array) -> jax.Array:
    net = e[0]
    return net.last(jnp.tanh(batch_norm(net.norm, net.first(x), net.first(every))))


def layer_of_stack(layers: Any, number: int, x: jax.Array, every: jax.Array) -> jax.Array:
    graphdef, state = nnx.split(layers)
    layer = nnx.merge(graphdef, jax.tree.map(lambda leaf: leaf[number], state))
    return jnp.tanh(batch_norm(layer.norm, layer.linear(x), layer.linear(every)))


def stacked(e: Any, x: jax.Array, every: jax.Array) -> jax.Array:
    for number in range(3):
        x, every = (layer_of_stack(e[0].layers, number, of, every) for of in (x, every))
    return x


def abreast(e: Any, x: jax.Array, every: jax.Array) -> jax.Array:
    parts = [layer_of_stack(e[0].layers, number, x, every) for number in range(3)]
    return jnp.concatenate(parts, axis=1)


def recurrent(e: Any, x: jax.Array, _: jax.Array) -> jax.Array:
    carry = jnp.zeros((len(x), 5))
    for t in range(x.shape[1]):
        carry, _ = e[0].rnn.cell(carry, x[:, t])
    return e[0].last(carry)


def bridged(e: Any, x: jax.Array, _: jax.Array) -> jax.Array:
    first, last = e[0].Dense_0, e[0].Dense_1
    inner = jnp.tanh(x @ first["kernel"][...] + first["bias"][...])
    return inner @ last["kernel"][...] + last["bias"][...]


def linen_mode(e: Any, x: jax.Array, _: jax.Array) -> jax.Array:
    first, last = e[0].parameters["Dense_0"], e[0].parameters["Dense_1"]
    inner = jnp.tanh(x @ first["kernel"][...] + first["bias"][...])
    return inner @ last["kernel"][...] + last["bias"][...]


def weight_norm(e: Any, x: jax.Array, _: jax.Array) -> jax.Array:
    layer = e[0].layer_instance
    w = layer.kernel[...]
    return x @ (w / jnp.sqrt((w**2).sum(axis=0) + 1e-12)) + layer.bias[...]


def used_twice(e: Any, x: jax.Array, _: jax.Array) -> jax.Array:
    return e[4](jnp.tanh(e[0](jnp.tanh(e[0](x)))))


def tied_head(e: Any, x: jax.Array, _: jax.Array) -> jax.Array:
    table = e[1].embedding[...]
    return jnp.tanh(table[networks.codes(x)].mean(axis=1)) @ table.T


def twice(e: Any, x: jax.Array, _: jax.Array) -> jax.Array:
    return e[0](jnp.tanh(e[0](x)))


def skip(e: Any, x: jax.Array, _: jax.Array) -> jax.Array:
    first, _, last = e[0].layers
    return x + last(jnp.tanh(first(x)))


def gained(e: Any, x: jax.Array, _: jax.Array) -> jax.Array:
    first, _, last = e[0].layers
    return e[0].gain[...] * last(jnp.tanh(first(x)))


CASES = {
    "used twice": Case(networks.used_twice, 30, used_twice, chain="end-to-end"),
    "in a list": Case(networks.used_twice_in_a_list, 30, used_twice, chain="end-to-end"),
    "made": Case(networks.used_twice_made(), 30, used_twice, chain="end-to-end"),
    "tied head": Case(networks.tied_head, 15, tied_head, chain="end-to-end"),
    "linen twice": Case(networks.linen_twice, 20, twice, chain="end-to-end"),
    "skip": Case(networks.skip, 31, skip),
    "own parameter": Case(networks.Gained, 25, gained),
    "named": Case(
        networks.named, 43, lambda e, x, _: e[2].linear(e[0](x) * jax.nn.sigmoid(e[0](x)))
    ),
    "sowing": Case(networks.Sowing, 37, hidden()),
    "counting": Case(networks.Counting, 37, hidden()),
    "dropping": Case(networks.Dropping, 37, hidden()),
    "needs to know": Case(networks.NeedsToKnow, 37, hidden()),
    "normed": Case(networks.Normed, 47, normed),
    "stacked": Case(networks.Stacked, 84, stacked),
    "abreast": Case(networks.Abreast, 84, abreast),
    "recurrent": Case(networks.Recurrent, 162, recurrent, (3, 4)),
    "bridged": Case(networks.bridged, 37, bridged),
    "linen mode": Case(networks.linen_mode, 37, linen_mode),
    "arrays": Case(networks.Arrays, 37, hidden(lambda h: 2 * h)),
    "norm first": Case(
        networks.norm_first,
        14,
        lambda e, x, _: e[1](
            e[0].scale[...] * x / jnp.sqrt((x**2).mean(axis=1, keepdims=True) + 1e-6)
        ),
    ),
}


class ByHand(nnx.Module):
    """With the parameters of a block."""

    def __init__(self, block: Any, function: Function, every: jax.Array) -> None:
        self.block, self.function = block, nnx.static(function)
        self.every = nnx.Variable(every)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.function(list(self.block.elements), x, self.every[...])


def check_block(block: Any, x: np.ndarray, by_hand: Function) -> None:
    """One block alone under one draw, the whole way from the plan to the roots."""
    with jax.enable_x64(True):
        settings = Settings.model_validate({"sigma": SIGMA, "prior": "normal:0.7", "samples": 7})
        chain = build_chain([block], x.shape[1:])
        plan = make_plan(chain, 1, len(x), settings)
        items = Items(chain, x, np.zeros(1, int), np.ones((1, len(x))), settings, plan)
        spectra = sample_spectra(items)
        key = block_keys(settings.seed, chain.blocks[0].stream, np.zeros(1, int))
        uniform = uniforms(key, chain.parameters)[0][: chain.parameters]
        module = draw_module(
            block, x.shape[1:], parse_prior(settings.prior), key[0], jnp.asarray(uniform)
        )
        inner = module.layers[0] if isinstance(module, nnx.Sequential) else module
        factor = reference.expected_factor(ByHand(inner, by_hand, jnp.asarray(x)), x, SIGMA)
        assert factor.shape[1] == chain.parameters
        scale = np.sqrt(factor.shape[1] / (factor**2).sum())
        for amplitude in AMPLITUDES:
            want = reference.log_determinant(factor, amplitude * scale)
            roots, weights = spectra.blocks[0].roots[0], spectra.blocks[0].weights[0]
            got = (weights * np.log1p(amplitude * scale * roots)).sum()
            assert got == pytest.approx(want, rel=1e-9)
        mean = freeze(module, jnp.asarray(x))(jnp.asarray(x))
        np.testing.assert_allclose(mean, by_hand(list(inner.elements), x, x), rtol=1e-9, atol=1e-12)


def inputs(shape: Shape) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(SAMPLES, *shape))


@pytest.mark.filterwarnings("ignore:Using 'Module.sow:DeprecationWarning")
@pytest.mark.parametrize("name", CASES)
def test_the_value_is_that_of_the_network_written_by_hand(name: str) -> None:
    case = CASES[name]
    blocks = split(case.network, name, partial=name == "arrays", manner="declared")
    chain = build_chain(blocks, case.shape, case.chain)
    assert [block.parameters for block in chain.blocks] == [case.parameters]
    check_block(chain.blocks[0].block, inputs(case.shape), case.by_hand)


def test_a_norm_belongs_to_the_layer_before_it() -> None:
    """As it does in a `dense` block, and as cheap."""
    chain = build_chain(split(networks.norms_apart, "norms"), (4,))
    assert [(each.name, each.parameters) for each in chain.blocks] == [
        ("linear_1", 4 * 5 + 5 + 10),
        ("linear_2", 5 * 3 + 3 + 6 + 1),
    ]
    one, other = chain.blocks
    plan = make_plan(chain, 1, SAMPLES, Settings())
    assert [way.name for way in plan.ways] == ["units", "jacobian"]

    def first(e: Any, x: jax.Array, every: jax.Array) -> jax.Array:
        return jax.nn.relu(batch_norm(e[1], e[0](x), e[0](every)))

    def second(e: Any, x: jax.Array, _: jax.Array) -> jax.Array:
        layer_norm, slope = e[1].layers[0], e[2].negative_slope[...]
        z = e[0](x)
        centred = z - z.mean(axis=1, keepdims=True)
        unit = centred / jnp.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-6)
        y = jnp.tanh(layer_norm.scale[...] * unit + layer_norm.bias[...])
        return jnp.where(y >= 0, y, slope * y)

    check_block(one.block, inputs((4,)), first)
    check_block(other.block, inputs((5,)), second)


def test_a_tuple_handed_to_a_layer_makes_one_block_of_both() -> None:
    chain = build_chain(split(networks.unpacked, "unpacked", manner="declared"), (4,))
    assert [(each.name, each.parameters) for each in chain.blocks] == [
        ("linear_1", 25),
        ("linear_2", 30 + 18),
        ("linear_3", 8),
    ]

    def first(e: Any, x: jax.Array, _: jax.Array) -> jax.Array:
        return e[0](x) * jax.nn.sigmoid(e[0](x))

    def second(e: Any, x: jax.Array, _: jax.Array) -> jax.Array:
        return e[2].linear(e[0](x) * jax.nn.sigmoid(e[0](x)))

    check_block(chain.blocks[0].block, inputs((4,)), first)
    check_block(chain.blocks[1].block, inputs((5,)), second)


def test_a_weight_norm_is_differentiated_at_the_weights_drawn() -> None:
    """It overwrites them at each call, which is kept from the next call."""
    chain = build_chain(split(networks.weight_norm, "w", partial=True), (4,))
    assert [(each.parameters, each.left_out) for each in chain.blocks] == [(25, 5), (12, 0)]
    check_block(chain.blocks[0].block, inputs((4,)), weight_norm)


def test_what_is_not_in_a_layer_counts_too() -> None:
    """Used or not: the whole network has it, or the last of its blocks."""
    whole = build_chain(split(networks.Unused, "unused", manner="declared"), (4,))
    assert [block.parameters for block in whole.blocks] == [15 + 8 + 2]
    apart = build_chain(split(networks.Unused, "unused"), (4,))
    assert [block.parameters for block in apart.blocks] == [15, 8 + 2]


@pytest.mark.parametrize("last", [lambda x: x + jnp.nan, lambda x: x + jnp.inf, jnp.log])
def test_outputs_that_are_not_finite_give_no_number(last: Any) -> None:
    """Their Jacobian is finite, so the roots are."""
    network = nnx.Sequential(nnx.Linear(54, 7, rngs=nnx.Rngs(0)), last)
    with pytest.raises(NumericsError, match=r"linear_1 are not finite in \d+ of \d+ runs"):
        sed2.compute(network, dataset="covertype", samples=5, draws=2, eps=0.1)
