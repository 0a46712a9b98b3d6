"""The networks of the zoo: real architectures of each framework, with small inputs.

Each is made by a function that returns the network, how many parameters its framework counts, and
what the framework computes. What sed2 is given is the network itself. Parameters that start at zero
would hide what stands before them, so random numbers are added to those of PyTorch.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("KERAS_BACKEND", "jax")


@dataclass(frozen=True)
class Made:
    """A network, ready to be compared."""

    network: Any
    """As sed2 takes it."""
    parameters: int
    """As the framework counts them."""
    outputs: Callable[[np.ndarray], np.ndarray]
    """By the framework, for inputs (N, ...) of sed2's layout."""
    values: dict[str, np.ndarray] | None = None
    """Of the parameters, where the network does not hold them."""


@dataclass(frozen=True)
class Entry:
    """A network of the zoo, not made yet."""

    framework: str
    name: str
    shape: tuple[int, ...]
    """Of one input."""
    make: Callable[[], Made]
    tokens: int = 0
    """How many there are; 0 if the inputs are no tokens."""
    quick: bool = False
    """Whether it is among the tests."""


def of_torch(module: Any) -> Made:
    import torch

    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.02 * torch.randn_like(parameter)
    module = module.double().eval()
    return Made(module, sum(p.numel() for p in module.parameters()), _by_torch(module))


def _by_torch(module: Any) -> Callable[[np.ndarray], np.ndarray]:
    import torch

    def outputs(x: np.ndarray) -> np.ndarray:
        given = torch.tensor(x)
        given = given.permute(0, 3, 1, 2) if x.ndim == 4 else given
        whole = any(isinstance(layer, torch.nn.Embedding) for layer in module.modules())
        with torch.no_grad():
            found = module(given.long() if whole else given)
        for name in ("logits", "pooler_output", "last_hidden_state"):
            if getattr(found, name, None) is not None:
                found = getattr(found, name)
                break
        return np.asarray(found)

    return outputs


def torchvision(name: str, **options: Any) -> Made:
    from torchvision import models

    return of_torch(models.get_model(name, weights=None, num_classes=10, **options))


def torchvision_resnet(layers: list[int], width: int) -> Made:
    from torchvision.models import resnet

    class Thin(resnet.ResNet):
        def _make_layer(self, block: Any, planes: int, *args: Any, **kwargs: Any) -> Any:
            return super()._make_layer(block, planes * width // 64, *args, **kwargs)

    model = Thin(resnet.BasicBlock, layers, num_classes=10)
    return of_torch(_with_head(model, 512 * width // 64))


def _with_head(model: Any, features: int) -> Any:
    import torch

    model.fc = torch.nn.Linear(features, 10)
    return model


def torchvision_vit() -> Made:
    from torchvision.models import VisionTransformer

    model = VisionTransformer(
        image_size=32,
        patch_size=8,
        num_layers=2,
        num_heads=2,
        hidden_dim=32,
        mlp_dim=64,
        num_classes=10,
    )
    return of_torch(model)


def torchvision_swin(kind: str) -> Made:
    from torchvision.models import swin_transformer as swin

    more = {"block": swin.SwinTransformerBlockV2, "downsample_layer": swin.PatchMergingV2}
    model = swin.SwinTransformer(
        patch_size=[4, 4],
        embed_dim=16,
        depths=[2, 2],
        num_heads=[2, 4],
        window_size=[4, 4],
        num_classes=10,
        **(more if kind == "v2" else {}),
    )
    return of_torch(model)


def torchvision_convnext() -> Made:
    from torchvision.models.convnext import CNBlockConfig, ConvNeXt

    return of_torch(
        ConvNeXt([CNBlockConfig(16, 32, 2), CNBlockConfig(32, None, 2)], num_classes=10)
    )


def timm(name: str, **options: Any) -> Made:
    import timm as package

    return of_torch(package.create_model(name, num_classes=10, **options))


def timm_mixer(kind: str) -> Made:
    from functools import partial

    from timm.layers import GatedMlp
    from timm.models import mlp_mixer as mixers

    options: dict[str, Any] = {
        "mixer": {},
        "gmlp": {"block_layer": mixers.SpatialGatingBlock, "mlp_layer": GatedMlp, "mlp_ratio": 6},
        "resmlp": {
            "block_layer": partial(mixers.ResBlock, init_values=1e-4),
            "norm_layer": mixers.Affine,
            "mlp_ratio": 4,
        },
    }[kind]
    return of_torch(
        mixers.MlpMixer(
            num_classes=10, img_size=32, patch_size=8, num_blocks=2, embed_dim=24, **options
        )
    )


def torch_layer(kind: str) -> Made:
    import torch
    from torch import nn

    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = getattr(nn, kind)(5, 8, batch_first=True)
            self.head = nn.Linear(8, 3)

        def forward(self, x: Any) -> Any:
            return self.head(self.layer(x)[0][:, -1])

    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
            self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
            self.head = nn.Linear(8, 3)

        def forward(self, x: Any) -> Any:
            return self.head(self.layers(x).mean(1))

    torch.manual_seed(0)
    return of_torch(Encoder() if kind == "TransformerEncoder" else Recurrent())


_SMALL = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 32,
}


def _transformers(kind: str, options: dict[str, Any]) -> Any:
    import transformers

    made = transformers.AutoConfig.for_model(**options)
    return getattr(transformers, kind)(made)


def transformers(kind: str, **options: Any) -> Made:
    """As a PyTorch module."""
    return of_torch(_transformers(kind, {"use_cache": False, **options}))


def config_json(kind: str, **options: Any) -> Made:
    """By its config.json alone, against the module with the same parameters."""
    from sed2.frameworks.huggingface import from_file

    made = of_torch(_transformers(kind, options))
    values = {name: p.detach().numpy() for name, p in made.network.named_parameters()}
    config = {**options, "architectures": [kind]}
    pairs = from_file(Path("config.json"), json.dumps(config).encode())
    return Made(pairs, made.parameters, made.outputs, values)


def keras(name: str, **options: Any) -> Made:
    import keras as package

    make = getattr(package.applications, name)
    model = make(input_shape=(32, 32, 3), weights=None, classes=10, **options)
    return of_keras(model)


def keras_small(kind: str) -> Made:
    from keras import Input, Sequential, layers

    if kind == "mlp":
        parts = [Input((12,)), layers.Dense(16, "relu"), layers.Dense(3)]
    elif kind == "cnn":
        parts = [
            Input((12, 12, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(3),
        ]
    else:
        parts = [Input((6,)), layers.Embedding(11, 8), layers.LSTM(8), layers.Dense(3)]
    return of_keras(Sequential(parts))


def of_keras(model: Any) -> Made:
    count = sum(int(np.prod(one.shape)) for one in model.trainable_variables)
    return Made(model, count, lambda x: np.asarray(model(x, training=False)))


def equinox(kind: str) -> Made:
    import equinox as eqx
    import jax
    import jax.numpy as jnp

    class Cnn(eqx.Module):
        layers: list[Any]

        def __init__(self, key: Any) -> None:
            one, two, three = jax.random.split(key, 3)
            self.layers = [
                eqx.nn.Conv2d(1, 3, 4, key=one),
                eqx.nn.MaxPool2d(2, 2),
                jax.nn.relu,
                jnp.ravel,
                eqx.nn.Linear(48, 16, key=two),
                jax.nn.sigmoid,
                eqx.nn.Linear(16, 3, key=three),
            ]

        def __call__(self, x: Any) -> Any:
            for layer in self.layers:
                x = layer(x)
            return x

    class Attending(eqx.Module):
        attention: Any
        norm: Any
        head: Any

        def __init__(self, key: Any) -> None:
            one, two = jax.random.split(key)
            self.attention = eqx.nn.MultiheadAttention(2, 8, key=one)
            self.norm = eqx.nn.LayerNorm(8)
            self.head = eqx.nn.Linear(8, 3, key=two)

        def __call__(self, x: Any) -> Any:
            x = x + self.attention(x, x, x)
            return self.head(jax.vmap(self.norm)(x).mean(0))

    class Gru(eqx.Module):
        cell: Any
        head: Any

        def __init__(self, key: Any) -> None:
            one, two = jax.random.split(key)
            self.cell = eqx.nn.GRUCell(5, 8, key=one)
            self.head = eqx.nn.Linear(8, 3, key=two)

        def __call__(self, x: Any) -> Any:
            start = jnp.zeros(8, x.dtype)
            last, _ = jax.lax.scan(lambda h, one: (self.cell(one, h), None), start, x)
            return self.head(last)

    key = jax.random.key(0)
    mlp = {"mlp": lambda: eqx.nn.MLP(12, 3, 16, 2, key=key)}
    model = (
        mlp
        | {"cnn": lambda: Cnn(key), "attention": lambda: Attending(key)}
        | {"gru": lambda: Gru(key)}
    )[kind]()
    leaves = jax.tree.leaves(eqx.filter(model, eqx.is_inexact_array))

    def outputs(x: np.ndarray) -> np.ndarray:
        given = jnp.moveaxis(jnp.asarray(x), -1, 1) if x.ndim == 4 else jnp.asarray(x)
        return np.asarray(jax.vmap(model)(given))

    return Made(model, sum(leaf.size for leaf in leaves), outputs)


def flax(kind: str) -> Made:
    import jax
    import jax.numpy as jnp
    from flax import linen, nnx

    class Cnn(nnx.Module):
        """The network of the MNIST example of Flax, with fewer channels."""

        def __init__(self, rngs: nnx.Rngs) -> None:
            self.conv1 = nnx.Conv(1, 8, (3, 3), rngs=rngs)
            self.norm = nnx.BatchNorm(8, rngs=rngs)
            self.conv2 = nnx.Conv(8, 8, (3, 3), rngs=rngs)
            self.linear1 = nnx.Linear(72, 16, rngs=rngs)
            self.linear2 = nnx.Linear(16, 3, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            x = nnx.avg_pool(nnx.relu(self.norm(self.conv1(x))), (2, 2), (2, 2))
            x = nnx.avg_pool(nnx.relu(self.conv2(x)), (2, 2), (2, 2))
            return self.linear2(nnx.relu(self.linear1(x.reshape(len(x), -1))))

    class Block(nnx.Module):
        def __init__(self, rngs: nnx.Rngs) -> None:
            self.norm1, self.norm2 = nnx.LayerNorm(8, rngs=rngs), nnx.LayerNorm(8, rngs=rngs)
            self.attention = nnx.MultiHeadAttention(2, 8, decode=False, rngs=rngs)
            self.wide = nnx.Linear(8, 16, rngs=rngs)
            self.narrow = nnx.Linear(16, 8, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            x = x + self.attention(self.norm1(x))
            return x + self.narrow(nnx.gelu(self.wide(self.norm2(x))))

    class Linen(linen.Module):
        @linen.compact
        def __call__(self, x: Any) -> Any:
            x = linen.relu(linen.Conv(8, (3, 3))(x))
            x = linen.avg_pool(x, (2, 2), (2, 2)).reshape(len(x), -1)
            return linen.Dense(3)(linen.relu(linen.Dense(16)(x)))

    if kind == "linen":
        model = Linen()
        x = jnp.zeros((1, 12, 12, 1))
        made = model.init(jax.random.key(0), x)["params"]
        values = {
            ".".join(str(each.key) for each in path): np.asarray(leaf)
            for path, leaf in jax.tree_util.tree_leaves_with_path(made)
        }
        count = sum(value.size for value in values.values())

        def apply(x: np.ndarray) -> np.ndarray:
            return np.asarray(model.apply({"params": made}, jnp.asarray(x)))

        return Made(model, count, apply, values)
    module: Any = {"cnn": Cnn, "transformer": Block}[kind](nnx.Rngs(0))
    module.eval()
    leaves = jax.tree.leaves(nnx.state(module, nnx.Param))
    return Made(
        module, sum(leaf.size for leaf in leaves), lambda x: np.asarray(module(jnp.asarray(x)))
    )


def onnx(made: Callable[[], Made], shape: tuple[int, ...]) -> Made:
    """The file that PyTorch writes of a network."""
    import warnings

    import onnx as package
    import torch

    source = made()
    module = source.network.float()
    x = torch.zeros((2, shape[-1], *shape[:-1]) if len(shape) == 3 else (2, *shape))
    written = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            (x,),
            written,
            dynamo=False,
            input_names=["x"],
            dynamic_axes={"x": {0: "batch"}},
            do_constant_folding=False,
            training=torch.onnx.TrainingMode.PRESERVE,
        )
    model = package.load_model_from_string(written.getvalue())
    return Made(model, source.parameters, _by_torch(module.double()))


def _entries() -> list[Entry]:
    image, tokens = (32, 32, 3), (6,)
    return [
        Entry("torchvision", "ResNet-18", image, lambda: torchvision("resnet18")),
        Entry(
            "torchvision",
            "ResNet-10, width 8",
            image,
            lambda: torchvision_resnet([1, 1, 1, 1], 8),
            quick=True,
        ),
        Entry(
            "torchvision",
            "VGG-11 with batch norm",
            image,
            lambda: torchvision_vgg(),
        ),
        Entry(
            "torchvision",
            "MobileNet V2, width 0.25",
            image,
            lambda: torchvision("mobilenet_v2", width_mult=0.25),
        ),
        Entry(
            "torchvision",
            "MobileNet V3 small",
            image,
            lambda: torchvision("mobilenet_v3_small", reduced_tail=True),
        ),
        Entry(
            "torchvision", "ShuffleNet V2 x0.5", image, lambda: torchvision("shufflenet_v2_x0_5")
        ),
        Entry("torchvision", "SqueezeNet 1.1", image, lambda: torchvision("squeezenet1_1")),
        Entry("torchvision", "MNASNet 0.5", image, lambda: torchvision("mnasnet0_5")),
        Entry("torchvision", "EfficientNet B0", image, lambda: torchvision("efficientnet_b0")),
        Entry("torchvision", "ConvNeXt, width 16", image, torchvision_convnext),
        Entry("torchvision", "ViT, width 32", image, torchvision_vit),
        Entry("torchvision", "Swin, width 16", image, lambda: torchvision_swin("v1")),
        Entry("torchvision", "Swin V2, width 16", image, lambda: torchvision_swin("v2")),
        Entry("timm", "ResNet-10-T", image, lambda: timm("resnet10t")),
        Entry("timm", "MobileNet V3 small 0.5", image, lambda: timm("mobilenetv3_small_050")),
        Entry(
            "timm",
            "ConvNeXt atto",
            image,
            lambda: timm("convnext_atto"),
        ),
        Entry(
            "timm",
            "ViT tiny, width 24",
            image,
            lambda: timm("vit_tiny_patch16_224", img_size=32, patch_size=8, embed_dim=24, depth=2),
        ),
        Entry(
            "timm",
            "DeiT tiny, width 24",
            image,
            lambda: timm("deit_tiny_patch16_224", img_size=32, patch_size=8, embed_dim=24, depth=2),
        ),
        Entry(
            "timm",
            "MLP-Mixer, width 24",
            image,
            lambda: timm_mixer("mixer"),
        ),
        Entry(
            "timm",
            "gMLP, width 24",
            image,
            lambda: timm_mixer("gmlp"),
        ),
        Entry(
            "timm",
            "ResMLP, width 24",
            image,
            lambda: timm_mixer("resmlp"),
        ),
        Entry(
            "timm",
            "PoolFormer S12",
            (64, 64, 3),
            lambda: timm("poolformer_s12"),
        ),
        Entry("timm", "NFNet-L0", image, lambda: timm("nfnet_l0")),
        Entry("PyTorch", "LSTM", (6, 5), lambda: torch_layer("LSTM")),
        Entry("PyTorch", "GRU", (6, 5), lambda: torch_layer("GRU"), quick=True),
        Entry("PyTorch", "TransformerEncoder", (6, 8), lambda: torch_layer("TransformerEncoder")),
        Entry(
            "transformers",
            "BERT",
            tokens,
            lambda: transformers(
                "BertForSequenceClassification", model_type="bert", vocab_size=11, **_SMALL
            ),
            11,
        ),
        Entry(
            "transformers",
            "DistilBERT",
            tokens,
            lambda: transformers(
                "DistilBertModel",
                model_type="distilbert",
                vocab_size=11,
                dim=16,
                n_layers=2,
                n_heads=4,
                hidden_dim=32,
            ),
            11,
        ),
        Entry(
            "transformers",
            "GPT-2",
            tokens,
            lambda: transformers(
                "GPT2LMHeadModel",
                model_type="gpt2",
                vocab_size=11,
                n_embd=16,
                n_layer=2,
                n_head=4,
                bos_token_id=None,
                eos_token_id=None,
            ),
            11,
        ),
        Entry(
            "transformers",
            "ViT",
            image,
            lambda: transformers(
                "ViTForImageClassification", model_type="vit", image_size=32, patch_size=8, **_SMALL
            ),
        ),
        Entry(
            "transformers",
            "T5 encoder",
            tokens,
            lambda: transformers(
                "T5EncoderModel",
                model_type="t5",
                vocab_size=11,
                d_model=16,
                d_kv=4,
                d_ff=32,
                num_layers=2,
                num_heads=4,
            ),
            11,
        ),
        Entry(
            "config.json",
            "BERT",
            tokens,
            lambda: config_json(
                "BertForSequenceClassification", model_type="bert", vocab_size=11, **_SMALL
            ),
            11,
            quick=True,
        ),
        Entry(
            "config.json",
            "GPT-2",
            tokens,
            lambda: config_json(
                "GPT2Model", model_type="gpt2", vocab_size=11, n_embd=16, n_layer=2, n_head=4
            ),
            11,
        ),
        Entry(
            "config.json",
            "Llama",
            tokens,
            lambda: config_json("LlamaForCausalLM", model_type="llama", vocab_size=11, **_SMALL),
            11,
        ),
        Entry(
            "config.json",
            "ViT",
            image,
            lambda: config_json(
                "ViTForImageClassification", model_type="vit", image_size=32, patch_size=8, **_SMALL
            ),
        ),
        Entry("Keras", "MLP", (12,), lambda: keras_small("mlp"), quick=True),
        Entry("Keras", "CNN", (12, 12, 1), lambda: keras_small("cnn")),
        Entry("Keras", "LSTM", tokens, lambda: keras_small("lstm"), 11),
        Entry("Keras", "MobileNet, width 0.25", image, lambda: keras("MobileNet", alpha=0.25)),
        Entry("Keras", "MobileNet V2, width 0.35", image, lambda: keras("MobileNetV2", alpha=0.35)),
        Entry("Keras", "EfficientNet B0", image, lambda: keras("EfficientNetB0")),
        Entry("Equinox", "MLP", (12,), lambda: equinox("mlp"), quick=True),
        Entry("Equinox", "CNN", (12, 12, 1), lambda: equinox("cnn")),
        Entry("Equinox", "attention", (6, 8), lambda: equinox("attention")),
        Entry("Equinox", "GRU", (6, 5), lambda: equinox("gru")),
        Entry("Flax nnx", "CNN of the MNIST example, width 8", (12, 12, 1), lambda: flax("cnn")),
        Entry("Flax nnx", "transformer block", (6, 8), lambda: flax("transformer")),
        Entry("Flax linen", "CNN", (12, 12, 1), lambda: flax("linen")),
        Entry(
            "ONNX",
            "ResNet-10, width 8",
            image,
            lambda: onnx(lambda: torchvision_resnet([1, 1, 1, 1], 8), image),
        ),
        Entry(
            "ONNX",
            "MobileNet V2, width 0.25",
            image,
            lambda: onnx(lambda: torchvision("mobilenet_v2", width_mult=0.25), image),
        ),
        Entry("ONNX", "ViT, width 32", image, lambda: onnx(torchvision_vit, image)),
    ]


def torchvision_vgg() -> Made:
    from torchvision.models import vgg

    features = vgg.make_layers([8, "M", 16, "M", 32, 32, "M", 32, 32, "M"], batch_norm=True)
    model = vgg.VGG(features, num_classes=10)
    import torch

    model.classifier = torch.nn.Sequential(
        torch.nn.Linear(32 * 49, 32), torch.nn.ReLU(), torch.nn.Dropout(), torch.nn.Linear(32, 10)
    )
    return of_torch(model)


ENTRIES = _entries()
