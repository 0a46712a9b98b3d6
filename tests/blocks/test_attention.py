"""Blocks of tokens by their definitions, written out in numpy."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from sed2.blocks import BlockOptions, Shape
from sed2.blocks.attention import Attention, Mixer, Transformer
from sed2.common.randomness import block_keys, uniforms
from sed2.errors import SpecError
from sed2.priors import draw_module
from sed2.settings import parse_prior


def drawn(spec: BlockOptions, shape: Shape) -> tuple[nnx.Module, np.ndarray]:
    """Every parameter random, so that none hides behind an initial 0 or 1."""
    (key,) = block_keys(0, 1, np.arange(1))
    numbers = uniforms(key[None], spec.parameter_count(shape))[0]
    module = draw_module(spec, shape, parse_prior("uniform:-1:1"), key, numbers)
    return module, np.random.default_rng(0).normal(size=(3, *shape))


def affine(of: nnx.Module, x: np.ndarray) -> np.ndarray:
    bias = 0.0 if of.bias is None else np.asarray(of.bias[...])
    return x @ np.asarray(of.kernel[...]) + bias


def layer_norm(of: nnx.LayerNorm, x: np.ndarray) -> np.ndarray:
    mean, variance = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    standard = (x - mean) / np.sqrt(variance + of.epsilon)
    return np.asarray(of.scale[...]) * standard + np.asarray(of.bias[...])


def softmax(x: np.ndarray) -> np.ndarray:
    exponentials = np.exp(x - x.max())
    return exponentials / exponentials.sum()


def attend(of: nnx.MultiHeadAttention, x: np.ndarray, causal: bool) -> np.ndarray:
    """One input, one head and one token at a time."""
    length, features = x.shape
    out = np.zeros((length, features))
    for head in range(of.num_heads):
        query, key, value = (
            x @ np.asarray(part.kernel[:, head])
            + (0.0 if part.bias is None else np.asarray(part.bias[head]))
            for part in (of.query, of.key, of.value)
        )
        for i in range(length):
            seen = i + 1 if causal else length
            weights = softmax(key[:seen] @ query[i] / np.sqrt(query.shape[1]))
            out[i] += weights @ value[:seen] @ np.asarray(of.out.kernel[head])
    return out + (0.0 if of.out.bias is None else np.asarray(of.out.bias[...]))


def gelu(x: np.ndarray) -> np.ndarray:
    return np.asarray(jax.nn.gelu(x))


@pytest.mark.parametrize("options", [{"heads": 2}, {"heads": 4, "causal": True, "bias": False}])
def test_attention_by_its_definition(options: dict[str, Any]) -> None:
    spec = Attention(**options)
    module, x = drawn(spec, (5, 4))
    want = np.stack([attend(module.attention, one, spec.causal) for one in x])
    np.testing.assert_allclose(module(jnp.asarray(x)), want, rtol=1e-12, atol=1e-12)


def test_the_transformer_layer_by_its_definition() -> None:
    module, x = drawn(Transformer(heads=2, mlp_features=3), (5, 4))
    inner = module.attention.attention
    z = x + np.stack([attend(inner, one, False) for one in layer_norm(module.norm1, x)])
    up, down = module.perceptron.up, module.perceptron.down
    want = z + affine(down, gelu(affine(up, layer_norm(module.norm2, z))))
    np.testing.assert_allclose(module(jnp.asarray(x)), want, rtol=1e-12, atol=1e-12)


def test_the_mixer_layer_by_its_definition() -> None:
    module, x = drawn(Mixer(tokens_features=3, channels_features=6, activation="tanh"), (5, 4))

    def perceptron(of: nnx.Module, x: np.ndarray) -> np.ndarray:
        return affine(of.down, np.tanh(affine(of.up, x)))

    z = np.swapaxes(layer_norm(module.norm1, x), 1, 2)
    y = x + np.swapaxes(perceptron(module.over_tokens, z), 1, 2)
    want = y + perceptron(module.over_features, layer_norm(module.norm2, y))
    np.testing.assert_allclose(module(jnp.asarray(x)), want, rtol=1e-12, atol=1e-12)


def test_the_perceptron_is_four_times_as_wide_by_default() -> None:
    module, _ = drawn(Transformer(heads=1), (2, 3))
    assert module.perceptron.up.kernel.shape == (3, 12)


def test_no_number_passes_through_float32() -> None:
    """Flax's default attention takes its softmax in float32: noise that small eps would count."""
    module, x = drawn(Transformer(heads=2), (3, 4))
    traced = str(jax.make_jaxpr(lambda x: module(x))(jnp.asarray(x)))
    assert "f64" in traced
    assert "f32" not in traced


@pytest.mark.parametrize(
    ("spec", "shape", "cause"),
    [
        (Attention(heads=3), (5, 4), "4 features cannot be split among 3 heads"),
        (Transformer(heads=1), (6,), r"`transformer` takes tokens .* shape \(6,\)"),
        (Mixer(tokens_features=1, channels_features=1), (4, 4, 3), "`mixer` takes tokens"),
    ],
)
def test_what_does_not_fit_is_refused(spec: BlockOptions, shape: Shape, cause: str) -> None:
    with pytest.raises(SpecError, match=cause):
        spec.output_shape(shape)
