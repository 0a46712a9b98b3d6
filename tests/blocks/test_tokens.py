"""Tokens and embeddings: what they make, and data that they refuse."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from sed2.blocks.tokens import Embedding, Tokens
from sed2.errors import SpecError
from sed2.spec.schema import load_spec, shape_check
from tests.cases import estimate_spec

SPEC = {
    "name": "text",
    "blocks": [
        {"embedding": {"vocabulary": 7, "features": 4, "positions": "learned"}},
        {"transformer": {"heads": 2, "mlp_features": 4}},
        {"pool": {"kind": "global"}},
        {"dense": {"features": 2}},
    ],
}


def test_pixels_come_row_by_row_after_the_class_token() -> None:
    spec = Tokens(class_token=True, positions="learned")
    module = spec.build((2, 3, 4), nnx.Rngs(0))
    x = np.random.default_rng(0).normal(size=(5, 2, 3, 4))
    got = np.asarray(module(jnp.asarray(x))) - np.asarray(module.positions[...])
    assert got.shape == (5, 7, 4)
    np.testing.assert_allclose(got[:, 0], np.tile(module.class_token[...], (5, 1)), rtol=1e-12)
    np.testing.assert_allclose(got[:, 1 + 1 * 3 + 2], x[:, 1, 2], rtol=1e-12)


def test_an_embedding_looks_vectors_up() -> None:
    module = Embedding(vocabulary=7, features=4).build((3,), nnx.Rngs(0))
    got = module(jnp.asarray([[0.0, 6.0, 2.0]]))
    np.testing.assert_array_equal(got[0], module.embed.embedding[...][np.array([0, 6, 2])])


def test_text_runs() -> None:
    x = np.random.default_rng(0).integers(7, size=(20, 5))
    result = estimate_spec(SPEC, x, samples=8, draws=3, eps=[0.1], prior="init")
    assert [block.name for block in result.blocks] == ["embedding_1", "transformer_1", "dense_1"]
    assert result.lower_two_sed.estimate[0] > 0


@pytest.mark.parametrize("number", [7, -1, 0.5])
def test_numbers_that_are_no_tokens_are_refused(number: float) -> None:
    x = np.zeros((20, 5))
    x[3, 2] = number
    with pytest.raises(SpecError, match=rf"the tokens 0 to 6, but the data hold {number:g}"):
        estimate_spec(SPEC, x)


def test_an_embedding_after_another_block_is_refused() -> None:
    spec = {"blocks": [{"dense": {"features": 3}}, SPEC["blocks"][0]]}
    with pytest.raises(SpecError, match="takes the data alone") as caught:
        shape_check(load_spec(spec).models[0], (4,))
    assert "first block" in caught.value.mend


@pytest.mark.parametrize(
    ("spec", "shape", "cause"),
    [
        (Embedding(vocabulary=2, features=2), (3, 3), "takes the numbers of tokens"),
        (Tokens(), (3,), "tokens are made of images"),
    ],
)
def test_what_does_not_fit_is_refused(spec, shape, cause: str) -> None:
    with pytest.raises(SpecError, match=cause):
        spec.output_shape(shape)
