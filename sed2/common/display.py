"""How Python shows a result: in a line, as a table in a notebook, as a data frame.

The words and tables are of `sed2.report`, which lies above the results: `sed2` itself, which lies
above both, says in `views` where they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, overload

from sed2.errors import did_you_mean

if TYPE_CHECKING:
    import pandas


class Views(Protocol):
    """The ways of `sed2.report.notebook`."""

    def line(self, result: Any, /) -> str: ...
    def markup(self, result: Any, /) -> str: ...
    def frame(self, result: Any, /) -> pandas.DataFrame: ...


def _untold() -> Views:
    raise NotImplementedError


views: Callable[[], Views] = _untold


class Brief:
    """What has a short `repr`, and equals what holds exactly the same numbers, NaN included. A
    dataclass must leave both alone, by `repr=False, eq=False`."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({views().line(self)})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and _same(_compared(self), _compared(other))

    def __hash__(self) -> int:
        return hash((type(self), *(held for held in vars(self).values() if isinstance(held, str))))


class Tabled(Brief):
    """What is a table as well."""

    def _repr_html_(self) -> str:
        """The table, for a notebook."""
        return views().markup(self)

    def to_frame(self) -> pandas.DataFrame:
        """The table as a data frame of pandas; an undefined number is NaN.

        Raises:
            UsageError: pandas is not installed.
        """
        return views().frame(self)


def _compared(held: Any) -> dict[str, Any]:
    """What counts: all but the fields of a dataclass that are not to be compared."""
    fields = getattr(type(held), "__dataclass_fields__", {})
    return {
        name: value
        for name, value in vars(held).items()
        if name not in fields or fields[name].compare
    }


def _same(one: Any, other: Any) -> bool:
    """Whether two values of fields are equal to the last bit."""
    if hasattr(one, "shape") and hasattr(other, "shape"):
        import numpy as np  # which `import sed2` does not wait for

        return np.array_equal(one, other, equal_nan=True)
    if is_dataclass(one) and type(one) is type(other):
        return _same(vars(one), vars(other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other or (one != one and other != other))


class Named(Protocol):
    @property
    def name(self) -> str: ...


M = TypeVar("M", bound=Named)


class Models(Generic[M]):
    """What is of several models: a sequence of them, each also found by its name."""

    models: tuple[M, ...]

    def __len__(self) -> int:
        return len(self.models)

    def __iter__(self) -> Iterator[M]:
        return iter(self.models)

    def __contains__(self, model: object) -> bool:
        return any(model is each or model == each.name for each in self.models)

    @overload
    def __getitem__(self, key: str | int) -> M: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[M, ...]: ...
    def __getitem__(self, key: str | int | slice) -> M | tuple[M, ...]:
        """
        Raises:
            KeyError: there is no model of that name.
            IndexError: there is none at that place.
        """
        if not isinstance(key, str):
            return self.models[key]
        names = [model.name for model in self.models]
        if key not in names:
            raise KeyError(f"no model `{key}`. {did_you_mean(key, names)}")
        return self.models[names.index(key)]
