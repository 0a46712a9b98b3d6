"""What every kind of block must keep. A new kind is tested by adding its examples here."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax.flatten_util import ravel_pytree
from pydantic import TypeAdapter

from sed2.blocks import KINDS, BlockOptions, Linearisable, Shape
from sed2.blocks.attention import Attention, Mixer, Transformer
from sed2.blocks.base import AnyBlock
from sed2.blocks.cell import CellBlock
from sed2.blocks.conv import Conv
from sed2.blocks.dense import Dense
from sed2.blocks.elementwise import ActivationBlock, Dropout
from sed2.blocks.flatten import Flatten
from sed2.blocks.freeze import freeze
from sed2.blocks.norm import Norm
from sed2.blocks.pool import PoolBlock
from sed2.blocks.pooling import Pool
from sed2.blocks.residual import Residual
from sed2.blocks.tokens import Embedding, Tokens
from sed2.chain import build_chain
from sed2.common.randomness import block_keys, to_normal, uniforms
from sed2.fisher.items import Items
from sed2.fisher.plan import make_plan
from sed2.fisher.sample import sample_spectra
from sed2.priors import draw_module
from sed2.settings import PRIORS, Settings, parse_prior
from tests import reference

EXAMPLES: list[tuple[BlockOptions, Shape]] = [
    (Dense(features=3), (4,)),
    (Dense(features=3, activation="identity"), (4,)),
    (Dense(features=1, bias=False, activation="gelu"), (1,)),
    (Conv(features=4, kernel_size=3, norm="batch", activation="relu", pool=Pool()), (6, 5, 2)),
    (
        Conv(features=4, kernel_size=2, groups=2, padding="VALID", norm="group", norm_groups=2),
        (3, 3, 2),
    ),
    (Flatten(kind="shared_kernel"), (3, 2, 4)),
    (Flatten(), (3, 2, 4)),
    (Dense(features=3, norm="batch", activation="tanh"), (4,)),
    (Dense(features=7, norm="batch", bias=False), (2,)),
    (Dense(features=3, norm="layer", activation="relu"), (4,)),
    (Dense(features=2, activation="gelu"), (3, 4)),
    (Dense(features=2, norm="batch", activation="silu"), (3, 4)),
    (Dense(features=2, bias=False), (3, 4)),
    (Conv(features=4, kernel_size=(2, 3), strides=(2, 1), groups="depthwise"), (5, 4, 2)),
    (
        Conv(
            features=2,
            kernel_size=3,
            norm="layer",
            activation="silu",
            pool=Pool(kind="max", size=3, strides=2, padding=1),
        ),
        (4, 4, 1),
    ),
    (
        Conv(features=2, kernel_size=3, pool=Pool(kind="avg", size=(2, 3), padding="SAME")),
        (4, 4, 1),
    ),
    (Conv(features=3, kernel_size=2, activation="identity"), (3, 4, 2)),
    (Conv(features=3, kernel_size=2, bias=False, pool=Pool(kind="global")), (3, 4, 2)),
    (Norm(kind="batch"), (3, 2, 4)),
    (Norm(kind="layer"), (3, 4)),
    (Norm(kind="group", groups=2), (3, 2, 4)),
    (PoolBlock(kind="max", size=3, strides=2, padding="SAME"), (5, 4, 2)),
    (PoolBlock(kind="avg"), (5, 4, 2)),
    (PoolBlock(kind="global"), (5, 4, 2)),
    (PoolBlock(kind="first"), (5, 2)),
    (ActivationBlock(kind="gelu"), (3,)),
    (Dropout(rate=0.3), (3,)),
    (
        CellBlock(
            nodes=(
                ("nor_conv_3x3",),
                ("skip_connect", "nor_conv_1x1"),
                ("none", "avg_pool_3x3", "nor_conv_3x3"),
            )
        ),
        (3, 4, 2),
    ),
    (Tokens(), (2, 2, 3)),
    (Tokens(class_token=True), (2, 2, 3)),
    (Tokens(class_token=True, positions="learned"), (2, 2, 3)),
    (Embedding(vocabulary=4, features=3), (5,)),
    (Embedding(vocabulary=4, features=3, positions="learned"), (5,)),
    (Attention(heads=2), (3, 4)),
    (Attention(heads=1, causal=True, bias=False), (3, 2)),
    (Transformer(heads=2), (3, 2)),
    (Transformer(heads=1, mlp_features=3, activation="relu", bias=False, causal=True), (2, 2)),
    (Mixer(tokens_features=3, channels_features=4), (3, 2)),
    (
        Residual(
            blocks=(
                Conv(features=2, kernel_size=3, norm="batch", activation="relu"),
                Conv(features=2, kernel_size=3, norm="batch"),
            ),
            activation="relu",
        ),
        (3, 3, 2),
    ),
    (
        Residual(
            blocks=(
                Conv(features=3, kernel_size=3, strides=2, norm="batch", activation="relu"),
                Dropout(),
                Conv(features=3, kernel_size=3, norm="batch"),
            ),
            shortcut=(Conv(features=3, kernel_size=1, strides=2, norm="batch"),),
            activation="relu",
        ),
        (4, 4, 2),
    ),
    (
        Residual(blocks=(Conv(features=3, kernel_size=3, strides=2),), shortcut="projection"),
        (5, 4, 2),
    ),
    (Residual(blocks=(Dense(features=3, activation="tanh"),), shortcut="projection"), (4,)),
    (
        Residual(
            blocks=(Norm(kind="layer"), Residual(blocks=(Dense(features=2, activation="gelu"),)))
        ),
        (3, 2),
    ),
]
NAMED = {f"{spec.kind}-{i}": (spec, shape) for i, (spec, shape) in enumerate(EXAMPLES)}
STRUCTURED = {
    name: (spec, shape) for name, (spec, shape) in NAMED.items() if spec.layout(shape) is not None
}
examples = pytest.mark.parametrize(("spec", "shape"), NAMED.values(), ids=NAMED)
PRIOR = "normal:0.7"
Program = Callable[[nnx.State], tuple[nnx.Module, jax.Array]]


def inputs(spec: BlockOptions, shape: Shape, samples: int = 5) -> jax.Array:
    rng = np.random.default_rng(0)
    if isinstance(spec, Embedding):
        return jnp.asarray(rng.integers(spec.vocabulary, size=(samples, *shape)).astype(float))
    return jnp.asarray(rng.normal(size=(samples, *shape)))


def test_every_kind_has_examples() -> None:
    assert {spec.kind for spec, _ in EXAMPLES} == set(KINDS)


@dataclass
class Drawn:
    """One draw of an example, and what the slow reference says of it."""

    module: nnx.Module
    x: jax.Array
    mean: jax.Array
    jacobian: np.ndarray
    """(N, outputs, d_j)."""
    own: jax.Array
    """(N, outputs) uniform numbers of the noise."""


SIGMA = 0.1
AMPLITUDES = (1e1, 1e3, 1e6)  # 1 / eps
DRAW = 1


@cache
def program(spec: BlockOptions, shape: Shape) -> Program:
    """From the parameters of a module to the frozen module and its outputs, compiled once for all
    draws."""
    x, graphs = inputs(spec, shape), []

    def frozen(parameters: nnx.State) -> tuple[nnx.State, jax.Array]:
        module = spec.build(shape, nnx.Rngs(0))
        nnx.update(module, parameters)
        graph, state = nnx.split(freeze(module, x))
        graphs.append(graph)
        return state, nnx.merge(graph, state)(x)

    compiled = jax.jit(frozen)

    def run(parameters: nnx.State) -> tuple[nnx.Module, jax.Array]:
        state, outputs = compiled(parameters)
        return nnx.merge(graphs[0], state), outputs

    return run


@cache
def drawn(spec: BlockOptions, shape: Shape) -> Drawn:
    """Draw number 1; several tests share it and its compiled programs."""
    x, count = inputs(spec, shape), spec.parameter_count(shape)
    (block,) = build_chain([spec], shape).blocks if count else (None,)
    (key,) = block_keys(0, block.stream if block else 7, np.arange(DRAW, DRAW + 1))
    outputs = math.prod(spec.output_shape(shape))
    uniform = uniforms(key[None], count + len(x) * outputs)[0, : count + len(x) * outputs]
    module = draw_module(spec, shape, parse_prior(PRIOR), key, uniform[:count])
    module, mean = program(spec, shape)(nnx.state(module, nnx.Param))
    jacobian = reference.jacobians(module, x) if count else np.zeros((len(x), outputs, 0))
    return Drawn(module, x, mean, jacobian, uniform[count:].reshape(len(x), outputs))


@examples
def test_counts_and_shapes_are_those_of_the_module(spec: BlockOptions, shape: Shape) -> None:
    assert drawn(spec, shape).mean.shape == (5, *spec.output_shape(shape))
    module = nnx.eval_shape(lambda: spec.build(shape, nnx.Rngs(0)))
    parameters = jax.tree.leaves(nnx.state(module, nnx.Param))
    assert sum(leaf.size for leaf in parameters) == spec.parameter_count(shape)
    assert all(leaf.dtype == np.float64 for leaf in parameters)


@pytest.mark.parametrize(
    ("spec", "shape"), [pytest.param(*each, id=name) for name, each in STRUCTURED.items()]
)
def test_linearising_leaves_the_mean_as_it_is(spec: BlockOptions, shape: Shape) -> None:
    known = drawn(spec, shape)
    graph, state = nnx.split(known.module)

    def linearised(state: nnx.State, x: jax.Array) -> jax.Array:
        module = nnx.merge(graph, state)
        assert isinstance(module, Linearisable)
        return module.linearise(x)[0]

    mean = jax.jit(linearised)(state, known.x)
    np.testing.assert_allclose(mean, known.mean, rtol=1e-12, atol=1e-14)


@examples
@pytest.mark.parametrize("prior", ["torch", "init", "uniform:-1:2", "normal:2", "he_normal"])
def test_a_draw_is_a_module_with_other_parameters(
    spec: BlockOptions, shape: Shape, prior: str
) -> None:
    assert prior.split(":")[0] in PRIORS
    keys = block_keys(0, 7, np.arange(2))
    both = [
        draw_module(
            spec,
            shape,
            parse_prior(prior),
            key,
            uniforms(key[None], spec.parameter_count(shape))[0],
        )
        for key in keys
    ]
    one, other = (ravel_pytree(nnx.state(module, nnx.Param))[0] for module in both)
    assert one.size == spec.parameter_count(shape)
    if not isinstance(spec, Norm | Tokens) or prior.split(":")[0] in ("uniform", "normal"):
        assert (one != other).any() or not one.size
    assert np.isfinite(program(spec, shape)(nnx.state(both[0], nnx.Param))[1]).all()


@examples
def test_a_spec_can_be_a_static_argument(spec: BlockOptions, shape: Shape) -> None:
    again = type(spec).model_validate(spec.model_dump())
    assert again == spec
    assert hash(again) == hash(spec)
    traced = jax.jit(lambda x, of: x * of.parameter_count(shape), static_argnums=1)
    assert traced(1, again) == spec.parameter_count(shape)


@examples
def test_it_is_read_as_it_is_written(spec: BlockOptions, shape: Shape) -> None:
    assert TypeAdapter(AnyBlock).validate_python({spec.kind: spec.model_dump(mode="json")}) == spec


def cases() -> Iterator[object]:
    """Examples with parameters, each by every way to its spectra that has code for it.

    A structure serves the Gaussian likelihoods, each of them otherwise. What has none, and every
    block under a categorical likelihood, runs through the whole Jacobian, where the likelihood does
    not know what kind of block it is: one of them is enough here, in turn, and all four are tested
    in `tests/fisher/test_generic.py`."""
    whole = itertools.cycle(["expected-gaussian", "empirical-categorical"])
    for name, (spec, shape) in NAMED.items():
        if spec.parameter_count(shape):
            of = ["expected-gaussian", "empirical-gaussian", "expected-categorical"]
            if name not in STRUCTURED:
                of = [next(whole)]
            for each in of:
                yield pytest.param(spec, shape, *each.split("-"), id=f"{name}-{each}")


@pytest.mark.parametrize(("spec", "shape", "fisher", "likelihood"), [*cases()])
def test_spectra_are_those_of_the_dense_fisher(
    spec: BlockOptions, shape: Shape, fisher: str, likelihood: str
) -> None:
    """The whole way, from the plan to the roots, against Jacobians input by input."""
    chain, known = build_chain([spec], shape), drawn(spec, shape)
    settings = Settings.model_validate(
        {"fisher": fisher, "likelihood": likelihood, "sigma": SIGMA, "prior": PRIOR}
    )
    x, draws = known.x, np.arange(DRAW, DRAW + 1)
    plan = make_plan(chain, len(draws), len(x), settings)
    structured = likelihood == "gaussian" and spec.layout(shape) is not None
    assert plan.ways[0].name == ("units" if structured else "jacobian")
    spectra = sample_spectra(Items(chain, x, draws, np.ones((1, len(x))), settings, plan))
    factor = _dense_factor(known, fisher, likelihood)
    trace = (factor**2).sum()  # 0 for a softmax over one class
    scale = np.sqrt(factor.shape[1] / trace) if trace else 1.0
    roots, weights = spectra.blocks[0].roots[0], spectra.blocks[0].weights[0]
    for amplitude in AMPLITUDES:
        want = reference.log_determinant(factor, amplitude * scale)
        got = (weights * np.log1p(amplitude * scale * roots)).sum()
        assert got == pytest.approx(want, rel=1e-9, abs=1e-9)


def _dense_factor(known: Drawn, fisher: str, likelihood: str) -> np.ndarray:
    flat, x, jacobian = _Flat(known.module), known.x, known.jacobian
    if likelihood == "categorical":
        if fisher == "expected":
            return reference.categorical_factor(flat, x, jacobian)
        classes = reference.draw_classes(flat, x, known.own[:, 0])
        return reference.categorical_scores(flat, x, classes, jacobian)
    if fisher == "expected":
        return reference.expected_factor(flat, x, SIGMA, jacobian)
    return reference.empirical_factor(flat, x, np.asarray(to_normal(known.own)), SIGMA, jacobian)


class _Flat(nnx.Module):
    """Classes are the outputs in a row."""

    def __init__(self, inner: nnx.Module) -> None:
        self.inner = inner

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.inner(x).reshape(len(x), -1)
