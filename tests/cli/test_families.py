"""One end-to-end run per family of networks, as a user types it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.conftest import Run

OWN = """
import jax
from flax import linen, nnx

def own_nnx(rngs):
    return nnx.Sequential(
        nnx.Conv(2, 3, (3, 3), rngs=rngs), nnx.BatchNorm(3, rngs=rngs), jax.nn.relu,
        lambda x: x.mean(axis=(1, 2)), nnx.Linear(3, 2, rngs=rngs))

class Net(linen.Module):
    @linen.compact
    def __call__(self, x):
        x = jax.nn.gelu(linen.Conv(3, (3, 3))(x))
        return linen.Dense(2)(x.mean(axis=(1, 2)))

def own_linen():
    return Net()
"""
CONV = {"conv": {"features": 3, "kernel_size": 3, "norm": "batch"}}
IMAGES, ROWS, TOKENS = (6, 6, 2), (5,), (7,)

FAMILIES: dict[str, tuple[tuple[int, ...], Any, dict[str, int], set[str]]] = {
    "mlp": (
        ROWS,
        "MLP 5-4-3-2",
        {"dense_1": 20, "dense_2": 12, "dense_3": 6},
        {"exact, by unit"},
    ),
    "cnn": (
        IMAGES,
        {"notation": "CNN 3-2|3-4-2"},
        {"conv_1": 3 * (9 * 2 + 2), "conv_2": 3 * (4 * 3 + 2), "flatten_1": 1}
        | {"dense_1": 12, "dense_2": 8},
        {"exact, by unit", "exact, whole Jacobian"},
    ),
    "residual": (
        IMAGES,
        {
            "blocks": [
                CONV,
                {"residual": {"blocks": [CONV, CONV], "activation": "relu"}},
                {"residual": {"blocks": [CONV], "shortcut": "projection"}},
                {"pool": {"kind": "global"}},
                {"dense": {"features": 2}},
            ]
        },
        {"conv_1": 63, "residual_1": 2 * 90, "residual_2": 90 + 9, "dense_1": 8},
        {"exact, by unit", "exact, whole Jacobian"},
    ),
    "attention": (
        TOKENS,
        {
            "blocks": [
                {"embedding": {"vocabulary": 9, "features": 4, "positions": "learned"}},
                {"attention": {"heads": 2}},
                {"transformer": {"heads": 2, "mlp_features": 5}},
                {"mixer": {"tokens_features": 3, "channels_features": 3}},
                {"norm": {"kind": "layer"}},
                {"pool": {"kind": "first"}},
                {"dense": {"features": 2}},
            ]
        },
        {
            "embedding_1": 4 * (9 + 7),
            "attention_1": 4 * (16 + 4),
            "transformer_1": 80 + 5 * 5 + 4 * 6 + 16,
            "mixer_1": 3 * 15 + 7 + 3 * 9 + 4 + 16,
            "norm_1": 8,
            "dense_1": 10,
        },
        {"exact, by unit", "exact, whole Jacobian"},
    ),
    "own nnx": (
        IMAGES,
        {"module": "own_networks:own_nnx"},
        {"conv_1": 57 + 6, "linear_1": 8},  # with its batch norm
        {"exact, by unit", "exact, whole Jacobian"},
    ),
    "own linen": (
        IMAGES,
        {"module": "own_networks:own_linen"},
        {"conv_1": 57, "dense_1": 8},
        {"exact, by unit"},
    ),
}


@pytest.fixture
def family(
    request: pytest.FixtureRequest, sed2: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., dict[str, Any]]:
    """Runs `sed2 compute` on the family's network; returns the JSON."""
    shape, model, _, _ = FAMILIES[request.param]
    rng = np.random.default_rng(0)
    x = rng.integers(9, size=(20, *shape)) if shape == TOKENS else rng.normal(size=(20, *shape))
    np.savez("data.npz", x=x)
    Path("own_networks.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    Path("s.yaml").write_text(json.dumps({"models": [model]}))

    def compute(*options: str) -> dict[str, Any]:
        flags = ("--dataset", "data.npz", "--samples", "8", "--draws", "3", "--eps", "0.01,0.1")
        ran = sed2("compute", "s.yaml", *flags, "--allow-import", "--json", "-", *options)
        assert ran.code == 0, ran.err
        return json.loads(ran.out)

    compute.name = request.param  # type: ignore[attr-defined]
    return compute


@pytest.mark.parametrize("family", FAMILIES, indirect=True)
def test_every_parameter_is_counted_and_every_way_named(
    family: Callable[..., dict[str, Any]],
) -> None:
    _, _, parameters, ways = FAMILIES[family.name]  # type: ignore[attr-defined]
    document = family()
    blocks = document["model"]["blocks"]
    assert {block["name"]: block["parameters"] for block in blocks} == parameters
    assert {block["way"] for block in blocks} == ways
    d = sum(parameters.values())
    assert document["model"]["parameters"] == d
    lower = np.array(document["lower_two_sed"]["estimate"])
    full = np.array(document["two_sed"]["estimate"])
    shares = np.sum([block["lower_two_sed_share"] for block in blocks], axis=0)
    np.testing.assert_allclose(lower, shares, rtol=1e-12)
    assert (lower > 0).all()
    assert (lower <= full * (1 + 1e-12)).all()


@pytest.mark.parametrize(
    ("family", "fisher"),
    [*((name, "expected") for name in FAMILIES), ("cnn", "empirical"), ("own linen", "empirical")],
    indirect=["family"],
)
def test_end_to_end_and_categorical_take_every_family(
    family: Callable[..., dict[str, Any]], fisher: str
) -> None:
    document = family("--chain", "end-to-end", "--likelihood", "categorical", "--fisher", fisher)
    (block,) = document["model"]["blocks"]
    assert block["parameters"] == document["model"]["parameters"]
    assert block["rank"] <= (8 if fisher == "empirical" else 8 * (2 - 1))  # softmax: classes - 1
    assert document["lower_two_sed"]["estimate"] == document["two_sed"]["estimate"]
