"""A check that a user's network maps each input by itself, always the same.

Fisher matrices are taken input by input, so an output that hangs on the other inputs, or on a
random key, would have another one. Each network is tried on a few random inputs, under random
parameters, once it is built.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from sed2.blocks.base import Shape
from sed2.blocks.freeze import batch_norms, use_batch_statistics
from sed2.errors import SpecError

_INPUTS = 3
_NUDGE = 0.01
"""So much is added to each parameter: a layer that starts at zero would hide what is before it."""

Make = Callable[[jax.Array], nnx.Module]
"""From a random key to the module."""


def check_independence(make: Make, input_shape: Shape, what: str, precision: float) -> None:
    """
    Args:
        make: pure. Batch norms are frozen to the inputs' statistics before anything is compared.
        input_shape: of one input.
        what: the block, for the message.
        precision: the relative rounding error of the type of least precision in it.

    Raises:
        SpecError: an output changes with the other inputs or with a key; it names the layer.
    """
    with jax.enable_x64(True), jax.ensure_compile_time_eval():
        compare = jax.jit(
            lambda key: _compare(make, input_shape, key),
            compiler_options={"xla_backend_optimization_level": 0},  # it runs once
        )
        found: dict[str, tuple[Any, Any]] = compare(jax.random.key(0))
        tolerance = float(np.sqrt(precision))
        if all(_same(*pair, tolerance) for pair in found.values()):
            return
        module, x = _ready(make, input_shape, jax.random.key(0))
        wrong = {name for name, pair in found.items() if not _same(*pair, tolerance)}
        if "statistics" in wrong:
            raise SpecError(
                f"{what} uses a batch norm more than once, or under a transformation that does not "
                f"keep its statistics: {_norms(module)}",
                mend="Each call has statistics of its own, which one nnx.BatchNorm cannot hold; "
                "give each call its own",
            )
        if "key" in wrong:
            used = _key_used(module, x, tolerance)
            raise SpecError(
                f"{what} gives other outputs for another random key: {used}",
                mend="Let it use none where an argument `deterministic` is true, or `train` or "
                "`training` false; nnx.Dropout is the identity by itself",
            )
        layer = _first_dependent(module, x, tolerance)
        raise SpecError(
            f"{what} maps no input by itself: {layer} changes with the other inputs of the batch",
            mend="Write it so that each input is mapped by itself; of layers that take "
            "statistics of the batch, only nnx.BatchNorm is handled",
        )


def _ready(make: Make, input_shape: Shape, key: jax.Array) -> tuple[nnx.Module, jax.Array]:
    """The module with nudged parameters, batch norms by the statistics of the batch; and inputs,
    which are not negative, since they may be used as indices."""
    module = make(key)
    state = nnx.state(module, nnx.Param)
    leaves, treedef = jax.tree.flatten(state)
    keys = jax.random.split(jax.random.fold_in(key, 1), len(leaves) + 1)
    nudged = [
        leaf.astype(float) + _NUDGE * jax.random.normal(one, leaf.shape)
        for leaf, one in zip(leaves, keys[1:], strict=True)
    ]
    nnx.update(module, jax.tree.unflatten(treedef, nudged))
    x = jnp.abs(jax.random.normal(keys[0], (_INPUTS, *input_shape)))
    for norm in use_batch_statistics(module, x.dtype):
        norm.use_running_average = False
    return module, x


def _compare(make: Make, input_shape: Shape, key: jax.Array) -> dict[str, tuple[Any, Any]]:
    """Pairs of outputs that should be the same."""
    module, x = _ready(make, input_shape, key)
    found = {}
    norms = batch_norms(module)
    by_batch = module(x) if norms else None
    for norm in norms:
        norm.use_running_average = True
    together, alone = module(x), module(x[1:2])
    if norms:
        found["statistics"] = by_batch, together
    found["others"] = together[1:2], alone
    other = _with_other_keys(module)
    if other is not None:
        found["key"] = alone, other(x[1:2])
    return found


def _with_other_keys(module: nnx.Module, only: str = "") -> nnx.Module | None:
    """A copy that holds other random keys, at one path alone if one is given; None if there are
    none."""
    graphdef, state = nnx.split(module)
    leaves, treedef = jax.tree_util.tree_flatten_with_path(state)
    changed, count = [], 0
    for path, leaf in leaves:
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) and only in ("", path_text(path)):
            data = jax.random.key_data(leaf)
            leaf = jax.random.wrap_key_data(data ^ 12345, impl=jax.random.key_impl(leaf))
            count += 1
        changed.append(leaf)
    if not count:
        return None
    return nnx.merge(graphdef, jax.tree.unflatten(treedef, changed), copy=True)


def _key_used(module: nnx.Module, x: jax.Array, tolerance: float) -> str:
    """The key that changes the output."""
    reference = module(x[1:2])
    _, state = nnx.split(module)
    for path, leaf in jax.tree_util.tree_leaves_with_path(state):
        name = path_text(path)
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            other = _with_other_keys(module, name)
            if other is not None and not _same(reference, other(x[1:2]), tolerance):
                return f"it uses `{name}`"
    return "several keys together"


def _norms(module: nnx.Module) -> str:
    paths = [path for path, m in nnx.iter_modules(module) if isinstance(m, nnx.BatchNorm)]
    return ", ".join(f"`{path_text(path)}`" for path in paths[:3])


def _first_dependent(module: nnx.Module, x: jax.Array, tolerance: float) -> str:
    """The innermost layer whose output first differs, or what is given to it if that does."""
    runs = []
    for inputs in (x, x[1:2]):
        log: list[tuple[str, Any, Any]] = []
        _recorded(module, log)(inputs)
        runs.append(log)

    def differ(together: Any, alone: Any) -> bool:
        return any(
            _is_batch(one, len(x)) and _is_batch(other, 1) and not _same(one[1:2], other, tolerance)
            for one, other in zip(jax.tree.leaves(together), jax.tree.leaves(alone), strict=False)
        )

    for (name, given, returned), (_, given_alone, returned_alone) in zip(*runs, strict=False):
        if differ(given, given_alone):
            return f"what is given to {name}"
        if differ(returned, returned_alone):
            return f"the output of {name}"
    return "its output"


def _is_batch(array: Any, rows: int) -> bool:
    return not isinstance(array, jax.core.Tracer) and jnp.shape(array)[:1] == (rows,)


def _recorded(module: nnx.Module, log: list[tuple[str, Any, Any]]) -> nnx.Module:
    """A copy whose modules and functions add what they are given and return to the log, the inner
    ones first."""
    module = nnx.clone(module)

    def note(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)  # its arguments are looked at
        def noted(*args: Any, **kwargs: Any) -> Any:
            returned = call(*args, **kwargs)
            given = [each for each in args if not isinstance(each, nnx.Module)]
            log.append((name, given, returned))
            return returned

        return noted

    for path, inner in list(nnx.iter_modules(module)):
        if path and callable(inner):
            cls = type(inner)
            text = path_text(path)
            own = text.isdigit()  # the element itself
            name = f"`{cls.__name__}`" if own else f"`{text}` ({cls.__name__})"
            noting = type(cls.__name__, (cls,), {"__call__": note(name, cls.__call__)})
            object.__setattr__(inner, "__class__", noting)
    for _, inner in list(nnx.iter_modules(module)):
        if isinstance(inner, nnx.List):
            for number, element in enumerate(inner):
                if callable(element) and not isinstance(element, nnx.Module):
                    name = f"`{getattr(element, '__name__', type(element).__name__)}`"
                    inner[number] = nnx.static(note(name, element))
    return module


def _same(one: Any, other: Any, tolerance: float) -> bool:
    one, other = np.asarray(one, float), np.asarray(other, float)
    size = np.abs(one[np.isfinite(one)]).max(initial=1e-300)
    return np.allclose(one, other, rtol=tolerance, atol=tolerance * size, equal_nan=True)


def path_text(path: tuple[Any, ...]) -> str:
    """A path within a module, of names or of JAX's keys, as it is written in Python."""
    keys = [getattr(key, "key", key) for key in path if not hasattr(key, "name")]
    if keys[:1] == ["elements"]:  # of an `Adapter`, which the user has never seen
        keys = keys[2:] or keys[1:]
    return ".".join(".".join(map(str, key)) if isinstance(key, tuple) else str(key) for key in keys)
