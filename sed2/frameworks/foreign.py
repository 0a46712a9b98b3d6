"""A network of another framework as an nnx module: its parameters by name, and a pure function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import jax
from flax import nnx

from sed2.blocks.adapter import plain
from sed2.errors import SpecError

Function = Callable[[Any, jax.Array, Mapping[str, nnx.BatchNorm]], Any]
"""From the parameters, a batch of inputs and the batch norms by name to the outputs."""


class Foreign(nnx.Module):
    """
    Args:
        parameters: arrays, nested by the names that the framework gives them.
        function: what the network computes in evaluation mode. It calls a batch norm instead of
            computing one, and then scales and shifts by parameters itself: `sed2.blocks.freeze`
            knows nnx.BatchNorm.
        norms: the batch norms by name, as `batch_norm` makes them.
    """

    def __init__(
        self, parameters: Any, function: Function, norms: Mapping[str, nnx.BatchNorm]
    ) -> None:
        self.parameters = nnx.data(jax.tree.map(nnx.Param, parameters))
        self.norms = nnx.data(dict(norms))
        self.function = nnx.static(function)

    def __call__(self, x: jax.Array) -> Any:
        return self.function(plain(self.parameters), x, self.norms)


@contextmanager
def making(name: str, besides: str = "") -> Iterator[None]:
    """
    Raises:
        SpecError: for whatever a class or a factory raises, which needs arguments, as a rule.
    """
    try:
        yield
    except SpecError:
        raise
    except Exception as error:
        raise SpecError(
            f"making the network `{name}` failed: {type(error).__name__}: {error}",
            mend=f"Give what the class or factory needs{besides} as `arguments`",
        ) from error


@cache
def kind_of(framework: str, name: str) -> type[Foreign]:
    """The class of the modules that stand for a class of another framework, which names blocks."""
    return type(name, (Foreign,), {"__module__": f"{__name__}.{framework}"})


def batch_norm(features: int, epsilon: float, axis: int) -> nnx.BatchNorm:
    """One that has no parameters of its own."""
    return nnx.BatchNorm(
        features,
        axis=axis,
        epsilon=epsilon,
        use_bias=False,
        use_scale=False,
        param_dtype=float,
        rngs=nnx.Rngs(0),
    )


def nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """By names that are parted by dots, one level each."""
    whole: dict[str, Any] = {}
    for name, value in flat.items():
        *parents, last = name.split(".")
        inner = whole
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = value
    return whole


def found(whole: Any, name: str) -> Any:
    """What `nested` put under a name."""
    for part in name.split("."):
        whole = whole[part]
    return whole
