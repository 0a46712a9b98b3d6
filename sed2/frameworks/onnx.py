"""ONNX files: their graph, computed by JAX.

Parameters are the initializers of floating point that have an axis, but for what an operator takes
as a setting (bounds, scales) and for running statistics: batch norms take those of the inputs. They
are called as in the file where they stand alone, and `weight` and `bias` of a layer where a product
or a convolution takes them, so that the measures know them. Exporters write arrays that are equal
once, with an Identity for each other use, which is another parameter here. Images are (N, H, W, C)
in sed2 and (N, C, H, W) in ONNX, so an input or an output of four axes is transposed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import onnx
from flax import nnx
from jax import lax

from sed2.errors import SpecError
from sed2.frameworks import aten
from sed2.frameworks.foreign import Foreign, batch_norm, found, kind_of, nested

OPERATORS: dict[str, Callable[..., Any]] = {}
"""By type, of the attributes and the inputs; a list of outputs where there may be several."""
_SETTINGS = {
    "Clip": {1, 2},
    "Pad": {1, 2},
    "Resize": {1, 2, 3},
    "BatchNormalization": {3, 4},
    "Dropout": {1},
    "Range": {0, 1, 2},
}
"""Inputs of operators that are no parameters, whatever they hold."""
_LAYERS = ("Gemm", "MatMul", "Conv", "ConvTranspose")


def from_file(path: Path, content: bytes) -> onnx.ModelProto:
    """
    Raises:
        SpecError: the file holds no network.
    """
    try:
        model = onnx.load_model_from_string(content)
        onnx.load_external_data_for_model(model, str(path.parent))
    except Exception as error:
        raise SpecError(
            f"`{path}` holds no ONNX model: {type(error).__name__}: {error}",
            mend="Export the network anew, with its weights",
        ) from error
    return model


def from_instance(network: onnx.ModelProto, name: str) -> Foreign:
    """The module of a model, with the parameters that it holds.

    Raises:
        SpecError: it has several inputs, or operators that are not known.
    """
    graph = _read(network.graph)
    norms = {
        node.output[0]: batch_norm(len(graph.constants[node.input[3]]), graph.epsilon(node), axis=1)
        for node in graph.nodes
        if node.op_type == "BatchNormalization"
    }
    values = {
        graph.names[key]: jnp.asarray(value, float)
        for key, value in graph.constants.items()
        if key in graph.names
    }
    kind = kind_of("onnx", "onnx")
    return kind(nested(values), graph, norms)


@dataclass(eq=False)
class _OnnxGraph:
    """A graph as a function of JAX."""

    nodes: Sequence[Any]
    constants: Mapping[str, np.ndarray]
    """All initializers."""
    names: Mapping[str, str]
    """Of those that are parameters, what they are called here."""
    input: str
    output: str
    whole: bool
    """Whether the inputs are whole numbers."""
    attributes: Mapping[int, Mapping[str, Any]]
    """Of every node, by its place."""

    def epsilon(self, node: Any) -> float:
        return next((one.f for one in node.attribute if one.name == "epsilon"), 1e-5)

    def __call__(self, parameters: Any, x: jax.Array, norms: Mapping[str, nnx.BatchNorm]) -> Any:
        x = jnp.moveaxis(x, -1, 1) if x.ndim == 4 else x
        dtype = jnp.result_type(*jax.tree.leaves(parameters) or [x])
        known: dict[str, Any] = {"": None}
        for key, value in self.constants.items():
            if key in self.names:
                known[key] = found(parameters, self.names[key])
            else:  # kept outside of JAX, so that shapes and axes stay known
                is_float = np.issubdtype(value.dtype, np.floating)
                known[key] = value.astype(dtype) if is_float else value
        known[self.input] = x.astype(int) if self.whole else x.astype(dtype)
        for place, node in enumerate(self.nodes):
            inputs = [known[each] for each in node.input]
            if node.op_type == "BatchNormalization":
                normed = norms[node.output[0]](inputs[0])
                outputs = aten.affine(normed, inputs[1], inputs[2], normed.ndim - 2)
            elif all(one is None or isinstance(one, np.ndarray | np.generic) for one in inputs):
                with jax.ensure_compile_time_eval():  # shapes and the like
                    outputs = OPERATORS[node.op_type](self.attributes[place], *inputs)
                outputs = jax.tree.map(np.asarray, outputs)
            else:
                outputs = OPERATORS[node.op_type](self.attributes[place], *inputs)
            several = outputs if isinstance(outputs, list) else [outputs]
            known.update(zip(node.output, several, strict=False))
        result = known[self.output]
        return jnp.moveaxis(result, 1, -1) if result.ndim == 4 else result


def _read(graph: Any) -> _OnnxGraph:
    """
    Raises:
        SpecError: as `from_instance`.
    """
    constants = {each.name: onnx.numpy_helper.to_array(each) for each in graph.initializer}
    inputs = [each for each in graph.input if each.name not in constants]
    if len(inputs) != 1 or len(graph.output) != 1:
        raise SpecError(
            f"the ONNX model has {len(inputs)} inputs and {len(graph.output)} outputs",
            mend="Export a network of one input and one output",
        )
    known = {*OPERATORS, "BatchNormalization", "Constant"}
    unknown = [node for node in graph.node if node.op_type not in known]
    if unknown:
        first = {node.op_type: node.name or node.output[0] for node in reversed(unknown)}
        text = "; ".join(f"`{kind}` (node {name})" for kind, name in sorted(first.items()))
        raise SpecError(
            f"the ONNX model uses operators that sed2 does not know: {text}",
            mend="Export the network with other operators, or put it in JAX",
        )
    attributes = [
        {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
        for node in graph.node
    ]
    stored, kept = set(constants), []
    for node, its in zip(graph.node, attributes, strict=True):
        if node.op_type == "Constant":
            constants[node.output[0]] = _constant(its)
        elif node.op_type == "Identity" and node.input[0] in stored:
            constants[node.output[0]] = constants[node.input[0]]
            stored.add(node.output[0])
        else:
            kept.append((node, its))
    element = inputs[0].type.tensor_type.elem_type
    return _OnnxGraph(
        nodes=[node for node, _ in kept],
        constants=constants,
        names=_names([node for node, _ in kept], stored, constants),
        input=inputs[0].name,
        output=graph.output[0].name,
        whole=element in (onnx.TensorProto.INT64, onnx.TensorProto.INT32),
        attributes=dict(enumerate(its for _, its in kept)),
    )


def _constant(attributes: Mapping[str, Any]) -> np.ndarray:
    (name, value), *_ = attributes.items()
    return onnx.numpy_helper.to_array(value) if name == "value" else np.asarray(value)


def _names(
    nodes: Sequence[Any], stored: set[str], constants: Mapping[str, np.ndarray]
) -> dict[str, str]:
    """Of all initializers that are parameters, what they are called here."""
    settings = {
        name
        for node in nodes
        for place, name in enumerate(node.input)
        if place in _SETTINGS.get(node.op_type, ())
    }
    used = {name for node in nodes for name in node.input}
    parameters = [
        name
        for name, value in constants.items()
        if name in stored & used
        and name not in settings
        and value.ndim
        and np.issubdtype(value.dtype, np.floating)
    ]
    names: dict[str, str] = {}
    made: dict[str, str] = {}
    for number, node in enumerate(nodes):
        own = [name for name in node.input if name in parameters]
        layer = f"{node.op_type.lower()}_{number}"
        if node.op_type in _LAYERS:
            for place, name in enumerate(node.input):
                if name in own:
                    kind = "bias" if place == 2 else "weight"
                    names.setdefault(name, f"{layer}.{kind}")
            made[node.output[0]] = layer
        elif node.op_type == "Add" and len(own) == 1 and constants[own[0]].ndim == 1:
            of = next((made[name] for name in node.input if name in made), "")
            if of:
                names.setdefault(own[0], f"{of}.bias")
    return {name: names.get(name, name.replace(".", "_")) for name in parameters}


_operator = partial(aten.naming, OPERATORS)


def _ints(value: Any) -> list[int]:
    """Numbers of an input that is known without computing: shapes, axes."""
    return [int(one) for one in np.asarray(value).reshape(-1)]


_SIMPLE: dict[str, Callable[..., Any]] = {
    "Abs": jnp.abs,
    "Add": jnp.add,
    "And": jnp.logical_and,
    "Ceil": jnp.ceil,
    "Cos": jnp.cos,
    "Div": lambda x, y: x // y if _is_whole(x) and _is_whole(y) else x / y,
    "Equal": jnp.equal,
    "Erf": lax.erf,
    "Exp": jnp.exp,
    "Floor": jnp.floor,
    "Greater": jnp.greater,
    "GreaterOrEqual": jnp.greater_equal,
    "HardSwish": jax.nn.hard_swish,
    "Identity": lambda x: x,
    "Less": jnp.less,
    "LessOrEqual": jnp.less_equal,
    "Log": jnp.log,
    "MatMul": jnp.matmul,
    "Max": lambda *xs: _folded(jnp.maximum, xs),
    "Mean": lambda *xs: _folded(jnp.add, xs) / len(xs),
    "Min": lambda *xs: _folded(jnp.minimum, xs),
    "Mish": jax.nn.mish,
    "Mod": jnp.mod,
    "Mul": lambda x, y: x * y,
    "Neg": jnp.negative,
    "Not": jnp.logical_not,
    "Or": jnp.logical_or,
    "PRelu": lambda x, slope: jnp.where(x > 0, x, slope * x),
    "Pow": lambda x, y: aten.OPERATORS["pow"](x, float(y) if np.ndim(y) == 0 else y),
    "Reciprocal": jnp.reciprocal,
    "Relu": jax.nn.relu,
    "Round": jnp.round,
    "Selu": jax.nn.selu,
    "Sigmoid": jax.nn.sigmoid,
    "Sign": jnp.sign,
    "Sin": jnp.sin,
    "Softplus": jax.nn.softplus,
    "Softsign": jax.nn.soft_sign,
    "Sqrt": jnp.sqrt,
    "Sub": lambda x, y: x - y,
    "Sum": lambda *xs: _folded(jnp.add, xs),
    "Tanh": jnp.tanh,
    "Where": jnp.where,
}
OPERATORS |= {name: (lambda its, *xs, of=of: of(*xs)) for name, of in _SIMPLE.items()}


def _is_whole(x: Any) -> bool:
    return bool(jnp.issubdtype(jnp.result_type(x), jnp.integer))


def _folded(of: Callable[[Any, Any], Any], arrays: Sequence[Any]) -> Any:
    first, *rest = arrays
    for one in rest:
        first = of(first, one)
    return first


@_operator("Gemm")
def _gemm(its: Mapping[str, Any], a: Any, b: Any, c: Any = None) -> Any:
    a, b = a.T if its.get("transA") else a, b.T if its.get("transB") else b
    product = its.get("alpha", 1.0) * (a @ b) if its.get("alpha", 1.0) != 1 else a @ b
    return product if c is None else product + (c if its.get("beta", 1) == 1 else its["beta"] * c)


def _pads(its: Mapping[str, Any], x: Any, size: Sequence[int]) -> Any:
    """Zeros at both ends of every axis that a window of some size moves along."""
    space = len(size)
    automatic = its.get("auto_pad", b"NOTSET").decode()
    if automatic.startswith("SAME"):
        strides = its.get("strides", [1] * space)
        holes = its.get("dilations", [1] * space)
        spans = [hole * (one - 1) + 1 for hole, one in zip(holes, size, strict=True)]
        pads = lax.padtype_to_pads(x.shape[2:], spans, strides, "SAME")
        return [pad[::-1] for pad in pads] if automatic == "SAME_LOWER" else pads
    pads = its.get("pads", [0] * 2 * space)
    return list(zip(pads[:space], pads[space:], strict=True))


@_operator("Conv")
def _conv(its: Mapping[str, Any], x: Any, weight: Any, bias: Any = None) -> Any:
    ones = [1] * (weight.ndim - 2)
    return aten.convolved(
        x,
        weight,
        bias,
        window_strides=its.get("strides", ones),
        padding=_pads(its, x, weight.shape[2:]),
        rhs_dilation=its.get("dilations", ones),
        feature_group_count=its.get("group", 1),
    )


OPERATORS |= {
    "Clip": lambda its, x, low=None, high=None: jnp.clip(
        x, its.get("min", low), its.get("max", high)
    ),
    "Concat": lambda its, *arrays: _module(*arrays).concatenate(arrays, its["axis"]),
    "Dropout": lambda its, x, *ignored: x,
    "Elu": lambda its, x: jax.nn.elu(x, its.get("alpha", 1.0)),
    "Expand": lambda its, x, shape: jnp.broadcast_to(x, np.broadcast_shapes(x.shape, _ints(shape))),
    "Flatten": lambda its, x: x.reshape(math.prod(x.shape[: its.get("axis", 1)]), -1),
    "Gather": lambda its, x, indices: _module(x, indices).take(x, indices, its.get("axis", 0)),
    "Gelu": lambda its, x: jax.nn.gelu(x, approximate=its.get("approximate", b"none") == b"tanh"),
    "GlobalAveragePool": lambda its, x: jnp.mean(x, tuple(range(2, x.ndim)), keepdims=True),
    "GroupNormalization": lambda its, *inputs: _group_norm(its, its["num_groups"], *inputs),
    "GlobalMaxPool": lambda its, x: jnp.max(x, tuple(range(2, x.ndim)), keepdims=True),
    "HardSigmoid": lambda its, x: jnp.clip(its.get("alpha", 0.2) * x + its.get("beta", 0.5), 0, 1),
    "InstanceNormalization": lambda its, x, *more: _group_norm(its, x.shape[1], x, *more),
    "LeakyRelu": lambda its, x: jax.nn.leaky_relu(x, its.get("alpha", 0.01)),
    "LogSoftmax": lambda its, x: jax.nn.log_softmax(x, its.get("axis", -1)),
    "MaxPool": lambda its, x: _pooled(its, x, -jnp.inf, lax.max),
    "Shape": lambda its, x: np.asarray(x.shape[its.get("start", 0) : its.get("end")]),
    "Softmax": lambda its, x: jax.nn.softmax(x, its.get("axis", -1)),
    "Tile": lambda its, x, repeats: jnp.tile(x, _ints(repeats)),
    "Transpose": lambda its, x: x.transpose(its.get("perm", range(x.ndim)[::-1])),
    "Unsqueeze": lambda its, x, axes=None: _module(x).expand_dims(
        x, tuple(_ints(its.get("axes", axes)))
    ),
}


def _module(*arrays: Any) -> Any:
    """Numpy for what is known without computing."""
    return np if all(isinstance(one, np.ndarray) for one in arrays) else jnp


@_operator("AveragePool")
def _average_pool(its: Mapping[str, Any], x: Any) -> Any:
    ones = jnp.ones(x.shape, x.dtype)
    counts = (
        math.prod(its["kernel_shape"])
        if its.get("count_include_pad")
        else _pooled(its, ones, 0.0, lax.add)
    )
    return _pooled(its, x, 0.0, lax.add) / counts


def _pooled(its: Mapping[str, Any], x: Any, start: float, of: Callable[..., Any]) -> Any:
    size = its["kernel_shape"]
    space = len(size)
    if its.get("ceil_mode"):
        raise SpecError("a pooling in the ONNX model has ceil_mode", mend="Export it without")
    return lax.reduce_window(
        x,
        start,
        of,
        (1, 1, *size),
        (1, 1, *its.get("strides", [1] * space)),
        ((0, 0), (0, 0), *_pads(its, x, size)),
        window_dilation=(1, 1, *its.get("dilations", [1] * space)),
    )


@_operator("LayerNormalization")
def _layer_norm(its: Mapping[str, Any], x: Any, scale: Any, bias: Any = None) -> Any:
    shape = x.shape[its.get("axis", -1) :]
    return aten.OPERATORS["native_layer_norm"](x, shape, scale, bias, its.get("epsilon", 1e-5))[0]


def _group_norm(its: Mapping[str, Any], groups: int, x: Any, scale: Any, bias: Any) -> Any:
    args = (x, scale, bias, 0, 0, 0, groups, its.get("epsilon", 1e-5))
    return aten.OPERATORS["native_group_norm"](*args)[0]


@_operator("Cast")
def _cast(its: Mapping[str, Any], x: Any) -> Any:
    dtype = onnx.helper.tensor_dtype_to_np_dtype(its["to"])
    if np.issubdtype(dtype, np.floating):  # what a network computes in, so that nothing is rounded
        return x if jnp.issubdtype(jnp.result_type(x), jnp.floating) else x.astype(float)
    return x.astype(dtype)


@_operator("Reshape")
def _reshape(its: Mapping[str, Any], x: Any, shape: Any) -> Any:
    sizes = _ints(shape)
    return x.reshape([x.shape[i] if size == 0 else size for i, size in enumerate(sizes)])


@_operator("Squeeze")
def _squeeze(its: Mapping[str, Any], x: Any, axes: Any = None) -> Any:
    axes = its.get("axes", axes)
    return x.squeeze(None if axes is None else tuple(_ints(axes)))


@_operator("Slice")
def _slice(its: Mapping[str, Any], x: Any, *where: Any) -> Any:
    starts, ends, axes, steps = ([*where, None, None, None, None])[:4]
    starts, ends = _ints(its.get("starts", starts)), _ints(its.get("ends", ends))
    axes = its.get("axes", axes)
    axes = range(len(starts)) if axes is None else _ints(axes)
    cut = [slice(None)] * x.ndim
    steps = [1] * len(starts) if steps is None else _ints(steps)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        cut[axis] = slice(start, None if step < 0 and end < -x.shape[axis] else end, step)
    return x[tuple(cut)]


@_operator("Split")
def _split(its: Mapping[str, Any], x: Any, sizes: Any = None) -> Any:
    axis, sizes = its.get("axis", 0), its.get("split", sizes)
    if sizes is None:
        return list(jnp.array_split(x, its["num_outputs"], axis))
    return list(jnp.split(x, np.cumsum(_ints(sizes))[:-1], axis))


@_operator("Pad")
def _pad(its: Mapping[str, Any], x: Any, pads: Any = None, value: Any = None) -> Any:
    ends = _ints(its.get("pads", pads))
    around = list(zip(ends[: x.ndim], ends[x.ndim :], strict=True))
    mode = its.get("mode", b"constant").decode()
    if mode == "constant":
        return jnp.pad(x, around, constant_values=0 if value is None else np.asarray(value).item())
    return jnp.pad(x, around, mode)


def _reduction(of: Callable[..., Any]) -> Callable[..., Any]:
    def reduce(its: Mapping[str, Any], x: Any, axes: Any = None) -> Any:
        axes = its.get("axes", axes)
        over = tuple(range(x.ndim)) if axes is None else tuple(_ints(axes))
        return of(x, axis=over, keepdims=bool(its.get("keepdims", 1)))

    return reduce


OPERATORS |= {
    "ReduceL2": _reduction(lambda x, **over: jnp.sqrt(jnp.sum(jnp.square(x), **over))),
    "ReduceMax": _reduction(jnp.max),
    "ReduceMean": _reduction(jnp.mean),
    "ReduceMin": _reduction(jnp.min),
    "ReduceSum": _reduction(jnp.sum),
}


@_operator("ConstantOfShape")
def _constant_of_shape(its: Mapping[str, Any], shape: Any) -> Any:
    value = onnx.numpy_helper.to_array(its["value"]) if "value" in its else np.zeros(1, np.float32)
    return np.full(_ints(shape), value.item(), value.dtype)


@_operator("Range")
def _range(its: Mapping[str, Any], start: Any, limit: Any, delta: Any) -> Any:
    return np.arange(*(np.asarray(one).item() for one in (start, limit, delta)))
