"""Architectures of a config.json: those of `transformers`, parameter by parameter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sed2
from sed2.errors import SpecError
from sed2.frameworks.foreign import nested
from sed2.frameworks.huggingface import from_file
from sed2.request import read_spec
from tests.frameworks.nets import sizes

SMALL = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
}
CONFIGS: dict[str, dict[str, Any]] = {
    "BertModel": {**SMALL, "model_type": "bert", "vocab_size": 11},
    "BertForSequenceClassification": {
        **SMALL,
        "model_type": "bert",
        "vocab_size": 11,
        "id2label": {"0": "a", "1": "b", "2": "c"},
    },
    "GPT2Model": {"model_type": "gpt2", "vocab_size": 11, "n_embd": 16, "n_layer": 2, "n_head": 4},
    "GPT2LMHeadModel": {
        **{"model_type": "gpt2", "vocab_size": 11, "n_embd": 16, "n_layer": 1, "n_head": 2},
        **{"bos_token_id": None, "eos_token_id": None},
    },
    "LlamaModel": {**SMALL, "model_type": "llama", "vocab_size": 11, "num_key_value_heads": 2},
    "LlamaForCausalLM": {
        **SMALL,
        "model_type": "llama",
        "vocab_size": 11,
        "attention_bias": True,
        "rope_parameters": {"rope_theta": 500.0, "rope_type": "default"},
    },
    "ViTModel": {**SMALL, "model_type": "vit", "image_size": 8, "patch_size": 4},
    "ViTForImageClassification": {
        **SMALL,
        **{"model_type": "vit", "image_size": 8, "patch_size": 4, "qkv_bias": False},
    },
}


def pairs(config: dict[str, Any]) -> list[Any]:
    return from_file(Path("config.json"), json.dumps(config).encode())


def inputs(config: dict[str, Any], rows: int = 3) -> np.ndarray:
    rng = np.random.default_rng(0)
    if config["model_type"] == "vit":
        return rng.normal(size=(rows, 8, 8, 3))
    return rng.integers(0, 11, (rows, 5)).astype(float)


@pytest.mark.parametrize("head", CONFIGS)
def test_outputs_and_parameters_are_those_of_transformers(head: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    config = CONFIGS[head]
    kind = transformers.AutoConfig.for_model(**config)
    theirs = getattr(transformers, head)(kind).double().eval()
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    parameters = {name: p.detach().numpy() for name, p in theirs.named_parameters()}
    x = inputs(config)
    given = torch.tensor(x)
    with torch.no_grad():
        given = given.permute(0, 3, 1, 2) if x.ndim == 4 else given.long()
        expected = theirs(given)
    names = ("logits",) if "For" in head or "LMHead" in head else ("pooler_output",)
    wanted = next(
        getattr(expected, name) for name in (*names, "last_hidden_state") if hasattr(expected, name)
    )
    network = pairs({**config, "architectures": [head]})
    counted, outputs = 0, jnp.asarray(x)
    for init, apply in network:
        shapes = jax.eval_shape(init, jax.random.key(0), outputs)
        counted += sum(leaf.size for leaf in jax.tree.leaves(shapes))
        outputs = jax.jit(apply)(nested(parameters), outputs)
    assert counted == sizes(parameters)
    close = 1e-6 if head.startswith("Llama") else 1e-9  # its norms are in float32
    np.testing.assert_allclose(outputs, wanted, rtol=close, atol=close)


def test_a_config_is_a_spec(tmp_path: Path) -> None:
    path, data = str(tmp_path / "config.json"), str(tmp_path / "x.npz")
    config = CONFIGS["BertForSequenceClassification"]
    head = {"architectures": ["BertForSequenceClassification"], "num_hidden_layers": 1}
    whole = {**config, **head}
    Path(path).write_text(json.dumps(whole))
    np.savez(data, x=inputs(config, 12))
    (checked,) = sed2.validate(path, dataset=data)
    assert (checked.name, checked.blocks, checked.output_shape) == ("bert", 5, (3,))
    (also,) = read_spec({"models": [{"name": "b", "huggingface": path}]}, False, False).models
    assert also.name == "b"
    assert len(also.blocks) == 3


def test_a_tied_head_is_one_block_with_its_embedding() -> None:
    head = {"architectures": ["GPT2LMHeadModel"]}
    assert len(pairs({**CONFIGS["GPT2LMHeadModel"], **head})) == 1
    assert len(pairs({**CONFIGS["GPT2LMHeadModel"], **head, "tie_word_embeddings": False})) == 3


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"model_type": "berd"}, "family `berd`.*Did you mean `bert`"),
        ({"architectures": ["BertForMaskedLM"]}, "architecture `BertForMaskedLM`"),
        ({"hidden_act": "gulu"}, "activation `gulu`.*Did you mean `gelu`"),
        ({"is_decoder": True}, "`is_decoder` true is not known"),
        ({"hidden_size": "wide"}, "`hidden_size` must be a number"),
    ],
)
def test_what_is_not_known_is_told(change: dict[str, Any], told: str) -> None:
    with pytest.raises(SpecError, match=told):
        pairs({**CONFIGS["BertModel"], **change})


def test_a_token_beyond_the_vocabulary_is_no_other_token() -> None:
    init, apply = pairs(CONFIGS["BertModel"])[0]
    x = jnp.asarray([[1.0, 2.0], [3.0, 11.0]])
    outputs = apply(init(jax.random.key(0), x), x)
    assert jnp.isfinite(outputs[0]).all()
    assert not jnp.isfinite(outputs[1]).any(axis=-1).all()
