"""Convolution blocks: spectra by channel against the dense reference, sizes, and refusals."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from sed2.blocks.base import Shape
from sed2.blocks.conv import Conv
from sed2.blocks.flatten import Flatten
from sed2.blocks.freeze import freeze
from sed2.blocks.pooling import Pool
from sed2.errors import SpecError
from sed2.fisher.roots import Roots
from sed2.fisher.structured import empirical_roots, expected_roots
from sed2.fisher.ways import Way
from tests import reference

SIGMA = 0.1
CASES: dict[str, tuple[dict[str, Any], Shape]] = {
    "batch norm, max-pool": (
        {"kernel_size": 3, "norm": "batch", "activation": "relu", "pool": {"kind": "max"}},
        (6, 6, 2),
    ),
    "strides, VALID": (
        {"kernel_size": 3, "strides": 2, "padding": "VALID", "activation": "gelu"},
        (7, 6, 2),
    ),
    "groups, average": (
        {
            "kernel_size": 3,
            "groups": 2,
            "norm": "batch",
            "pool": {"kind": "avg"},
            "activation": "tanh",
            "bias": False,
        },
        (5, 5, 2),
    ),
    "padding, global": (
        {"kernel_size": 2, "pool": {"kind": "global"}, "activation": "silu", "padding": 1},
        (4, 4, 1),
    ),
    "overlapping pool": (
        {"kernel_size": 3, "pool": {"kind": "max", "size": 3, "strides": 1}, "norm": "batch"},
        (5, 5, 1),
    ),
    "one pixel": ({"kernel_size": 1}, (1, 1, 3)),
}


def log_determinant(roots: Roots, amplitude: float) -> float:
    return float((roots.weights * np.log1p(amplitude * np.asarray(roots.values))).sum())


@pytest.mark.parametrize(("options", "shape"), CASES.values(), ids=CASES)
def test_spectra_by_channel_equal_the_dense_fisher(options: dict[str, Any], shape: Shape) -> None:
    spec = Conv.model_validate({"features": 4, **options})
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(size=(5, *shape)))
    module = freeze(spec.build(shape, nnx.Rngs(0)), x)
    mean, structure = module.linearise(x)
    noise = jnp.asarray(rng.normal(size=mean.shape))
    way = Way("units", batch=3, samples=4, population=4)
    expected = expected_roots(structure, jnp.ones(5), SIGMA, way, jnp.zeros(0))
    empirical = empirical_roots(structure, noise, jnp.ones(5), SIGMA)
    flat_noise = np.asarray(noise).reshape(5, -1)
    factors = (
        reference.expected_factor(module, x, SIGMA),
        reference.empirical_factor(module, x, flat_noise, SIGMA),
    )
    for roots, factor in zip((expected, empirical), factors, strict=True):
        for amplitude in (10.0, 1e3, 1e6):
            want = reference.log_determinant(factor, amplitude)
            assert log_determinant(roots, amplitude) == pytest.approx(want, rel=1e-9)


def test_a_convolution_by_loops() -> None:
    """Nothing of JAX: kernel, padding, batch norm, ReLU and pooling written out."""
    spec = Conv(features=2, kernel_size=3, norm="batch", activation="relu", pool=Pool(), bias=False)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(3, 4, 4, 2))
    module = freeze(spec.build((4, 4, 2), nnx.Rngs(0)), jnp.asarray(x))
    kernel = np.asarray(module.conv.kernel[...])
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    z = np.zeros((3, 4, 4, 2))
    for n, i, j, c in np.ndindex(z.shape):
        z[n, i, j, c] = (padded[n, i : i + 3, j : j + 3] * kernel[..., c]).sum()
    z = (z - z.mean(axis=(0, 1, 2))) / np.sqrt(z.var(axis=(0, 1, 2)) + 1e-5)
    pooled = np.maximum(z, 0).reshape(3, 2, 2, 2, 2, 2).max(axis=(2, 4))
    np.testing.assert_allclose(module(jnp.asarray(x)), pooled, rtol=1e-12)


def test_the_shared_kernel_by_its_definition() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(3, 4, 5, 2))
    module = Flatten(kind="shared_kernel").build((4, 5, 2), nnx.Rngs(0))
    want = np.einsum("hw,nhwc->nc", np.asarray(module.kernel[..., 0]), x)
    np.testing.assert_allclose(module(jnp.asarray(x)), want, rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "shape", "cause"),
    [
        ({"kernel_size": 5, "padding": "VALID"}, (4, 4, 1), "5 x 5 does not fit"),
        ({"kernel_size": 3, "pool": {"size": 5}}, (4, 4, 1), "pooling of 5 x 5 does not fit"),
        ({"kernel_size": 3, "groups": 2}, (4, 4, 3), "3 input channels cannot be split"),
        ({"kernel_size": 3, "norm": "group", "norm_groups": 3}, (4, 4, 1), "4 channels cannot"),
        ({"kernel_size": 3}, (16,), r"takes images .* has shape \(16,\)"),
    ],
)
def test_what_does_not_fit_is_refused(options: dict[str, Any], shape: Shape, cause: str) -> None:
    with pytest.raises(SpecError, match=cause):
        Conv.model_validate({"features": 4, **options}).output_shape(shape)
