"""What every kind of block must keep. A new kind is tested by adding its examples here."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax.flatten_util import ravel_pytree

from sed2.blocks import KINDS, BlockSpec, Linearisable, Shape
from sed2.blocks.conv import Conv
from sed2.blocks.dense import Dense
from sed2.blocks.flatten import Flatten
from sed2.blocks.freeze import freeze
from sed2.blocks.pooling import Pool
from sed2.priors import draw_module
from sed2.randomness import block_keys, uniforms
from sed2.settings import PRIORS, parse_prior

EXAMPLES: list[tuple[BlockSpec, Shape]] = [
    (Dense(features=3), (4,)),
    (Dense(features=1, bias=False, activation="gelu"), (1,)),
    (Conv(features=4, kernel_size=3, norm="batch", activation="relu", pool=Pool()), (6, 5, 2)),
    (
        Conv(features=4, kernel_size=2, groups=2, padding="VALID", norm="group", norm_groups=2),
        (3, 3, 2),
    ),
    (Flatten(kind="shared_kernel"), (3, 2, 4)),
]
examples = pytest.mark.parametrize(
    ("spec", "shape"), EXAMPLES, ids=[f"{spec.kind}-{i}" for i, (spec, _) in enumerate(EXAMPLES)]
)


def test_every_kind_has_examples() -> None:
    assert {spec.kind for spec, _ in EXAMPLES} == set(KINDS)


@examples
def test_counts_and_shapes_are_those_of_the_module(spec: BlockSpec, shape: Shape) -> None:
    x = jnp.asarray(np.random.default_rng(0).normal(size=(5, *shape)))
    module = freeze(spec.build(shape, nnx.Rngs(0)), x)
    assert module(x).shape == (5, *spec.output_shape(shape))
    parameters, _ = ravel_pytree(nnx.state(module, nnx.Param))
    assert parameters.size == spec.parameter_count(shape)
    assert parameters.dtype == np.float64


@examples
def test_linearising_leaves_the_mean_as_it_is(spec: BlockSpec, shape: Shape) -> None:
    x = jnp.asarray(np.random.default_rng(0).normal(size=(5, *shape)))
    module = freeze(spec.build(shape, nnx.Rngs(0)), x)
    if spec.layout(shape) is None:
        pytest.skip("no structure: its spectrum is had from its call alone")
    assert isinstance(module, Linearisable)
    mean, _ = module.linearise(x)
    np.testing.assert_allclose(mean, module(x), rtol=1e-12, atol=1e-14)


@examples
@pytest.mark.parametrize("prior", ["torch", "init", "uniform:-1:2", "normal:2", "he_normal"])
def test_a_draw_is_a_module_with_other_parameters(
    spec: BlockSpec, shape: Shape, prior: str
) -> None:
    assert prior.split(":")[0] in PRIORS
    keys = block_keys(0, 7, np.arange(2))
    drawn = [
        draw_module(
            spec,
            shape,
            parse_prior(prior),
            key,
            uniforms(key[None], spec.parameter_count(shape))[0],
        )
        for key in keys
    ]
    one, other = (ravel_pytree(nnx.state(module, nnx.Param))[0] for module in drawn)
    assert one.size == spec.parameter_count(shape)
    assert (one != other).any()
    x = jnp.asarray(np.random.default_rng(0).normal(size=(5, *shape)))
    assert np.isfinite(freeze(drawn[0], x)(x)).all()


@examples
def test_a_spec_can_be_a_static_argument(spec: BlockSpec, shape: Shape) -> None:
    again = type(spec).model_validate(spec.model_dump())
    assert hash(again) == hash(spec)
    traced = jax.jit(lambda x, of: x * of.parameter_count(shape), static_argnums=1)
    assert traced(1, again) == spec.parameter_count(shape)
