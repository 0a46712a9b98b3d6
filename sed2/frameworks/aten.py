"""The operators of an ATen graph as functions of JAX, by their names without overload.

They are those that `torch.export` leaves after its decompositions, and a few larger ones that are
kept whole because XLA has them: `linear`, `matmul`, attention. Arguments are those of ATen, in the
same order and by the same names. A type of floating point is the one that the network computes in,
so that a cast within a network rounds nothing.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

OPERATORS: dict[str, Callable[..., Any]] = {}
IGNORED = {"_assert_scalar", "_assert_tensor_metadata", "_assert_async", "sym_constrain_range"}
"""What computes nothing, or holds for every input of the shape."""


def naming(
    operators: dict[str, Callable[..., Any]], *names: str
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: enter a function among the operators, by its names."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        operators.update(dict.fromkeys(names, function))
        return function

    return register


_named = partial(naming, OPERATORS)


def _pair(number: Any, axes: int) -> list[int]:
    """A list of ATen, of which one entry stands for all axes."""
    many = [number] if isinstance(number, int) else list(number)
    return many * axes if len(many) == 1 else many


def _axes(dim: Any, x: jax.Array) -> Any:
    """Those of a reduction: none given are all."""
    if dim is None or (isinstance(dim, Sequence) and not dim):
        return tuple(range(x.ndim))
    return tuple(dim) if isinstance(dim, Sequence) else dim


def _typed(x: Any, dtype: Any) -> Any:
    return x if dtype is None else jnp.asarray(x).astype(dtype)


# Each number by itself.

_UNARY = {
    **{
        name: getattr(jnp, name)
        for name in (
            *("abs", "ceil", "cos", "cosh", "exp", "expm1", "floor", "log", "log10", "log1p"),
            *("log2", "reciprocal", "sign", "sin", "sinh", "sqrt", "square", "tan", "tanh"),
            *("trunc", "isnan", "isinf", "logical_not", "exp2"),
        )
    },
    "acos": jnp.arccos,
    "acosh": jnp.arccosh,
    "asin": jnp.arcsin,
    "asinh": jnp.arcsinh,
    "atan": jnp.arctan,
    "atanh": jnp.arctanh,
    "bitwise_not": jnp.bitwise_not,
    "erf": lax.erf,
    "erfc": lax.erfc,
    "log_sigmoid": jax.nn.log_sigmoid,
    "mish": jax.nn.mish,
    "neg": jnp.negative,
    "relu": jax.nn.relu,
    "relu6": jax.nn.relu6,
    "rsqrt": lax.rsqrt,
    "sigmoid": jax.nn.sigmoid,
    "silu": jax.nn.silu,
}
OPERATORS |= {name: (lambda x, of=of: of(x)) for name, of in _UNARY.items()}
_BINARY = {
    "atan2": jnp.arctan2,
    "bitwise_and": jnp.bitwise_and,
    "bitwise_or": jnp.bitwise_or,
    "bitwise_xor": jnp.bitwise_xor,
    "eq": jnp.equal,
    "fmod": jnp.fmod,
    "ge": jnp.greater_equal,
    "gt": jnp.greater,
    "le": jnp.less_equal,
    "logical_and": jnp.logical_and,
    "logical_or": jnp.logical_or,
    "logical_xor": jnp.logical_xor,
    "lt": jnp.less,
    "maximum": jnp.maximum,
    "minimum": jnp.minimum,
    "mul": operator.mul,
    "ne": jnp.not_equal,
    "remainder": jnp.mod,
}
OPERATORS |= {name: (lambda x, y, of=of: of(x, y)) for name, of in _BINARY.items()}
OPERATORS |= {
    name: getattr(operator, name)
    for name in ("floordiv", "truediv", "getitem", "mod", "and_", "or_", "not_")
}
OPERATORS |= {
    name: (lambda x, *args, **kwargs: x)
    for name in (
        *("alias", "clone", "contiguous", "copy_", "detach", "detach_", "dropout", "lift"),
        *("lift_fresh", "lift_fresh_copy"),
    )
}
OPERATORS |= dict.fromkeys(("_to_copy", "to"), lambda x, *, dtype=None, **more: _typed(x, dtype))
OPERATORS |= {
    "add": lambda x, y, *, alpha=1: x + (y if alpha == 1 else alpha * y),
    "clamp": lambda x, low=None, high=None: jnp.clip(x, low, high),
    "copy": lambda x, source, non_blocking=False: jnp.broadcast_to(source, x.shape).astype(x.dtype),
    "gelu": lambda x, *, approximate="none": jax.nn.gelu(x, approximate=approximate == "tanh"),
    "hardtanh": lambda x, low=-1, high=1: jnp.clip(x, low, high),
    "leaky_relu": lambda x, slope=0.01: jax.nn.leaky_relu(x, slope),
    "masked_fill": lambda x, mask, value: jnp.where(mask, value, x),
    "pow": lambda x, y: x ** int(y) if isinstance(y, float) and y == int(y) else x**y,
    "round": lambda x, *, decimals=0: jnp.round(x, decimals),
    "sub": lambda x, y, *, alpha=1: x - (y if alpha == 1 else alpha * y),
    "where": lambda condition, x, y: jnp.where(condition, x, y),
}


@_named("div")
def _div(x: Any, y: Any, *, rounding_mode: str | None = None) -> Any:
    if rounding_mode == "floor":
        return jnp.floor_divide(x, y)
    return jnp.trunc(x / y) if rounding_mode == "trunc" else x / y


@_named("elu")
def _elu(x: jax.Array, alpha: float = 1, scale: float = 1, input_scale: float = 1) -> jax.Array:
    negative = jnp.where(x > 0, 0.0, x)
    return scale * jnp.where(x > 0, x, alpha * jnp.expm1(input_scale * negative))


@_named("_softmax", "softmax", "_safe_softmax")
def _softmax(x: jax.Array, dim: int, half: bool = False, *, dtype: Any = None) -> jax.Array:
    return jax.nn.softmax(_typed(x, dtype), dim)


@_named("_log_softmax", "log_softmax")
def _log_softmax(x: jax.Array, dim: int, half: bool = False, *, dtype: Any = None) -> jax.Array:
    return jax.nn.log_softmax(_typed(x, dtype), dim)


# Over axes.


def _reduction(of: Callable[..., Any]) -> Callable[..., Any]:
    def reduce(x: jax.Array, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
        return of(_typed(x, dtype), axis=_axes(dim, x), keepdims=keepdim)

    return reduce


OPERATORS |= {
    "all": _reduction(jnp.all),
    "amax": _reduction(jnp.max),
    "amin": _reduction(jnp.min),
    "any": _reduction(jnp.any),
    "logsumexp": _reduction(jax.nn.logsumexp),
    "mean": _reduction(jnp.mean),
    "prod": _reduction(jnp.prod),
    "sum": _reduction(jnp.sum),
}
OPERATORS |= {
    "argmax": lambda x, dim=None, keepdim=False: jnp.argmax(x, axis=dim, keepdims=keepdim),
    "argmin": lambda x, dim=None, keepdim=False: jnp.argmin(x, axis=dim, keepdims=keepdim),
    "cumsum": lambda x, dim, *, dtype=None: jnp.cumsum(_typed(x, dtype), dim),
}


def _extreme(of: Callable[..., Any], place: Callable[..., Any]) -> Callable[..., Any]:
    def extreme(x: jax.Array, dim: int | None = None, keepdim: bool = False) -> Any:
        if dim is None:
            return of(x)
        return of(x, dim, keepdims=keepdim), place(x, dim, keepdims=keepdim)

    return extreme


OPERATORS |= {"max": _extreme(jnp.max, jnp.argmax), "min": _extreme(jnp.min, jnp.argmin)}


@_named("var")
def _var(x: jax.Array, dim: Any = None, *, correction: Any = 1, keepdim: bool = False) -> jax.Array:
    correction = 1 if correction is None else correction
    return jnp.var(x, _axes(dim, x), ddof=correction, keepdims=keepdim)


@_named("var_mean")
def _var_mean(x: jax.Array, dim: Any = None, *, correction: Any = 1, keepdim: bool = False) -> Any:
    mean = jnp.mean(x, _axes(dim, x), keepdims=keepdim)
    return _var(x, dim, correction=correction, keepdim=keepdim), mean


@_named("linalg_vector_norm")
def _vector_norm(
    x: jax.Array, ord: float = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> jax.Array:
    x, axes = _typed(x, dtype), _axes(dim, x)
    if ord == 2:
        return jnp.sqrt(jnp.sum(jnp.square(x), axis=axes, keepdims=keepdim))
    if math.isinf(ord):
        return jnp.max(jnp.abs(x), axis=axes, keepdims=keepdim)
    return jnp.sum(jnp.abs(x) ** ord, axis=axes, keepdims=keepdim) ** (1 / ord)


@_named("topk")
def _topk(
    x: jax.Array, k: int, dim: int = -1, largest: bool = True, sorted: bool = True
) -> tuple[jax.Array, jax.Array]:
    moved = jnp.moveaxis(x if largest else -x, dim, -1)
    values, places = lax.top_k(moved, k)
    values = values if largest else -values
    return jnp.moveaxis(values, -1, dim), jnp.moveaxis(places, -1, dim)


# Rearrangements.


OPERATORS |= dict.fromkeys(
    ("view", "reshape", "_unsafe_view", "_reshape_copy"), lambda x, size: x.reshape(tuple(size))
)
OPERATORS |= {
    "cat": lambda arrays, dim=0: jnp.concatenate([a for a in arrays if a.shape != (0,)], dim),
    "diagonal": lambda x, offset=0, one=0, other=1: jnp.diagonal(x, offset, one, other),
    "flip": lambda x, dims: jnp.flip(x, tuple(dims)),
    "permute": lambda x, dims: jnp.transpose(x, tuple(dims)),
    "repeat": lambda x, repeats: jnp.tile(x, tuple(repeats)),
    "roll": lambda x, shifts, dims=(): jnp.roll(x, tuple(shifts), tuple(dims) or None),
    "select": lambda x, dim, index: lax.index_in_dim(x, index, dim, keepdims=False),
    "stack": lambda arrays, dim=0: jnp.stack(arrays, dim),
    "t": lambda x: x.T,
    "transpose": lambda x, one, other: jnp.swapaxes(x, one, other),
    "tril": lambda x, diagonal=0: jnp.tril(x, diagonal),
    "triu": lambda x, diagonal=0: jnp.triu(x, diagonal),
    "unbind": lambda x, dim=0: [
        lax.index_in_dim(x, i, dim, keepdims=False) for i in range(x.shape[dim])
    ],
    "unsqueeze": lambda x, dim: jnp.expand_dims(x, dim),
}


@_named("expand")
def _expand(x: jax.Array, size: Sequence[int], *, implicit: bool = False) -> jax.Array:
    old = (1,) * (len(size) - x.ndim) + x.shape
    return jnp.broadcast_to(x, [o if s == -1 else s for s, o in zip(size, old, strict=True)])


@_named("squeeze")
def _squeeze(x: jax.Array, dim: Any = None) -> jax.Array:
    axes = range(x.ndim) if dim is None else [dim] if isinstance(dim, int) else dim
    return jnp.squeeze(x, tuple(axis for axis in axes if x.shape[axis] == 1))


@_named("slice")
def _slice(
    x: jax.Array, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> jax.Array:
    start, end, _ = slice(start, end).indices(x.shape[dim])
    return lax.slice_in_dim(x, start, max(start, end), step, dim)


@_named("split_with_sizes")
def _split_with_sizes(x: jax.Array, sizes: Sequence[int], dim: int = 0) -> list[jax.Array]:
    return jnp.split(x, list(itertools.accumulate(sizes))[:-1], dim)


@_named("split")
def _split(x: jax.Array, size: Any, dim: int = 0) -> list[jax.Array]:
    if not isinstance(size, int):
        return _split_with_sizes(x, size, dim)
    return jnp.split(x, range(size, x.shape[dim], size), dim)


@_named("constant_pad_nd")
def _constant_pad(x: jax.Array, pad: Sequence[int], value: float = 0) -> jax.Array:
    ends = [(low, high, 0) for low, high in zip(pad[::2], pad[1::2], strict=True)]
    around = [(0, 0, 0)] * (x.ndim - len(ends)) + ends[::-1]
    return lax.pad(x, jnp.asarray(value, x.dtype), around)


@_named("pixel_shuffle")
def _pixel_shuffle(x: jax.Array, factor: int) -> jax.Array:
    *outer, channels, height, width = x.shape
    x = x.reshape(*outer, channels // factor**2, factor, factor, height, width)
    first = len(outer)
    order = [*range(first + 1), first + 3, first + 1, first + 4, first + 2]
    return x.transpose(order).reshape(*outer, channels // factor**2, height * factor, -1)


# By index.


def _places(indices: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(slice(None) if index is None else index for index in indices)


OPERATORS |= dict.fromkeys(("index", "_unsafe_index"), lambda x, indices: x[_places(indices)])
OPERATORS["index_select"] = lambda x, dim, index: jnp.take(x, index, dim)


@_named("gather")
def _gather(x: jax.Array, dim: int, index: jax.Array, *, sparse_grad: bool = False) -> jax.Array:
    cut = tuple(
        slice(None) if axis == dim % x.ndim else slice(size)
        for axis, size in enumerate(index.shape)
    )
    return jnp.take_along_axis(x[cut], index, dim)


@_named("embedding")
def _embedding(weight: jax.Array, indices: jax.Array, *ignored: Any) -> jax.Array:
    # An index beyond the table gives NaN, which is refused, and not the row that is nearest.
    return jnp.take(weight, indices, axis=0, mode="fill")


@_named("index_put", "_unsafe_index_put")
def _index_put(
    x: jax.Array, indices: Sequence[Any], values: Any, accumulate: bool = False
) -> jax.Array:
    at = x.at[_places(indices)]
    return at.add(values) if accumulate else at.set(values)


@_named("select_scatter")
def _scattered(x: jax.Array, source: jax.Array, dim: int, index: int | slice) -> jax.Array:
    where: list[Any] = [slice(None)] * x.ndim
    where[dim] = index
    return x.at[tuple(where)].set(source)


OPERATORS["slice_scatter"] = lambda x, source, dim=0, start=None, end=None, step=1: _scattered(
    x, source, dim, slice(start, end, step)
)


# New arrays.

OPERATORS |= {
    "arange": lambda start, end=None, step=1, *, dtype=None, **more: jnp.arange(
        start, end, step, dtype
    ),
    "full": lambda size, value, *, dtype=None, **more: jnp.full(tuple(size), value, dtype),
    "full_like": lambda x, value, *, dtype=None, **more: jnp.full(x.shape, value, dtype or x.dtype),
    "scalar_tensor": lambda value, *, dtype=None, **more: jnp.asarray(value, dtype),
    "sym_numel": lambda x: x.size,
    "sym_size": lambda x, dim: x.shape[dim],
}
OPERATORS |= dict.fromkeys(
    ("zeros", "empty"), lambda size, *, dtype=None, **more: jnp.zeros(tuple(size), dtype)
)


# Products and convolutions.


@_named("linear")
def _linear(x: jax.Array, weight: jax.Array, bias: jax.Array | None = None) -> jax.Array:
    outputs = x @ weight.T
    return outputs if bias is None else outputs + bias


@_named("addmm", "baddbmm")
def _addmm(c: jax.Array, a: jax.Array, b: jax.Array, *, beta: Any = 1, alpha: Any = 1) -> jax.Array:
    product = a @ b if alpha == 1 else alpha * (a @ b)
    return product + (c if beta == 1 else beta * c)


OPERATORS |= dict.fromkeys(("mm", "bmm", "matmul", "mv", "dot"), operator.matmul)
OPERATORS["einsum"] = lambda equation, operands, *, path=None: jnp.einsum(equation, *operands)


@_named("convolution")
def _convolution(
    x: jax.Array,
    weight: jax.Array,
    bias: jax.Array | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> jax.Array:
    space = weight.ndim - 2
    strides, around, holes, more = (
        _pair(each, space) for each in (stride, padding, dilation, output_padding)
    )
    between = [1] * space
    pads = [(one, one) for one in around]
    if transposed:  # the gradient of a convolution: the kernel flipped, the inputs spread out
        inputs, outputs, *window = weight.shape
        weight = weight.reshape(groups, inputs // groups, outputs, *window)
        weight = jnp.swapaxes(weight, 1, 2).reshape(groups * outputs, inputs // groups, *window)
        weight = jnp.flip(weight, range(2, weight.ndim))
        reach = [hole * (size - 1) for hole, size in zip(holes, window, strict=True)]
        pads = [(r - one, r - one + m) for r, one, m in zip(reach, around, more, strict=True)]
        strides, between = between, strides
    return convolved(
        x,
        weight,
        bias,
        window_strides=strides,
        padding=pads,
        lhs_dilation=between,
        rhs_dilation=holes,
        feature_group_count=groups,
    )


def convolved(x: jax.Array, weight: jax.Array, bias: jax.Array | None, **options: Any) -> jax.Array:
    """(N, C, ...) with weights (O, C, ...); the options are those of `lax.conv_general_dilated`."""
    space = weight.ndim - 2
    axes = "DHW"[3 - space :]
    numbers = (f"NC{axes}", f"OI{axes}", f"NC{axes}")
    result = lax.conv_general_dilated(x, weight, dimension_numbers=numbers, **options)
    return result if bias is None else result + bias.reshape(-1, *[1] * space)


@_named("scaled_dot_product_attention")
def _attention(
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    mask: jax.Array | None = None,
    dropout: float = 0.0,
    causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> jax.Array:
    if enable_gqa:  # several heads of queries to one of keys
        times = query.shape[-3] // key.shape[-3]
        key, value = jnp.repeat(key, times, -3), jnp.repeat(value, times, -3)
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = scale * (query @ jnp.swapaxes(key, -1, -2))
    if causal:
        mask = jnp.tril(jnp.ones(scores.shape[-2:], bool))
    if mask is not None:
        scores = jnp.where(mask, scores, -jnp.inf) if mask.dtype == bool else scores + mask
    return jax.nn.softmax(scores) @ value


# Normalisations. The batch norm is `sed2.frameworks.torch`'s.


@_named("native_layer_norm", "layer_norm")
def _layer_norm(
    x: jax.Array, shape: Sequence[int], weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> tuple[jax.Array, jax.Array, jax.Array]:
    axes = tuple(range(x.ndim - len(shape), x.ndim))
    mean = jnp.mean(x, axes, keepdims=True)
    rstd = lax.rsqrt(jnp.var(x, axes, keepdims=True) + eps)
    return affine((x - mean) * rstd, weight, bias), mean, rstd


@_named("native_group_norm")
def _group_norm(
    x: jax.Array,
    weight: Any,
    bias: Any,
    batch: int,
    channels: int,
    positions: int,
    groups: int,
    eps: float,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    grouped = x.reshape(len(x), groups, -1)
    mean = jnp.mean(grouped, -1, keepdims=True)
    rstd = lax.rsqrt(jnp.var(grouped, -1, keepdims=True) + eps)
    normed = ((grouped - mean) * rstd).reshape(x.shape)
    return affine(normed, weight, bias, x.ndim - 2), mean[..., 0], rstd[..., 0]


def affine(x: jax.Array, weight: Any, bias: Any, after: int = 0) -> jax.Array:
    """Scaled and shifted along an axis that has so many after it."""
    x = x if weight is None else x * weight.reshape(*weight.shape, *[1] * after)
    return x if bias is None else x + bias.reshape(*bias.shape, *[1] * after)


# Pooling.


def _windows(
    x: jax.Array,
    kernel: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
) -> tuple[dict[str, Any], list[int]]:
    """The arguments of `lax.reduce_window`, and the number of axes that it moves along."""
    space = x.ndim - 2
    size = _pair(kernel, space)
    strides = _pair(stride, space) if stride else size
    around, holes = _pair(padding, space), _pair(dilation, space)
    pads = []
    for length, one, step, pad, hole in zip(x.shape[2:], size, strides, around, holes, strict=True):
        span = length + 2 * pad - hole * (one - 1) - 1
        places = (-(-span // step) if ceil_mode else span // step) + 1
        if ceil_mode and (places - 1) * step >= length + pad:
            places -= 1  # a window that would begin beyond the input
        pads.append((pad, max(0, (places - 1) * step + hole * (one - 1) + 1 - length - pad)))
    return {
        "window_dimensions": (1, 1, *size),
        "window_strides": (1, 1, *strides),
        "padding": ((0, 0), (0, 0), *pads),
        "window_dilation": (1, 1, *holes),
    }, size


@_named("max_pool1d_with_indices", "max_pool2d_with_indices", "max_pool3d_with_indices")
def _max_pool(
    x: jax.Array,
    kernel: Any,
    stride: Any = (),
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> tuple[jax.Array, None]:
    how, _ = _windows(x, kernel, stride, padding, dilation, ceil_mode)
    return lax.reduce_window(x, -jnp.inf, lax.max, **how), None


@_named("avg_pool1d", "avg_pool2d", "avg_pool3d")
def _avg_pool(
    x: jax.Array,
    kernel: Any,
    stride: Any = (),
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> jax.Array:
    how, size = _windows(x, kernel, stride, padding, 1, ceil_mode)
    total = lax.reduce_window(x, 0.0, lax.add, **how)
    if divisor_override:
        return total / divisor_override
    space = len(size)
    pad = _pair(padding, space)
    counted = np.ones(x.shape[2:])
    if count_include_pad:  # but not what `ceil_mode` adds beyond it
        counted = np.pad(counted, [(one, one) for one in pad], constant_values=1)
        pads = [
            (low - one, max(0, high - one))
            for (low, high), one in zip(how["padding"][2:], pad, strict=True)
        ]
    else:
        pads = list(how["padding"][2:])
    counts = lax.reduce_window(
        jnp.asarray(counted, x.dtype),
        0.0,
        lax.add,
        how["window_dimensions"][2:],
        how["window_strides"][2:],
        pads,
    )
    return total / counts[tuple(map(slice, total.shape[2:]))]


@_named("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d")
def _adaptive_avg_pool(x: jax.Array, size: Sequence[int]) -> jax.Array:
    if all(one == 1 for one in size):
        return jnp.mean(x, tuple(range(x.ndim - len(size), x.ndim)), keepdims=True)
    for axis, places in zip(range(x.ndim - len(size), x.ndim), size, strict=True):
        means = np.zeros((places, x.shape[axis]))
        for place, row in enumerate(means):
            first, last = place * len(row) // places, -(-(place + 1) * len(row) // places)
            row[first:last] = 1 / (last - first)
        x = jnp.moveaxis(jnp.moveaxis(x, axis, -1) @ jnp.asarray(means.T, x.dtype), -1, axis)
    return x
