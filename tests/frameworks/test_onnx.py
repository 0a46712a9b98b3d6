"""ONNX files: the same outputs as the reference of the package, or a clear word."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="ONNX is not installed: pip install 'sed2-rank[onnx]'")
reference = pytest.importorskip("onnx.reference")

import sed2  # noqa: E402
from sed2.errors import SpecError, UsageError  # noqa: E402
from sed2.frameworks.registry import adopt  # noqa: E402
from sed2.priors import unknown_fans  # noqa: E402
from sed2.settings import parse_prior  # noqa: E402
from sed2.spec.module import from_network  # noqa: E402
from tests.frameworks.nets import flat, ready, sizes  # noqa: E402

rng = np.random.default_rng(0)


def model(text: str, shapes: dict[str, tuple[int, ...]], **whole: list[int]) -> Any:
    """A model from its text, with parameters of some shapes, and constants of whole numbers."""
    read = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 20]> {text}')
    arrays = {name: rng.normal(size=shape) ** 2 for name, shape in shapes.items()}
    arrays = {name: array.astype(np.float32) for name, array in arrays.items()}
    arrays |= {name: np.asarray(value, np.int64) for name, value in whole.items()}
    read.graph.initializer.extend(
        onnx.numpy_helper.from_array(array, name) for name, array in arrays.items()
    )
    onnx.checker.check_model(read)
    return read


def images() -> Any:
    return model(
        """images (float[N, 3, 8, 8] x) => (float[N, 2] y) {
            a = Conv<pads=[1, 1, 1, 1]>(x, k, b)
            n = BatchNormalization(a, s, t, mean, variance)
            r = Relu(n)
            p = MaxPool<kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]>(r)
            d = Conv<group=4, dilations=[2, 2], auto_pad="SAME_UPPER">(p, deep)
            q = AveragePool<kernel_shape=[2, 2], pads=[0, 0, 1, 1]>(d)
            h = HardSigmoid(q)
            g = GlobalAveragePool(h)
            f = Flatten(g)
            y = Gemm<transB=1>(f, w, c)
        }""",
        {
            **{"k": (4, 3, 3, 3), "b": (4,), "s": (4,), "t": (4,), "mean": (4,), "variance": (4,)},
            **{"deep": (4, 1, 3, 3), "w": (2, 4), "c": (2,)},
        },
    )


def tokens() -> Any:
    return model(
        """tokens (int64[N, 5] x) => (float[N, 2] y) {
            e = Gather(table, x)
            m = MatMul(e, w)
            a = Add(m, b)
            n = LayerNormalization(a, s, t)
            u, v = Split<axis=-1, num_outputs=2>(n)
            k = Transpose<perm=[0, 2, 1]>(v)
            q = MatMul(u, k)
            p = Softmax(q)
            o = MatMul(p, v)
            h = Slice(o, zero, one, one)
            z = Shape<start=0, end=1>(h)
            l = Concat<axis=0>(z, minus)
            f = Reshape(h, l)
            g = Gelu(f)
            y = MatMul(g, c)
        }""",
        {
            **{"table": (11, 4), "w": (4, 6), "b": (6,), "s": (6,), "t": (6,), "c": (3, 2)},
        },
        zero=[0],
        one=[1],
        minus=[-1],
    )


@pytest.mark.parametrize(
    ("network", "shape", "count"), [(images, (8, 8, 3), 166), (tokens, (5,), 92)]
)
def test_outputs_and_parameters_are_those_of_the_file(
    network: Any, shape: tuple[int, ...], count: int
) -> None:
    theirs = network()
    ours = adopt(theirs, "theirs")
    assert sizes(flat(ours.parameters)) == count
    for norm in ours.norms.values():
        stored = {each.name: onnx.numpy_helper.to_array(each) for each in theirs.graph.initializer}
        norm.mean[...], norm.var[...] = stored["mean"], stored["variance"]
    x = rng.integers(0, 11, (3, *shape)) if network is tokens else rng.normal(size=(3, *shape))
    given = x if network is tokens else np.moveaxis(x, -1, 1).astype(np.float32)
    (expected,) = reference.ReferenceEvaluator(theirs).run(None, {"x": given})
    np.testing.assert_allclose(ready(ours, x), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("network", "shape"), [(images, (8, 8, 3)), (tokens, (5,))])
def test_kernels_are_known_to_the_measures(network: Any, shape: tuple[int, ...]) -> None:
    (block,) = from_network(network(), "network").blocks
    assert unknown_fans(block, shape, parse_prior("torch")) == ()


def test_a_file_is_a_spec(tmp_path: Path) -> None:
    path, data = str(tmp_path / "net.onnx"), str(tmp_path / "x.npz")
    onnx.save(images(), path)
    np.savez(data, x=rng.normal(size=(12, 8, 8, 3)))
    by_path = sed2.compute(path, dataset=data, samples=4, draws=2, eps=[0.01, 0.1])
    by_key = sed2.compute({"onnx": path}, dataset=data, samples=4, draws=2, eps=[0.01, 0.1])
    assert by_path.parameters == 166
    assert by_path.score.value == by_key.score.value
    with pytest.raises(UsageError, match="`init` says nothing"):
        sed2.compute(path, dataset=data, prior="init")


def test_all_unknown_operators_are_named() -> None:
    odd = model(
        """odd (float[N, 4] x) => (float[N, 4] y) {
            a = MatMul(x, w)
            b = Hardmax(a)
            y = Asinh(b)
        }""",
        {"w": (4, 4)},
    )
    with pytest.raises(SpecError, match=r"`Asinh` \(node y\); `Hardmax` \(node b\)"):
        from_network(odd, "odd")


def test_what_is_no_model_is_told(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(b"\xff\xfe no model")
    with pytest.raises(SpecError, match="holds no ONNX model"):
        sed2.validate(str(path))


def test_the_extra_is_named_where_it_is_missing(tmp_path: Path) -> None:
    path = str(tmp_path / "net.onnx")
    Path(path).write_bytes(b"")
    code = f"import sys, sed2; sys.modules['onnx'] = None; sed2.validate({path!r})"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert "pip install 'sed2-rank[onnx]'" in done.stderr
