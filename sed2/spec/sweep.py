"""Sweeps: a model whose blocks hold several values of their options, expanded to candidates.

An option is a choice where it holds a list, or `range: [first, last, step]` (both ends in) or `log:
[first, last, points]` (log-spaced; whole numbers if the ends are). `repeat` beside the kind of a
block says how often the block comes, one after the other. All choices are combined.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from sed2.blocks import KINDS
from sed2.common.validation import Route, StrictModel
from sed2.errors import shown

MAX_CANDIDATES = 10_000
"""Of all sweeps of a file."""
MAX_REPEATS = 1000
_RELATIONS: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "==": operator.eq,
}
_SIZES = ("parameters", "flops", "blocks")
_UNITS = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}
_LIMIT = re.compile(
    rf"\s*({'|'.join(_SIZES)})\s*(<=|>=|==|<|>)\s*(\d+\.?\d*(?:[eE]\d+)?)\s*([kMG]?)\s*"
)
_FORMS = "`[8, 16, 32]`, `{range: [8, 32, 8]}` or `{log: [8, 128, 5]}`"


@dataclass(frozen=True)
class SizeLimit:
    """What candidates of a sweep are to be: `parameters <= 20k`."""

    size: str
    """parameters, flops (operations of one forward pass of one input) or blocks (with
    parameters)."""
    relation: str
    bound: float

    def holds(self, value: float) -> bool:
        """Whether a size is so; one that is not known (NaN) is not."""
        return _RELATIONS[self.relation](value, self.bound)


def read_limit(text: str) -> SizeLimit:
    """Read `parameters <= 20k`.

    Raises:
        ValueError: with a sentence that says what is allowed.
    """
    match = _LIMIT.fullmatch(text)
    if not match:
        raise ValueError(
            f"`where` must be such as `parameters <= 20k`, not `{shown(text)}`",
            f"Compare {', '.join(_SIZES)} by {', '.join(_RELATIONS)} with a number, which may end "
            "in k, M or G",
        )
    size, relation, number, unit = match.groups()
    return SizeLimit(size, relation, float(number) * _UNITS[unit])


def _limit(text: str) -> str:
    read_limit(text)
    return text


_Limits = Annotated[
    list[Annotated[str, AfterValidator(_limit)]],
    BeforeValidator(lambda value: [value] if isinstance(value, str) else value),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


class SweptModel(StrictModel):
    """A sweep as it stands in YAML."""

    name: str = Field(default_factory=str, min_length=1)
    """What the names of the candidates begin with; the chosen values follow. By default a candidate
    is named by its blocks."""
    blocks: list[Any] = Field(min_length=1)
    """The chain of blocks, in which an option may hold a list of values, `{range: [first, last,
    step]}` or `{log: [first, last, points]}`; `repeat` beside the kind says how often a block
    comes."""
    where: _Limits = Field(default_factory=list)
    """What candidates are kept: limits such as `parameters <= 20k`, of parameters, flops and
    blocks; all of them must hold."""

    @property
    def limits(self) -> tuple[SizeLimit, ...]:
        return tuple(map(read_limit, self.where))


def expand(sweep: SweptModel, most: int) -> Iterator[tuple[dict[str, Any], list[int]]]:
    """The candidates of a sweep, the last choice running fastest.

    Args:
        most: candidates that there may be.

    Yields:
        a model as it would stand in YAML, and of each of its blocks the place in the sweep.

    Raises:
        ValueError: a choice is empty or not of the forms above, or there are too many candidates;
            with a sentence, the mend, and the route to it.
    """
    blocks = enumerate(sweep.blocks)
    choices = [each for place, of in blocks for each in _choices(of, ("blocks", place))]
    count = math.prod(len(values) for _, values in choices)
    if count > most:
        raise ValueError(
            f"the sweep has {count:,} candidates, but {most:,} are allowed",
            "Take fewer values, or several files",
            (),
        )
    for chosen in product(*(values for _, values in choices)):
        picked = {path: value for (path, _), value in zip(choices, chosen, strict=True)}
        chain, places = _repeated(_filled(sweep.blocks, ("blocks",), picked), ("blocks",))
        entry: dict[str, Any] = {"blocks": chain}
        if sweep.name:
            entry["name"] = " ".join([sweep.name, "-".join(map(_text, chosen))]).strip()
        yield entry, places


def _choices(value: Any, path: Route) -> Iterator[tuple[Route, Sequence[Any]]]:
    """The places that hold several values, and these."""
    if isinstance(value, Mapping):
        if len(value) == 1 and (form := next(iter(value))) in ("range", "log"):
            yield path, _numbers(form, value[form], path)
            return
        for key, each in value.items():
            yield from _choices(each, (*path, key))
    elif isinstance(value, list) and _are_blocks(value):
        for place, each in enumerate(value):
            yield from _choices(each, (*path, place))
    elif isinstance(value, list):
        if not value:
            raise ValueError("a choice is empty", f"Write for example {_FORMS}", path)
        yield path, value


def _are_blocks(values: list[Any]) -> bool:
    return any(
        (isinstance(each, str) and each in KINDS)
        or (isinstance(each, Mapping) and any(key in KINDS for key in each))
        for each in values
    )


def _numbers(form: str, given: Any, path: Route) -> list[int | float]:
    """The values of a `range` or `log`."""
    fine = (
        isinstance(given, list)
        and len(given) == 3
        and all(isinstance(each, int | float) and not isinstance(each, bool) for each in given)
        and all(map(math.isfinite, given))
    )
    first, last, third = given if fine else (0, 0, 0)
    if form == "range" and fine and third > 0 and last >= first:
        count = math.floor((last - first) / third * (1 + 1e-12)) + 1
        if count <= MAX_CANDIDATES:
            return [first + i * third for i in range(count)]
    points = third if form == "log" and isinstance(third, int) else 0
    if 2 <= points <= MAX_CANDIDATES and 0 < first < last:
        inner = [first * (last / first) ** (i / (points - 1)) for i in range(1, points - 1)]
        whole = isinstance(first, int) and isinstance(last, int)
        return list(dict.fromkeys([first, *(map(round, inner) if whole else inner), last]))
    raise ValueError(
        f"this is no `{form}` of numbers",
        "Write `range: [first, last, step]`, last not below first and the step above 0, or `log: "
        "[first, last, points]` with 0 < first < last and 2 points or more; at most "
        f"{MAX_CANDIDATES:,} numbers",
        path,
    )


def _filled(value: Any, path: Route, picked: Mapping[Route, Any]) -> Any:
    """A copy, with one value in the place of each choice."""
    if path in picked:
        return picked[path]
    if isinstance(value, Mapping):
        return {key: _filled(each, (*path, key), picked) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, (*path, place), picked) for place, each in enumerate(value)]
    return value


def _repeated(blocks: list[Any], path: Route) -> tuple[list[Any], list[int]]:
    """The blocks as often as they say, and the place of each before."""
    made, places = [], []
    for place, block in enumerate(blocks):
        times = 1
        if isinstance(block, Mapping):
            times = block.get("repeat", 1)
            if (
                not isinstance(times, int)
                or isinstance(times, bool)
                or not (1 <= times <= MAX_REPEATS)
            ):
                raise ValueError(
                    f"`repeat` must be a whole number from 1 to {MAX_REPEATS:,}, not "
                    f"{shown(times)}",
                    "",
                    (*path, place, "repeat"),
                )
            block = {key: _within(each) for key, each in block.items() if key != "repeat"}
        made += [block] * times
        places += [place] * times
    return made, places


def _within(options: Any) -> Any:
    """The options of a block, with the blocks that they hold repeated as well."""
    if not isinstance(options, Mapping):
        return options
    return {
        key: _repeated(each, ())[0] if isinstance(each, list) and _are_blocks(each) else each
        for key, each in options.items()
    }


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
