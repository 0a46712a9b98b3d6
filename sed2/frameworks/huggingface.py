"""The architectures that a `config.json` of Hugging Face stands for, without `transformers`.

A network is a list of (init, apply) pairs: the embedding, each layer, and the head. One whose head
is its embedding is a single pair, since blocks cannot share parameters. Parameters have the names
and shapes of `transformers` 5, and are initialised as there. Attention sees all tokens, or all
before it in a decoder; there is no padding. Dropout is the identity.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from sed2.errors import SpecError, did_you_mean, shown
from sed2.frameworks import aten
from sed2.frameworks.foreign import found, nested

_ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "gelu": lambda x: jax.nn.gelu(x, approximate=False),
    "gelu_new": jax.nn.gelu,
    "gelu_pytorch_tanh": jax.nn.gelu,
    "relu": jax.nn.relu,
    "silu": jax.nn.silu,
    "swish": jax.nn.silu,
    "tanh": jnp.tanh,
}
Pair = tuple[Callable[..., Any], Callable[..., Any]]
Get = Callable[..., jax.Array]
"""From the name of a parameter and the sizes of its axes to its value."""
Link = Callable[[Get, jax.Array], jax.Array]
"""A part of a network, on a batch of inputs."""


class _Config:
    """The values of a `config.json`, and what is not known of them as a fault."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values

    def __call__(self, name: str, default: Any) -> Any:
        value = self.values.get(name, default)
        if isinstance(default, bool):
            return bool(value)
        if isinstance(default, int | float) and not isinstance(value, int | float):
            raise SpecError(f"`{name}` must be a number, not {shown(value)}")
        return value

    def activation(self, name: str, default: str) -> Callable[[jax.Array], jax.Array]:
        value = self.values.get(name, default)
        if value not in _ACTIVATIONS:
            raise SpecError(
                f"the activation `{shown(value)}` is not known",
                mend=did_you_mean(str(value), _ACTIVATIONS),
            )
        return _ACTIVATIONS[value]

    def refuse(self, **usual: Any) -> None:
        """
        Raises:
            SpecError: an option has another value than the one that is known.
        """
        for name, value in usual.items():
            if self.values.get(name, value) != value:
                raise SpecError(
                    f"`{name}` {shown(json.dumps(self.values[name]))} is not known",
                    mend=f"Only {json.dumps(value)} is",
                )

    @property
    def labels(self) -> int:
        return len(self.values.get("id2label") or range(self("num_labels", 2)))


def from_file(path: Path, content: bytes) -> list[Pair]:
    """
    Raises:
        SpecError: the file is no `config.json` of a family that is known.
    """
    try:
        values = json.loads(content)
        kind = values["model_type"]
    except (ValueError, KeyError, TypeError) as error:
        raise SpecError(
            f"`{path}` is no config.json of Hugging Face: it has no `model_type`",
            mend="Name the config.json that stands beside the weights of a model",
        ) from error
    if kind not in FAMILIES:
        raise SpecError(
            f"the family `{shown(kind)}` of `{path}` is not known",
            mend=f"{did_you_mean(str(kind), FAMILIES)}. Others can be given as PyTorch modules: "
            "`module: package.module:factory`",
        )
    of, heads = FAMILIES[kind]
    head = (values.get("architectures") or [next(iter(heads))])[0]
    if head not in heads:
        raise SpecError(
            f"the architecture `{shown(head)}` of `{path}` is not known",
            mend=did_you_mean(str(head), heads),
        )
    config = _Config(values)
    config.refuse(is_decoder=False, add_cross_attention=False)
    links, tied = of(config, head)
    std = float(config("initializer_range", 0.02))
    return [_pair(links, std)] if tied else [_pair([link], std) for link in links]


def _pair(links: Sequence[Link], std: float) -> Pair:
    def through(get: Get, x: jax.Array) -> jax.Array:
        for link in links:
            x = link(get, x)
        return x

    def init(key: jax.Array, x: jax.Array) -> Any:
        """Norms 1, biases and class tokens 0, all else from N(0, std^2)."""
        shapes: dict[str, tuple[int, ...]] = {}

        def asked(name: str, *shape: int) -> jax.Array:
            return jnp.zeros(shapes.setdefault(name, shape))

        jax.eval_shape(partial(through, asked), x)
        values = {}
        for number, (name, shape) in enumerate(shapes.items()):
            if name.endswith((".bias", "cls_token")):
                values[name] = jnp.zeros(shape)
            elif len(shape) == 1:
                values[name] = jnp.ones(shape)
            else:
                values[name] = std * jax.random.normal(jax.random.fold_in(key, number), shape)
        return nested(values)

    def apply(parameters: Any, x: jax.Array) -> jax.Array:
        return through(lambda name, *shape: found(parameters, name), x)

    return init, apply


def _linear(get: Get, name: str, x: jax.Array, outputs: int, bias: bool = True) -> jax.Array:
    product = x @ get(f"{name}.weight", outputs, x.shape[-1]).T
    return product + get(f"{name}.bias", outputs) if bias else product


def _norm(get: Get, name: str, x: jax.Array, eps: float) -> jax.Array:
    norm, shape = aten.OPERATORS["native_layer_norm"], x.shape[-1:]
    outputs: jax.Array = norm(
        x, shape, get(f"{name}.weight", *shape), get(f"{name}.bias", *shape), float(eps)
    )[0]
    return outputs


def _attended(parts: Sequence[jax.Array], heads: int, of_keys: int, *, causal: bool) -> jax.Array:
    """The values that every token takes, from queries, keys and values (N, T, ...).

    Args:
        heads, of_keys: how many of queries, and of keys and values.
    """
    split = [
        jnp.swapaxes(x.reshape(*x.shape[:2], count, -1), 1, 2)
        for x, count in zip(parts, (heads, of_keys, of_keys), strict=True)
    ]
    attention = aten.OPERATORS["scaled_dot_product_attention"]
    mixed = attention(*split, causal=causal, enable_gqa=heads != of_keys)
    return jnp.swapaxes(mixed, 1, 2).reshape(*parts[0].shape[:2], -1)


def _looked_up(table: jax.Array, tokens: jax.Array, longest: int = 0) -> jax.Array:
    """
    Raises:
        SpecError: the inputs are no sequences of tokens, or too long.
    """
    if tokens.ndim != 2 or (longest and tokens.shape[1] > longest):
        raise SpecError(
            f"it takes the numbers of {f'at most {longest} ' if longest else ''}tokens, but its "
            f"input has shape {tokens.shape[1:]}",
            mend="Take data with one whole number per token",
        )
    # A token that is not in the vocabulary gives NaN, which is refused, and no other token's row.
    return jnp.take(table, tokens.astype(int), axis=0, mode="fill")


def _bert(config: _Config, head: str) -> tuple[list[Link], bool]:
    config.refuse(position_embedding_type="absolute", chunk_size_feed_forward=0)
    base = "" if head == "BertModel" else "bert."
    width, inner = config("hidden_size", 768), config("intermediate_size", 3072)
    heads, eps = config("num_attention_heads", 12), config("layer_norm_eps", 1e-12)
    longest, vocabulary = config("max_position_embeddings", 512), config("vocab_size", 30522)
    types, layers = config("type_vocab_size", 2), config("num_hidden_layers", 12)
    act = config.activation("hidden_act", "gelu")

    def embed(get: Get, x: jax.Array) -> jax.Array:
        at = f"{base}embeddings"
        words = _looked_up(get(f"{at}.word_embeddings.weight", vocabulary, width), x, longest)
        places = get(f"{at}.position_embeddings.weight", longest, width)[: x.shape[1]]
        whole = words + places + get(f"{at}.token_type_embeddings.weight", types, width)[0]
        return _norm(get, f"{at}.LayerNorm", whole, eps)

    def layer(at: str, get: Get, x: jax.Array) -> jax.Array:
        own = f"{at}.attention"
        parts = [_linear(get, f"{own}.self.{one}", x, width) for one in ("query", "key", "value")]
        mixed = _attended(parts, heads, heads, causal=False)
        mixed = _linear(get, f"{own}.output.dense", mixed, width)
        x = _norm(get, f"{own}.output.LayerNorm", x + mixed, eps)
        wide = act(_linear(get, f"{at}.intermediate.dense", x, inner))
        x = x + _linear(get, f"{at}.output.dense", wide, width)
        return _norm(get, f"{at}.output.LayerNorm", x, eps)

    def pool(get: Get, x: jax.Array) -> jax.Array:
        pooled = jnp.tanh(_linear(get, f"{base}pooler.dense", x[:, 0], width))
        return pooled if not base else _linear(get, "classifier", pooled, config.labels)

    encoder = [partial(layer, f"{base}encoder.layer.{i}") for i in range(layers)]
    return [embed, *encoder, pool], False


def _gpt2(config: _Config, head: str) -> tuple[list[Link], bool]:
    config.refuse(scale_attn_weights=True, scale_attn_by_inverse_layer_idx=False)
    base = "" if head == "GPT2Model" else "transformer."
    width, heads = config("n_embd", 768), config("n_head", 12)
    inner = config.values.get("n_inner") or 4 * width
    eps, longest = config("layer_norm_epsilon", 1e-5), config("n_positions", 1024)
    vocabulary, layers = config("vocab_size", 50257), config("n_layer", 12)
    act = config.activation("activation_function", "gelu_new")
    tied = bool(base) and config("tie_word_embeddings", True)

    def product(get: Get, name: str, x: jax.Array, outputs: int) -> jax.Array:
        """Of a kernel (inputs, outputs), which GPT-2 alone has."""
        return x @ get(f"{name}.weight", x.shape[-1], outputs) + get(f"{name}.bias", outputs)

    def embed(get: Get, x: jax.Array) -> jax.Array:
        words = _looked_up(get(f"{base}wte.weight", vocabulary, width), x, longest)
        return words + get(f"{base}wpe.weight", longest, width)[: x.shape[1]]

    def layer(at: str, get: Get, x: jax.Array) -> jax.Array:
        mixed = product(get, f"{at}.attn.c_attn", _norm(get, f"{at}.ln_1", x, eps), 3 * width)
        mixed = _attended(jnp.split(mixed, 3, -1), heads, heads, causal=True)
        x = x + product(get, f"{at}.attn.c_proj", mixed, width)
        wide = act(product(get, f"{at}.mlp.c_fc", _norm(get, f"{at}.ln_2", x, eps), inner))
        return x + product(get, f"{at}.mlp.c_proj", wide, width)

    def finish(get: Get, x: jax.Array) -> jax.Array:
        x = _norm(get, f"{base}ln_f", x, eps)
        table = f"{base}wte.weight" if tied else "lm_head.weight"
        return x @ get(table, vocabulary, width).T if base else x

    return [embed, *(partial(layer, f"{base}h.{i}") for i in range(layers)), finish], tied


def _llama(config: _Config, head: str) -> tuple[list[Link], bool]:
    rope = config.values.get("rope_parameters") or config.values.get("rope_scaling") or {}
    if rope.get("rope_type", rope.get("type", "default")) != "default":
        raise SpecError(f"the rotary embedding {shown(rope)} is not known", mend="Only default is")
    base = "" if head == "LlamaModel" else "model."
    width, inner = config("hidden_size", 4096), config("intermediate_size", 11008)
    heads, eps = config("num_attention_heads", 32), config("rms_norm_eps", 1e-6)
    of_keys = config.values.get("num_key_value_heads") or heads
    size = config.values.get("head_dim") or width // heads
    theta = float(rope.get("rope_theta", config("rope_theta", 10000.0)))
    biased, wide_biased = config("attention_bias", False), config("mlp_bias", False)
    act = config.activation("hidden_act", "silu")
    vocabulary, layers = config("vocab_size", 32000), config("num_hidden_layers", 32)
    tied = bool(base) and config("tie_word_embeddings", False)

    def rms(get: Get, name: str, x: jax.Array) -> jax.Array:
        power = jnp.mean(jnp.square(x), -1, keepdims=True)
        return x * lax.rsqrt(power + eps) * get(f"{name}.weight", x.shape[-1])

    def turned(x: jax.Array, count: int) -> jax.Array:
        """Every head (N, T, size) by angles that grow with the place of the token."""
        x = x.reshape(*x.shape[:2], count, size)
        speeds = theta ** -(jnp.arange(0, size, 2) / size)
        angles = jnp.arange(x.shape[1])[:, None] * jnp.concatenate([speeds, speeds])
        angles = angles[:, None].astype(x.dtype)
        low, high = jnp.split(x, 2, -1)
        other = jnp.concatenate([-high, low], -1)
        return (x * jnp.cos(angles) + other * jnp.sin(angles)).reshape(*x.shape[:2], -1)

    def embed(get: Get, x: jax.Array) -> jax.Array:
        return _looked_up(get(f"{base}embed_tokens.weight", vocabulary, width), x)

    def layer(at: str, get: Get, x: jax.Array) -> jax.Array:
        own, normed = f"{at}.self_attn", rms(get, f"{at}.input_layernorm", x)
        query, key, value = (
            _linear(get, f"{own}.{one}_proj", normed, count * size, biased)
            for one, count in (("q", heads), ("k", of_keys), ("v", of_keys))
        )
        query, key = turned(query, heads), turned(key, of_keys)
        mixed = _attended([query, key, value], heads, of_keys, causal=True)
        x = x + _linear(get, f"{own}.o_proj", mixed, width, biased)
        normed = rms(get, f"{at}.post_attention_layernorm", x)
        gate = act(_linear(get, f"{at}.mlp.gate_proj", normed, inner, wide_biased))
        wide = gate * _linear(get, f"{at}.mlp.up_proj", normed, inner, wide_biased)
        return x + _linear(get, f"{at}.mlp.down_proj", wide, width, wide_biased)

    def finish(get: Get, x: jax.Array) -> jax.Array:
        x = rms(get, f"{base}norm", x)
        table = f"{base}embed_tokens.weight" if tied else "lm_head.weight"
        return x @ get(table, vocabulary, width).T if base else x

    return [embed, *(partial(layer, f"{base}layers.{i}") for i in range(layers)), finish], tied


def _vit(config: _Config, head: str) -> tuple[list[Link], bool]:
    base = "" if head == "ViTModel" else "vit."
    width, inner = config("hidden_size", 768), config("intermediate_size", 3072)
    heads, eps = config("num_attention_heads", 12), config("layer_norm_eps", 1e-12)
    side, patch = config("image_size", 224), config("patch_size", 16)
    channels, biased = config("num_channels", 3), config("qkv_bias", True)
    act, layers = config.activation("hidden_act", "gelu"), config("num_hidden_layers", 12)
    pooled = config("pooler_output_size", width)
    pool_act = config.activation("pooler_act", "tanh")

    def embed(get: Get, x: jax.Array) -> jax.Array:
        if x.shape[1:] != (side, side, channels):
            raise SpecError(
                f"it takes images of shape {(side, side, channels)}, but its input has shape "
                f"{x.shape[1:]}",
                mend="Write the size of the images as `image_size` in the config.json",
            )
        at, name = f"{base}embeddings", f"{base}embeddings.patch_embeddings.projection"
        first = jnp.broadcast_to(get(f"{at}.cls_token", 1, 1, width), (len(x), 1, width))
        places = get(f"{at}.position_embeddings", 1, (side // patch) ** 2 + 1, width)
        patches = lax.conv_general_dilated(
            x,
            get(f"{name}.weight", width, channels, patch, patch),
            (patch, patch),
            "VALID",
            dimension_numbers=("NHWC", "OIHW", "NHWC"),
        )
        patches = (patches + get(f"{name}.bias", width)).reshape(len(x), -1, width)
        return jnp.concatenate([first, patches], 1) + places

    def layer(at: str, get: Get, x: jax.Array) -> jax.Array:
        own, normed = f"{at}.attention", _norm(get, f"{at}.layernorm_before", x, eps)
        parts = [_linear(get, f"{own}.{one}_proj", normed, width, biased) for one in "qkv"]
        x = x + _linear(get, f"{own}.o_proj", _attended(parts, heads, heads, causal=False), width)
        normed = _norm(get, f"{at}.layernorm_after", x, eps)
        wide = act(_linear(get, f"{at}.mlp.fc1", normed, inner))
        return x + _linear(get, f"{at}.mlp.fc2", wide, width)

    def finish(get: Get, x: jax.Array) -> jax.Array:
        first = _norm(get, f"{base}layernorm", x, eps)[:, 0]
        if base:
            return _linear(get, "classifier", first, config.labels)
        return pool_act(_linear(get, "pooler.dense", first, pooled))

    return [embed, *(partial(layer, f"{base}layers.{i}") for i in range(layers)), finish], False


FAMILIES: dict[str, tuple[Callable[[_Config, str], tuple[list[Link], bool]], tuple[str, ...]]] = {
    "bert": (_bert, ("BertModel", "BertForSequenceClassification")),
    "gpt2": (_gpt2, ("GPT2Model", "GPT2LMHeadModel")),
    "llama": (_llama, ("LlamaModel", "LlamaForCausalLM")),
    "vit": (_vit, ("ViTModel", "ViTForImageClassification")),
}
"""By `model_type`, what makes a network, and the architectures of it that are known."""
