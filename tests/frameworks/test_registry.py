"""Which networks are of another framework; and what is said where it is missing."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import jax
import pytest
from flax import nnx

import sed2
from sed2 import request
from sed2.errors import SpecError
from sed2.frameworks.registry import adopt, framework_of
from sed2.priors import unknown_fans
from sed2.settings import parse_prior
from sed2.spec.module import from_network
from sed2.spec.schema import load_spec


def dense(rngs: nnx.Rngs, features: int = 2) -> Any:
    return nnx.Linear(4, features, rngs=rngs)


def plain(features: int = 2) -> Any:
    return nnx.Linear(4, features, rngs=nnx.Rngs(0))


def test_networks_of_flax_are_left_as_they_are() -> None:
    module = plain()
    for network in (dense, plain, module, [module], nnx.Linear):
        assert framework_of(network) == ""
        assert adopt(network, "network") is network


def test_arguments_are_those_of_any_factory() -> None:
    for factory in (dense, plain):
        name = f"tests.frameworks.test_registry:{factory.__name__}"
        spec = {"module": name, "arguments": {"features": 3}}
        (model,) = request.read_spec(spec, True, False).models
        assert model.blocks[0].output_shape((4,)) == (3,)
        (other,) = request.read_spec({"module": name}, True, False).models
        assert model.sha256 != other.sha256


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({"module": f"{__name__}:dense", "arguments": {"width": 3}}, "It takes rngs, features"),
        ({"notation": "MLP 4-2", "arguments": {"a": 1}}, "`arguments` are those of a `module`"),
        ({"onnx": "there/is/none.onnx"}, "cannot be read"),
        ({"huggingface": "there/is/none.json"}, "cannot be read"),
    ],
)
def test_what_does_not_fit_is_told(spec: dict[str, Any], told: str) -> None:
    with pytest.raises(SpecError, match=told):
        sed2.validate(spec, allow_import=True)


@pytest.mark.parametrize("package", ["torch", "torchvision", "timm"])
def test_a_missing_package_is_named_with_its_extra(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(SpecError, match=rf"`{package}` failed.*pip install 'sed2-rank\[torch\]"):
        sed2.validate({"module": f"{package}:anything"}, allow_import=True)


def test_a_config_of_hugging_face_is_known_by_its_keys(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"model_type": "gpt2"}))
    (model,) = load_spec(path).models
    assert (model.name, model.module) == ("gpt2", str(path))


def test_a_weight_that_is_a_factor_or_a_table_is_no_kernel() -> None:
    def init(key: jax.Array, x: jax.Array) -> Any:
        shapes = {"table": (7, 3), "norm": (3,), "layer": (3, 2)}
        return {name: {"weight": jax.random.normal(key, of)} for name, of in shapes.items()}

    def apply(parameters: Any, x: jax.Array) -> jax.Array:
        vectors = parameters["table"]["weight"][x[:, 0].astype(int)]
        return (vectors * parameters["norm"]["weight"]) @ parameters["layer"]["weight"]

    (block,) = from_network((init, apply), "pair").blocks
    assert unknown_fans(block, (1,), parse_prior("torch")) == ()
