"""A few quick networks of the zoo (`python -m scripts.zoo` has all), and one in seven notations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import sed2
from scripts.zoo.__main__ import ENTRIES, is_same, read, report, why
from scripts.zoo.examine import examine
from scripts.zoo.networks import Entry
from sed2.spec.module import from_network
from sed2.spec.schema import load_spec

QUICK = [entry for entry in ENTRIES if entry.quick]
PACKAGES = {"config.json": "transformers", "PyTorch": "torch"}


@pytest.mark.parametrize("entry", QUICK, ids=lambda entry: f"{entry.framework}: {entry.name}")
def test_a_network_is_the_same_in_sed2(entry: Entry) -> None:
    package = PACKAGES.get(entry.framework, entry.framework.lower())
    pytest.importorskip(package, reason=f"{package} is not installed")
    line = {"network": entry.name, **examine(entry)}
    assert is_same(line), why(line)


def test_the_page_tells_of_thirty_networks_of_five_sources() -> None:
    lines = read()
    good = [line for line in lines.values() if is_same(line)]
    assert len(good) >= 30
    assert len({line["network"].split(":")[0] for line in good}) >= 5
    page = report(lines)
    assert all(line["network"] in page for line in lines.values())


def test_what_is_not_the_same_is_told() -> None:
    line: dict[str, Any] = {"parameters": 3, "theirs": 3, "difference": 1e-4}
    assert not is_same(line)
    assert why(line) == "the outputs differ by 1e-04 of the largest"
    assert why({**line, "theirs": 4}) == "3 parameters, 4 there"
    assert why({"fault": "SpecError: no"}) == "SpecError: no"


# One network, two dense layers, in every notation.

KERNELS = [np.random.default_rng(0).normal(size=shape) for shape in ((4, 5), (5, 2))]
BIASES = [np.random.default_rng(1).normal(size=size) for size in (5, 2)]


def by_nnx() -> Any:
    class Net(nnx.Module):
        def __init__(self, rngs: nnx.Rngs) -> None:
            self.one, self.two = nnx.Linear(4, 5, rngs=rngs), nnx.Linear(5, 2, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            return self.two(nnx.relu(self.one(x)))

    return Net


def by_linen() -> Any:
    from flax import linen

    class Net(linen.Module):
        @linen.compact
        def __call__(self, x: Any) -> Any:
            x = linen.relu(linen.Dense(5)(x))
            return linen.Dense(2)(x)

    return Net()


def by_equinox() -> Any:
    eqx = pytest.importorskip("equinox", reason="Equinox is not installed")
    return lambda key: eqx.nn.MLP(4, 2, 5, 1, key=key)


def by_keras() -> Any:
    keras = pytest.importorskip("keras", reason="Keras is not installed")
    dense = keras.layers.Dense
    return keras.Sequential([keras.Input((4,)), dense(5, "relu"), dense(2)])


def by_torch() -> Any:
    nn = pytest.importorskip("torch", reason="PyTorch is not installed").nn
    return nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2))


def by_onnx() -> Any:
    onnx = pytest.importorskip("onnx", reason="ONNX is not installed")
    model = onnx.parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 20]>
        mlp (float[N, 4] x) => (float[N, 2] y) {
            a = Gemm<transB=1>(x, k, b)
            r = Relu(a)
            m = MatMul(r, w)
            y = Add(m, c)
        }"""
    )
    shapes = {"k": (5, 4), "b": (5,), "w": (5, 2), "c": (2,)}
    arrays = [
        onnx.numpy_helper.from_array(np.ones(of, np.float32), key) for key, of in shapes.items()
    ]
    model.graph.initializer.extend(arrays)
    return model


def by_yaml() -> Any:
    blocks = [{"dense": {"features": 5, "activation": "relu"}}, {"dense": {"features": 2}}]
    return {"blocks": blocks}


NOTATIONS = [by_yaml, by_nnx, by_linen, by_equinox, by_keras, by_torch, by_onnx]


@pytest.mark.parametrize("notation", NOTATIONS)
def test_one_network_has_one_fisher_spectrum_in_every_notation(notation: Any) -> None:
    """The singular values of its Jacobian at the same parameters, whatever their order."""
    spec = notation()
    model = load_spec(spec).models[0] if isinstance(spec, dict) else from_network(spec, "net")
    kernels, biases = iter(KERNELS), iter(BIASES)
    shape: tuple[int, ...] = (4,)
    x = jnp.asarray(np.random.default_rng(2).normal(size=(6, 4)))
    graphs, states = [], []
    for block in model.blocks:
        graph, state, rest = nnx.split(block.build(shape, nnx.Rngs(0)), nnx.Param, ...)
        leaves, treedef = jax.tree.flatten(state)
        values = []
        for leaf in leaves:
            value = next(biases if leaf.ndim == 1 else kernels)
            values.append(jnp.asarray(value if leaf.shape == value.shape else value.T))
        states.append(jax.tree.unflatten(treedef, values))
        graphs.append((graph, rest))
        shape = block.output_shape(shape)

    def apply(states: list[Any]) -> jax.Array:
        outputs = x
        for (graph, rest), state in zip(graphs, states, strict=True):
            outputs = nnx.merge(graph, state, rest, copy=True)(outputs)
        return outputs

    jacobian = jax.tree.leaves(jax.jacobian(apply)(states))
    rows = np.concatenate([np.asarray(part).reshape(12, -1) for part in jacobian], axis=1)
    hidden = np.maximum(x @ KERNELS[0] + BIASES[0], 0)
    np.testing.assert_allclose(apply(states), hidden @ KERNELS[1] + BIASES[1], rtol=1e-9)
    found = np.linalg.svd(rows, compute_uv=False)
    gates = (hidden > 0)[:, :, None] * KERNELS[1]  # (inputs, hidden, outputs)
    extended = np.concatenate([x, np.ones((6, 1))], 1)
    first = np.einsum("ni,nho->noih", extended, gates).reshape(12, -1)
    second = np.einsum("nh,op->noph", np.concatenate([hidden, np.ones((6, 1))], 1), np.eye(2))
    whole = np.concatenate([first, second.reshape(12, -1)], 1)
    np.testing.assert_allclose(found, np.linalg.svd(whole, compute_uv=False), rtol=1e-6)


@pytest.mark.parametrize("notation", NOTATIONS[1:])
def test_one_network_has_one_score_in_every_notation(notation: Any, tmp_path: Path) -> None:
    """Taken apart, each comes to the blocks of the YAML, and so to its draws."""
    pytest.importorskip("sed2.blocks.pieces", reason="no network is taken apart")
    path = str(tmp_path / "x.npz")
    np.savez(path, x=np.random.default_rng(3).normal(size=(20, 4)))
    fast: dict[str, Any] = {"dataset": path, "samples": 8, "draws": 4, "eps": [0.01, 0.1]}
    one, other = (sed2.compute(of, **fast).score.value for of in (by_yaml(), notation()))
    assert other == pytest.approx(one, rel=1e-6)
