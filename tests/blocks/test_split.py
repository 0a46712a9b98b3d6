"""A network of any form comes apart where one value crosses, into the blocks that YAML has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx

import sed2
from sed2.blocks.adapter import Adapter
from sed2.blocks.base import Shape
from sed2.blocks.factory import split
from sed2.blocks.freeze import freeze
from sed2.blocks.pieces import NativePiece, Piece, taken_apart
from sed2.blocks.user import UserBlock
from sed2.chain import Chain, build_chain, dense_layers, manners
from sed2.common.randomness import block_keys, to_normal, uniforms
from sed2.errors import UsageError
from sed2.fisher.items import Items
from sed2.fisher.plan import make_plan
from sed2.fisher.sample import sample_spectra
from sed2.fisher.structured import expected_roots
from sed2.priors import draw_module
from sed2.settings import Settings, parse_prior
from sed2.spec.module import from_network
from sed2.spec.schema import load_spec
from tests import networks, reference
from tests.cases import dataset

IMAGE, FLAT = (6, 6, 2), (4,)


def made(*parts: Any) -> list[Any]:
    """Elements that are one class, as a user would write it."""
    return [Composed(parts)]


class Composed(nnx.Module):
    """One class, whose own `__call__` applies its parts."""

    def __init__(self, parts: Any) -> None:
        self.parts = nnx.List(
            [each if isinstance(each, nnx.Module) else nnx.static(each) for each in parts]
        )

    def __call__(self, x: jax.Array) -> jax.Array:
        for part in self.parts:
            x = part(x)
        return x


class Cnn(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.conv, self.norm = nnx.Conv(2, 3, (3, 3), rngs=rngs), nnx.BatchNorm(3, rngs=rngs)
        self.hidden = nnx.Linear(27, 4, use_bias=False, rngs=rngs)
        self.last = nnx.Linear(4, 2, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = nnx.max_pool(nnx.relu(self.norm(self.conv(x))), (2, 2), (2, 2))
        return self.last(nnx.silu(self.hidden(x.reshape(len(x), -1))))


CNN = {
    "blocks": [
        {
            "conv": {
                "features": 3,
                "kernel_size": 3,
                "norm": "batch",
                "activation": "relu",
                "pool": {"kind": "max", "size": 2},
            }
        },
        "flatten",
        {"dense": {"features": 4, "bias": False, "activation": "silu"}},
        {"dense": {"features": 2}},
    ]
}
PLAIN = {
    "blocks": [
        {
            "conv": {
                "features": 3,
                "kernel_size": 3,
                "strides": 2,
                "padding": "VALID",
                "activation": "tanh",
            }
        },
        {"pool": {"kind": "global"}},
        {"dense": {"features": 2, "activation": "relu"}},
    ]
}


class Plain(linen.Module):
    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        x = linen.tanh(linen.Conv(3, (3, 3), strides=2, padding="VALID")(x))
        return linen.relu(linen.Dense(2)(x.mean((1, 2))))


def one_at_a_time() -> tuple[Any, Any]:
    """The same as other libraries have it: channels first, units first, one input at a time."""

    def init(key: jax.Array, x: jax.Array) -> Any:
        one, two = jax.random.split(key)
        return {
            "conv": {"weight": jax.random.normal(one, (3, 2, 3, 3)), "bias": jnp.zeros((3, 1, 1))},
            "head": {"weight": jax.random.normal(two, (2, 3)), "bias": jnp.zeros(2)},
        }

    def apply(parameters: Any, x: jax.Array) -> jax.Array:
        conv, head = parameters["conv"], parameters["head"]
        x = x.transpose(2, 0, 1)[None]
        x = jax.lax.conv_general_dilated(x, conv["weight"], (2, 2), "VALID")[0] + conv["bias"]
        x = jnp.tanh(x).mean((1, 2))
        return jax.nn.relu(head["weight"] @ x + head["bias"])

    return init, lambda parameters, x: jax.vmap(apply, (None, 0))(parameters, x)


def score(spec: Any, x: np.ndarray, **settings: Any) -> np.ndarray:
    from sed2.estimate import estimate

    model = load_spec(spec).models[0] if isinstance(spec, dict) else from_network(spec)
    wanted = {"dataset": "test", "samples": 8, "draws": 3, "eps": [0.01, 0.1], **settings}
    result = estimate(model, dataset(x), Settings.model_validate(wanted))
    return np.concatenate([result.lower_two_sed.estimate, [result.score.value]])


def inputs(shape: Shape, rows: int = 8) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(rows, *shape))


@pytest.mark.parametrize(
    ("yaml", "network"),
    [(CNN, Cnn), (PLAIN, Plain()), (PLAIN, one_at_a_time)],
    ids=["class", "linen", "one at a time"],
)
def test_a_network_has_the_numbers_of_the_same_in_yaml(yaml: Any, network: Any) -> None:
    x = inputs(IMAGE)
    np.testing.assert_allclose(score(network, x), score(yaml, x), rtol=1e-9)


def test_the_joint_score_is_that_of_the_same_in_yaml() -> None:
    yaml = {
        "blocks": [{"dense": {"features": 5, "activation": "tanh"}}, {"dense": {"features": 2}}]
    }
    x, joint = inputs(FLAT), {"score": "joint", "eps": [0.3]}
    want = score(yaml, x, **joint)
    np.testing.assert_allclose(score(networks.Hidden, x, **joint), want, rtol=1e-9)
    np.testing.assert_allclose(score(networks.linen_network, x, **joint), want, rtol=1e-9)


class Relu(networks.Hidden):
    """Layers that LAPACK alone can do."""

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.last(nnx.relu(self.first(x)))


@pytest.mark.parametrize("settings", [{}, {"chain": "end-to-end"}, {"prior": "he_normal"}])
def test_plain_layers_cost_what_the_same_in_yaml_does(settings: dict[str, Any]) -> None:
    """The same engine and the same work, with nothing to compile."""
    from sed2.estimate import estimate

    layers = [{"dense": {"features": 5, "activation": "relu"}}, {"dense": {"features": 2}}]
    yaml, x = load_spec({"blocks": layers}).models[0], dataset(inputs(FLAT))
    wanted = Settings.model_validate({"dataset": "t", "samples": 8, "draws": 3, **settings})
    one, other = (estimate(of, x, wanted) for of in (yaml, from_network(Relu)))
    assert one.provenance.engine == other.provenance.engine == "lapack"
    assert [block.work for block in one.plan] == [block.work for block in other.plan]
    np.testing.assert_allclose(other.score.value, one.score.value, rtol=1e-9)
    as_made = wanted.model_copy(update={"prior": "init"})  # by the network itself
    assert estimate(from_network(Relu), x, as_made).provenance.engine == "xla"


@pytest.mark.parametrize(
    "network",
    [
        made(nnx.Linear(4, 3, rngs=nnx.Rngs(1)), lambda z: jnp.maximum(z, 0)),  # 1/2 at 0
        made(nnx.Linear(4, 3, rngs=nnx.Rngs(1)), nnx.BatchNorm(3, rngs=nnx.Rngs(1))),
        made(nnx.Linear(4, 3, rngs=nnx.Rngs(1)), jnp.tanh),
    ],
    ids=["maximum", "norm", "tanh"],
)
def test_other_layers_are_no_plain_ones(network: Any) -> None:
    (block,) = apart(network, FLAT)
    assert isinstance(block, NativePiece)
    assert dense_layers(block, FLAT) == ()


class Residual(nnx.Module):
    def __init__(self, features: int, made: int, stride: int, rngs: nnx.Rngs) -> None:
        self.one = nnx.Conv(features, made, (3, 3), stride, use_bias=False, rngs=rngs)
        self.two = nnx.Conv(made, made, (3, 3), use_bias=False, rngs=rngs)
        self.norms = nnx.List([nnx.BatchNorm(made, rngs=rngs) for _ in range(2)])
        self.around = None if features == made else nnx.Conv(features, made, (1, 1), 2, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        y = self.norms[1](self.two(nnx.relu(self.norms[0](self.one(x)))))
        return nnx.relu(y + (x if self.around is None else self.around(x)))


class ResNet(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.stem, self.norm = nnx.Conv(2, 3, (3, 3), rngs=rngs), nnx.BatchNorm(3, rngs=rngs)
        sizes = [(3, 3, 1), (3, 4, 2), (4, 4, 1)]
        self.stages = nnx.List([Residual(*size, rngs) for size in sizes])
        self.head = nnx.Linear(4, 2, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = nnx.relu(self.norm(self.stem(x)))
        for stage in self.stages:
            x = stage(x)
        return self.head(x.mean((1, 2)))


def apart(network: Any, shape: Shape) -> list[Any]:
    """The blocks of a network of one class, without the check that it maps each input by itself."""
    (block,) = split(network, "network")
    return list(taken_apart(block, shape, 0))


def test_residual_blocks_come_apart_between_each_other() -> None:
    found = [each for each in apart(ResNet, IMAGE) if isinstance(each, Piece | NativePiece)]
    assert [each.kind for each in found] == ["conv", "stages", "stages", "stages", "dense"]
    assert [each.parameter_count(IMAGE) for each in found[:4]] == [
        2 * 9 * 3 + 3 + 6,
        2 * 3 * 9 * 3 + 12,
        3 * 9 * 4 + 4 * 9 * 4 + 16 + 3 * 4 + 4,
        2 * 4 * 9 * 4 + 16,
    ]
    assert found[4].holds == ("head.bias", "head.kernel")
    assert all("stages.1." in name for name in found[2].holds)


def straight_through(x: jax.Array) -> jax.Array:
    """A step whose derivative is that of tanh."""

    @jax.custom_jvp
    def step(x: jax.Array) -> jax.Array:
        return jnp.sign(x)

    step.defjvp(lambda x, t: (jnp.sign(x[0]), t[0] / jnp.cosh(x[0]) ** 2))  # type: ignore[attr-defined]
    return step(x)


RNGS = nnx.Rngs(1)
KNOWN: dict[str, tuple[list[Any], Shape]] = {
    "a function without a name": ([nnx.Linear(4, 3, rngs=RNGS), jax.nn.mish], FLAT),
    "a derivative of its own": ([nnx.Linear(4, 3, rngs=RNGS), straight_through], FLAT),
    "maximum": ([nnx.Linear(4, 3, rngs=RNGS), lambda z: jnp.maximum(z, 0.1 * z)], FLAT),
    "tokens": ([nnx.Linear(4, 3, rngs=RNGS), jax.nn.gelu], (5, 4)),
    "norm": (
        [nnx.Linear(4, 3, rngs=RNGS), nnx.BatchNorm(3, epsilon=0.1, rngs=RNGS), jnp.tanh],
        FLAT,
    ),
    "several axes of units": (
        [nnx.LinearGeneral(4, (2, 3), rngs=RNGS), lambda z: jnp.tanh(z).reshape(len(z), -1)],
        FLAT,
    ),
    "axes put elsewhere": (
        [
            nnx.Conv(2, 3, (2, 3), (2, 1), padding=1, rngs=RNGS),
            lambda z: jax.nn.mish(z.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1),
            lambda z: nnx.avg_pool(z, (2, 2), (1, 2)),
        ],
        IMAGE,
    ),
    "groups": ([nnx.Conv(2, 4, (3, 3), feature_group_count=2, rngs=RNGS), nnx.elu], IMAGE),
}


@pytest.mark.parametrize("name", KNOWN)
def test_the_structure_found_is_that_of_the_dense_matrix(name: str) -> None:
    elements, shape = KNOWN[name]
    with jax.enable_x64(True):
        x = jnp.asarray(inputs(shape, 6))
        (block,) = apart(made(*elements), shape)
        assert isinstance(block, NativePiece)
        module: Any = freeze(block.build(shape, nnx.Rngs(0)), x)
        mean, structure = module.linearise(x)
        np.testing.assert_allclose(mean, network_of(elements, x), rtol=1e-6)  # float32 as made
        np.testing.assert_allclose(mean, module(x), rtol=1e-12)
        (way,) = make_plan(build_chain([block], shape), 1, 6, Settings()).ways
        roots = expected_roots(structure, jnp.ones(6), 0.1, way, jnp.zeros(0))
        factor = reference.expected_factor(module, np.asarray(x), 0.1)
    got = float((roots.weights * jnp.log1p(30 * roots.values)).sum())
    assert got == pytest.approx(reference.log_determinant(factor, 30), rel=1e-9)


def network_of(elements: list[Any], x: jax.Array) -> jax.Array:
    """What the user's own network makes of inputs, batch norms by their statistics."""
    whole = Adapter(nnx.clone(nnx.List(made(*elements))), x.shape[1:], nnx.Rngs(0))
    outputs: jax.Array = freeze(whole, x)(x)  # type: ignore[operator]
    return outputs


UNKNOWN: dict[str, tuple[list[Any], Shape]] = {
    "softmax": ([nnx.Linear(4, 3, rngs=RNGS), jax.nn.softmax], FLAT),
    "rounding": (
        [nnx.Linear(4, 3, rngs=RNGS), lambda z: z.astype(jnp.float32).astype(float)],
        FLAT,
    ),
    "a factor by unit": ([nnx.Linear(4, 3, rngs=RNGS), lambda z: z * jnp.arange(3.0)], FLAT),
    "layer norm": ([nnx.Linear(4, 3, rngs=RNGS), nnx.LayerNorm(3, rngs=RNGS)], FLAT),
    "a slope": ([nnx.Linear(4, 3, rngs=RNGS), nnx.PReLU()], FLAT),
    "dilation": ([nnx.Conv(2, 3, (2, 2), kernel_dilation=2, rngs=RNGS)], IMAGE),
    "outputs in another order": (
        [nnx.Conv(2, 3, (2, 2), rngs=RNGS), lambda z: z.transpose(0, 3, 1, 2)],
        IMAGE,
    ),
    "pooling before the function": (
        [nnx.Conv(2, 3, (2, 2), rngs=RNGS), lambda z: nnx.max_pool(z, (2, 2)), nnx.relu],
        IMAGE,
    ),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_not_surely_known_goes_without_structure(name: str) -> None:
    elements, shape = UNKNOWN[name]
    chain = build_chain(apart(made(*elements), shape), shape)
    assert [block.block.layout(shape) for block in chain.blocks] == [None]


class Long(nnx.Module):
    """A dense layer, a residual block with a batch norm, and a layer with a norm before it."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.first, self.inner = nnx.Linear(4, 5, rngs=rngs), nnx.Linear(5, 5, rngs=rngs)
        self.norm, self.scale = nnx.BatchNorm(5, rngs=rngs), nnx.LayerNorm(5, rngs=rngs)
        self.last = nnx.Linear(5, 2, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = jnp.tanh(self.first(x / 2))
        x = self.scale(x + jnp.tanh(self.norm(self.inner(x))))
        return self.last(jax.nn.softmax(x))


def halved(m: Any, x: jax.Array, _: jax.Array) -> jax.Array:
    layer = m.inner.linear
    return jnp.tanh(x / 2 @ layer.kernel[...] + layer.bias[...])


def residual(m: Any, x: jax.Array, every: jax.Array) -> jax.Array:
    own = m.elements["0"]

    def of(layer: str, name: str) -> jax.Array:
        value: jax.Array = own[layer][name][...]
        return value

    def affine(x: jax.Array) -> jax.Array:
        return x @ of("inner", "kernel") + of("inner", "bias")

    z, statistics = affine(x), jax.lax.stop_gradient(affine(every))
    unit = (z - statistics.mean(0)) / jnp.sqrt(statistics.var(0) + 1e-5)
    y = x + jnp.tanh(of("norm", "scale") * unit + of("norm", "bias"))
    centred = y - y.mean(axis=1, keepdims=True)
    y = centred / jnp.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-6)
    return of("scale", "scale") * y + of("scale", "bias")


def last(m: Any, x: jax.Array, _: jax.Array) -> jax.Array:
    return jax.nn.softmax(x) @ m.inner.linear.kernel[...] + m.inner.linear.bias[...]


class ByHand(nnx.Module):
    """A function of inputs and of all inputs, with the parameters of a module."""

    def __init__(self, module: Any, function: Callable[..., jax.Array], every: jax.Array) -> None:
        self.module, self.function = module, nnx.static(function)
        self.every = nnx.Variable(every)

    def __call__(self, x: jax.Array) -> jax.Array:
        outputs: jax.Array = self.function(self.module, x, self.every[...])
        return outputs


def test_a_chain_that_came_apart_is_that_of_the_definition() -> None:
    """x_j = O_j(x_{j-1}) + sigma nu, with each Fisher matrix dense, written out by hand."""
    x, sigma = inputs(FLAT, 7), 0.1
    settings = Settings.model_validate({"sigma": sigma, "prior": "normal:0.7", "samples": 7})
    with jax.enable_x64(True):
        chain = build_chain(split(Long, "long"), FLAT)
        assert [block.parameters for block in chain.blocks] == [25, 30 + 10 + 10, 12]
        plan = make_plan(chain, 1, 7, settings)
        assert [way.name for way in plan.ways] == ["units", "jacobian", "units"]
        items = Items(chain, x, np.zeros(1, int), np.ones((1, 7)), settings, plan)
        spectra = sample_spectra(items)
        for block, got, function in zip(
            chain.blocks, spectra.blocks, (halved, residual, last), strict=True
        ):
            key = block_keys(0, block.stream, np.zeros(1, int))
            outputs = 7 * int(np.prod(block.output_shape))
            uniform = np.asarray(uniforms(key, block.parameters + outputs)[0])
            own, noise = np.split(uniform, [block.parameters])
            module = draw_module(
                block.block,
                block.input_shape,
                parse_prior(settings.prior),
                key[0],
                jnp.asarray(own[: block.parameters]),
            )
            written = ByHand(module, function, jnp.asarray(x))
            factor = reference.expected_factor(written, x, sigma)
            for amplitude in (1.0, 100.0):
                want = reference.log_determinant(factor, amplitude)
                found = (got.weights[0] * np.log1p(amplitude * got.roots[0])).sum()
                assert found == pytest.approx(want, rel=1e-9)
            nu = np.asarray(to_normal(jnp.asarray(noise[:outputs]))).reshape(7, -1)
            x = np.asarray(written(jnp.asarray(x))) + sigma * nu


def composed(chain: Chain, x: jax.Array) -> jax.Array:
    """All blocks of a chain as they are made, without noise."""
    for block in chain.blocks:
        module = freeze(block.block.build(block.input_shape, nnx.Rngs(0)), x)
        x = module(x)  # type: ignore[operator]
    return x


@pytest.mark.parametrize(
    ("network", "shape"), [(ResNet, IMAGE), (Cnn, IMAGE), (Long, FLAT)], ids=["res", "cnn", "long"]
)
def test_the_blocks_are_the_network(network: Any, shape: Shape) -> None:
    """With the parameters that it has itself, as under the measure `init`."""
    own = network(nnx.Rngs(3))
    with jax.enable_x64(True):
        x = jnp.asarray(inputs(shape))
        whole = Adapter(nnx.clone(nnx.List([own])), shape, nnx.Rngs(0))
        want = freeze(whole, x)(x)  # type: ignore[operator]
        chain = build_chain(apart(own, shape), shape)
        np.testing.assert_allclose(composed(chain, x), want, rtol=1e-5, atol=1e-6)


def test_a_program_of_a_single_input_may_be_another_one() -> None:
    class Single(networks.Hidden):
        def keep(self, rngs: nnx.Rngs) -> None:
            self.inner = nnx.Linear(5, 5, rngs=rngs)

        def middle(self, hidden: jax.Array) -> jax.Array:
            inner = self.inner(hidden)
            return jnp.concatenate([hidden, inner])[:1] if len(hidden) == 1 else hidden - inner

    with jax.enable_x64(True):
        _, piece, _ = apart(Single, FLAT)
        module, x = piece.build((5,), nnx.Rngs(0)), jnp.asarray(inputs((5,)))
        np.testing.assert_allclose(module(x[3:4]), module(x)[3:4], rtol=1e-12)


class Remat(networks.Hidden):
    """The same program twice, with its variables."""

    def keep(self, rngs: nnx.Rngs) -> None:
        self.inner = nnx.Linear(5, 5, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        one = nnx.remat(lambda layer, x: jnp.tanh(layer(x)))
        return self.last(one(self.inner, one(self.first, x)))


class Jitted(Remat):
    def __call__(self, x: jax.Array) -> jax.Array:
        one = nnx.jit(lambda layer, x: jax.jit(jnp.tanh)(layer(x)))
        return self.last(one(self.inner, one(self.first, x)))


class Dropped(Remat):
    def keep(self, rngs: nnx.Rngs) -> None:
        super().keep(rngs)
        self.drop = nnx.Dropout(0.5, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.last(self.drop(jnp.tanh(self.inner(self.drop(jnp.tanh(self.first(x)))))))


class Loops(networks.Hidden):
    """A loop over parameters, and one without."""

    def keep(self, rngs: nnx.Rngs) -> None:
        self.stack = nnx.Param(jax.random.normal(rngs.params(), (3, 5, 5)))

    def middle(self, hidden: jax.Array) -> jax.Array:
        def step(x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, None]:
            return jnp.tanh(x @ kernel), None

        hidden, _ = jax.lax.scan(step, hidden, self.stack[...])
        return jax.lax.fori_loop(0, 2, lambda _, x: jnp.tanh(x), hidden)


@pytest.mark.parametrize(
    ("network", "sizes"),
    [
        (Remat, {"dense_1": 25, "dense_2": 30, "dense_3": 12}),
        (Jitted, {"dense_1": 25, "dense_2": 30, "dense_3": 12}),
        (Dropped, {"dense_1": 25, "dense_2": 30, "dense_3": 12}),
        (Loops, {"dense_1": 25, "block_1": 75, "dense_2": 12}),
    ],
)
def test_what_is_called_within_is_looked_into(network: Any, sizes: dict[str, int]) -> None:
    chain = build_chain(apart(network, FLAT), FLAT)
    assert {block.name: block.parameters for block in chain.blocks} == sizes


class Tied(networks.Hidden):
    """A layer twice, and another behind it; a third is not used."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        super().__init__(rngs)
        self.twice, self.unused = nnx.Linear(5, 5, rngs=rngs), nnx.Param(jnp.ones(3))

    def middle(self, hidden: jax.Array) -> jax.Array:
        return jnp.tanh(self.twice(jnp.tanh(self.twice(hidden))))


def test_a_parameter_on_both_sides_holds_a_block_together() -> None:
    found = apart(Tied, FLAT)
    assert [each.parameter_count(FLAT) for each in found] == [25, 30, 12 + 3]
    assert found[2].holds == ("last.bias", "last.kernel", "unused")


def test_a_program_that_knows_the_size_of_its_batch_is_not_cut() -> None:
    class Odd(networks.Hidden):
        def middle(self, hidden: jax.Array) -> jax.Array:
            return hidden if len(hidden) == 2 else self.first(hidden[:, :4])

    assert len(apart(Odd, FLAT)) == 1


def test_a_value_that_mixes_inputs_is_no_place_to_cut() -> None:
    class Mixed(networks.Hidden):
        def middle(self, hidden: jax.Array) -> jax.Array:
            return jnp.roll(hidden, 1, axis=0)

        def __call__(self, x: jax.Array) -> jax.Array:
            return jnp.roll(super().__call__(x), -1, axis=0)

    with pytest.raises(UsageError, match=r"maps no input by itself.*--blocks declared"):
        split(Mixed, "mixed")[0].output_shape(FLAT)


def test_the_stream_of_a_block_is_that_of_its_function() -> None:
    class Other(networks.Hidden):
        def middle(self, hidden: jax.Array) -> jax.Array:
            return jax.nn.softmax(hidden)

    def streams(network: Any) -> list[int]:
        return [block.stream for block in build_chain(apart(network, FLAT), FLAT).blocks]

    assert streams(networks.Hidden) == streams(networks.linen_network)
    first, second = streams(Other)
    assert [first == streams(networks.Hidden)[0], second == streams(networks.Hidden)[1]] == [
        True,
        False,
    ]


def test_plain_layers_of_nnx_stay_as_they_are_declared() -> None:
    for manner in ("auto", "declared"):
        blocks = split(networks.sequential, "n", manner=manner)  # type: ignore[arg-type]
        assert [each.block for each in build_chain(blocks, FLAT).blocks] == list(blocks)
    (one,) = split(networks.sequential, "n", manner="one")
    assert build_chain([one], FLAT).blocks[0].parameters == 37


def test_an_element_that_is_a_class_comes_apart() -> None:
    def network(rngs: nnx.Rngs) -> nnx.Sequential:
        return nnx.Sequential(nnx.Linear(4, 4, rngs=rngs), jnp.tanh, networks.Hidden(rngs))

    chain = build_chain(split(network, "n"), FLAT)
    assert [block.name for block in chain.blocks] == ["linear_1", "dense_1", "dense_2"]


def of(network: Any, manner: Any) -> tuple[UserBlock, ...]:
    return split(network, "n", manner=manner)


def test_the_manners_of_a_network() -> None:
    mlp = load_spec("MLP 4-5-2").models[0].blocks
    assert manners(mlp, FLAT) == {"auto"}
    assert manners(mlp[:1], FLAT) == {"auto", "one"}
    assert manners(of(networks.Hidden, "auto"), FLAT) == {"auto"}
    assert manners(of(networks.Hidden, "declared"), FLAT) == {"declared", "one"}
    assert manners(of(networks.Hidden, "one"), FLAT) == {"declared", "one"}
    assert manners(of(networks.skip, "declared"), FLAT) == {"auto", "one"}
    assert manners(of(networks.sequential, "declared"), FLAT) == {"auto"}


def test_models_split_in_different_manners_are_not_ordered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from sed2 import request

    monkeypatch.setattr(request, "load_dataset", lambda *_, **__: dataset(inputs(FLAT)))
    fast: dict[str, Any] = {"dataset": "t", "samples": 6, "draws": 2, "eps": 0.1}
    models = {"paper": "MLP 4-5-2", "mine": networks.Hidden}
    assert len(sed2.rank(models, **fast).models) == 2
    with pytest.raises(UsageError, match=r"`paper` .* as fine as can be, `mine` more coarsely"):
        sed2.rank(models, blocks="declared", **fast)
    assert len(sed2.rank(models, blocks="one", allow_mixed=True, **fast).models) == 2
    its = [Settings.model_validate({"chain": "end-to-end"})] * 2
    both = [from_network(each, manner="one") for each in (networks.Hidden, networks.Normed)]
    request.check_split_alike(both, [Settings()] * 2, FLAT)
    request.check_split_alike([both[0], load_spec("MLP 4-5-2").models[0]], its, FLAT)
