"""The parameter measure: draws of a block's parameters (docs/concepts/measure.md, section 3).

Every measure is a product over the parameters. `fan_in` of a kernel is the number of inputs of
one unit: of a dense layer or a convolution all axes but the last; `fan_out` counts its last axis in
place of the one before. Of any other kernel, such as those of a scan over layers or one of shape
(heads, features, head size), the sum that consumes it tells them (`sed2.blocks.contractions`). If
there is none, or there are several, the kernel and the bias beside it are drawn as the module
itself initialises them, and `unknown_fans` names the kernel.

- `torch`: U(-1/sqrt(fan_in), 1/sqrt(fan_in)), a bias with the fan-in of the kernel beside it.
- `he_*`, `glorot_*`, `lecun_*`: kernels centred, with variance 2/fan_in, 2/(fan_in + fan_out)
  and 1/fan_in, normal or uniform; biases 0.
- `uniform:A:B`, `normal:STD`: all parameters alike.
- `init`: whatever initialisers the Flax module declares.

The named initialisers and `torch` say something of kernels and of the biases beside them. All other
parameters (scale and shift of a normalisation, embeddings, a class token) are drawn as the module
itself initialises them, except under `uniform` and `normal`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from sed2.blocks import Block, Shape
from sed2.blocks.base import KERNELS, Fans, Path
from sed2.chain import dense_layers
from sed2.common import threefry
from sed2.settings import Prior

if TYPE_CHECKING:
    import jax
    from flax import nnx

BIASES = ("bias", "b")
"""Names of biases, in Flax and in plain (init, apply) pairs."""

Transform = Callable[[Any], Any]
"""From numbers uniform on (-1, 1) to parameters, elementwise; of NumPy or of JAX."""


def draw_module(
    spec: Block, input_shape: Shape, prior: Prior, key: jax.Array, uniform: jax.Array
) -> nnx.Module:
    """One draw of a block's module, in float64 whatever the module itself would keep.

    Pure: may be jitted, and vmapped over its last arguments.

    Args:
        key: for the module's own initialisers.
        uniform: (d_j,) numbers uniform on (-1, 1), for all else.
    """
    import jax
    from flax import nnx

    from sed2.blocks.contractions import names

    module = spec.build(input_shape, nnx.Rngs(key))
    state = nnx.state(module, nnx.Param)
    leaves, treedef = jax.tree_util.tree_flatten_with_path(state)
    fans = _fans(spec, input_shape) if _by_fans(prior) else {}
    parameters, used = [], 0
    for path, leaf in leaves:
        transform = _transform(prior, names(path), fans)
        numbers = uniform[used : used + leaf.size]
        drawn = transform(numbers).reshape(leaf.shape) if transform else leaf
        parameters.append(drawn.astype(float))
        used += leaf.size
    nnx.update(module, jax.tree_util.tree_unflatten(treedef, parameters))
    return module


def draw_dense(
    prior: Prior, inputs: int, units: int, bias: bool, uniform: jax.Array | np.ndarray
) -> list[np.ndarray] | None:
    """Draws of the parameters of a dense layer without norm, as `draw_module` makes them, but by no
    program of its own: [bias, kernel], or the kernel alone. None: as the module initialises them.

    Args:
        uniform: (S, at least d_j) numbers uniform on (-1, 1).

    Returns:
        arrays (S, units) and (S, inputs, units).
    """
    fans: dict[Path, Fans | None] = {("kernel",): (inputs, units)}
    drawn, used = list[np.ndarray](), 0
    for name, shape in [("bias", (units,))] * bias + [("kernel", (inputs, units))]:
        transform = _transform(prior, (name,), fans)
        if transform is None:
            return None
        size = math.prod(shape)
        # Sliced by NumPy: JAX would compile that for every size.
        numbers = np.asarray(transform(uniform))[:, used : used + size]
        drawn.append(numbers.reshape(-1, *shape))
        used += size
    return drawn


def unknown_fans(spec: Block, input_shape: Shape, prior: Prior) -> tuple[str, ...]:
    """The kernels that are drawn as the module initialises them, though the measure is another,
    since their fan-in is not known."""
    if not _by_fans(prior) or dense_layers(spec, input_shape):
        return ()
    from sed2.blocks.independence import path_text

    found = _fans(spec, input_shape)
    return tuple(path_text(path) for path, fans in found.items() if fans is None)


def _by_fans(prior: Prior) -> bool:
    return prior.name not in ("init", "uniform", "normal")


def _transform(prior: Prior, path: Path, kernels: dict[Path, Fans | None]) -> Transform | None:
    """How a parameter is drawn, given the fans of the kernels; None: as initialised."""
    if prior.name == "init":
        return None
    if prior.name == "uniform":
        low, high = prior.args
        return lambda u: (low + high) / 2 + (high - low) / 2 * u
    if prior.name == "normal":
        return lambda u: prior.args[0] * _to_normal(u)
    *parent, name = path
    same = sorted(KERNELS, reverse=True) if name in BIASES else [name]  # of several, one for all
    beside = (kernels.get((*parent, kernel)) for kernel in same)
    fans = next((fans for fans in beside if fans is not None), None)
    if fans is None:
        return None
    fan_in, fan_out = fans
    if prior.name == "torch":
        return lambda u: u / math.sqrt(fan_in)
    if name in BIASES:
        return lambda u: u - u
    family, form = prior.name.split("_")
    variance = {"he": 2 / fan_in, "glorot": 2 / (fan_in + fan_out), "lecun": 1 / fan_in}[family]
    if form == "normal":
        return lambda u: math.sqrt(variance) * _to_normal(u)
    return lambda u: math.sqrt(3 * variance) * u


def _to_normal(uniform: Any) -> Any:
    if isinstance(uniform, np.ndarray):
        return threefry.to_normal(uniform)
    from sed2.common.randomness import to_normal

    return to_normal(uniform)


@lru_cache(maxsize=64)
def _fans(spec: Block, input_shape: Shape) -> dict[Path, Fans | None]:
    """Of all kernels, None where they are not known."""
    import jax
    from flax import nnx

    from sed2.blocks.abstract import abstract_split
    from sed2.blocks.contractions import contractions, names

    def made() -> nnx.Module:
        module = spec.build(input_shape, nnx.Rngs(0))
        module.eval()
        return module

    with jax.enable_x64(True):
        graphdef, parameters, rest = abstract_split(made, nnx.Param, ...)
    leaves = jax.tree_util.tree_leaves_with_path(parameters)
    kernels = {names(path): leaf.shape for path, leaf in leaves if names(path)[-1] in KERNELS}
    modules = nnx.iter_modules(nnx.merge(graphdef, parameters, rest))
    layers = {tuple(map(str, path)): layer for path, layer in modules}
    fans: dict[Path, Fans | None] = {path: _usual(shape) for path, shape in kernels.items()}
    if not all(_is_usual(layers.get(path[:-1]), shape) for path, shape in kernels.items()):
        found = contractions(graphdef, parameters, rest, input_shape)
        for path in kernels:
            if path[-1] == "weight" and not found[path]:  # of a norm or an embedding, in PyTorch
                del fans[path]
            elif fans[path] not in found[path]:
                fans[path] = next(iter(found[path])) if len(found[path]) == 1 else None
    return fans


def _usual(kernel: Shape) -> Fans:
    """Of the kernel of a dense layer or a convolution, the units last."""
    return math.prod(kernel[:-1]), math.prod(kernel[:-2]) * kernel[-1]


def _is_usual(layer: Any, kernel: Shape) -> bool:
    """Whether it is one such kernel of that layer, and no stack of them."""
    from flax import nnx

    if isinstance(layer, nnx.Linear):
        return len(kernel) == 2
    return isinstance(layer, nnx.Conv) and len(kernel) == len(layer.kernel_size) + 2
