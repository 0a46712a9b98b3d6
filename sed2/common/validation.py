"""Pydantic's complaints in the words of sed2: one sentence, the allowed values, the nearest name.

What is allowed is read off the model's JSON Schema, so a new option needs no message of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema

from sed2.errors import did_you_mean, shown

Route = tuple[str | int, ...]
"""Names of mappings and places in lists, from the top down."""


class StrictModel(BaseModel):
    """Fields of exactly the given types and no others; immutable, and always finite."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        defer_build=True,  # `--help` needs the fields, not the validator
    )

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The fields are strict. The model itself is not: a mapping may stand for it."""
        made = handler(source)
        schema: Any = handler.resolve_ref_schema(made)
        while schema["type"] != "model":  # within its validators
            schema = schema["schema"]
        schema["strict"] = False
        return made


@dataclass(frozen=True)
class Fault:
    """The first thing wrong with the options of a model."""

    path: Route
    """Where, from the model down; empty if it concerns several fields."""
    cause: str
    mend: str
    at_key: bool
    """Whether the name is wrong, rather than the value."""


def explain(
    error: ValidationError,
    model: type[BaseModel],
    called: Callable[[Route], tuple[int, str, str]],
) -> Fault:
    """The first fault of `error`, and how many more there are.

    A validator may raise `ValueError(cause, mend)`.

    Args:
        error: what pydantic raised for `model`.
        model: the model whose fields were validated.
        called: of a path, how many of its first steps a message leaves out, what the name after
            them is called, such as "option", and what it belongs to, such as " of `dense`".
    """
    whole = model.model_json_schema()
    faults = [
        (fault, *_look_up(whole, fault["loc"], unknown=fault["type"] == "extra_forbidden"))
        for fault in error.errors()
    ]
    # Of the alternatives of one field the one that went deepest is meant.
    within = {path[:length] for _, path, _ in faults for length in range(len(path))}
    faults = [fault for fault in faults if fault[1] not in within] or faults
    # A misspelt name explains a missing one, so unknown names go first.
    faults.sort(key=lambda fault: fault[0]["type"] != "extra_forbidden")
    first, path, schema = faults[0]
    skipped, noun, of = called(path)
    name = ".".join(map(str, path[skipped:]))
    more = len({found[: called(found)[0] + 1] for _, found, _ in faults}) - 1
    also = f"; {more} more {'fault follows' if more == 1 else 'faults follow'}" if more else ""
    given, choices = first["input"], _choices(schema)
    at_key, mend = False, did_you_mean(given, choices) if choices and isinstance(given, str) else ""
    match first["type"]:
        case "extra_forbidden":
            at_key, cause = True, f"there is no {noun} `{shown(name)}`{of}"
            mend = did_you_mean(str(path[-1]), sorted(schema.get("properties", {})))
        case "missing":
            at_key, cause = True, f"the {noun} `{name}`{of} is missing; it is {allowed(schema)}"
        case "value_error":
            cause, mend = (*first["ctx"]["error"].args, "")[:2]
        case kind:
            bounds = allowed(schema, all_bounds=kind == "less_than_equal")
            cause = f"`{name}` must be {bounds}, not {_literal(given)}"
            if kind == "string_type" and isinstance(given, int | float):
                mend = "Put it in quotes"
    return Fault(path, f"{cause}{also}", mend, at_key)


def allowed(schema: dict[str, Any], *, all_bounds: bool = False) -> str:
    """What a JSON Schema allows, in words: "a whole number of at least 1".

    Bounds that are only technical (2^63) are left out, unless `all_bounds`. Null is too."""
    if "anyOf" in schema:
        return " or ".join(
            allowed(one, all_bounds=all_bounds)
            for one in schema["anyOf"]
            if one.get("type") != "null"
        )
    if "$ref" in schema:
        return "a mapping"
    if choices := _choices(schema):
        return f"one of {', '.join(choices)}"
    if "const" in schema:
        return str(schema["const"])
    match schema.get("type"):
        case "integer":
            noun = "a whole number"
        case "number":
            noun = "a number"
        case "boolean":
            return "true or false"
        case "string":
            return "text that is not empty" if schema.get("minLength") else "text"
        case "null":
            return "null"
        case "object":
            return "a mapping"
        case _:
            of = schema.get("items", {}).get("$ref", "").rpartition("/")[2]  # block or model
            return f"a list of {of}s" if of else "a list"
    bounds = [
        f"{word} {schema[key]}"
        for key, word in (
            ("minimum", "of at least"),
            ("exclusiveMinimum", "above"),
            ("maximum", "at most"),
            ("exclusiveMaximum", "below"),
        )
        if key in schema and (all_bounds or abs(schema[key]) < 2**62)
    ]
    return f"{noun} {' and '.join(bounds)}" if bounds else noun


def _literal(value: object) -> str:
    """A value as it stands in YAML; text is quoted."""
    if value is None or (isinstance(value, list | dict) and not value):
        return in_words(value)
    return shown(json.dumps(value, default=str, ensure_ascii=False))


def in_words(value: object) -> str:
    """What a YAML value is."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case int() | float():
            return f"the number {shown(value)}"
        case str():
            return f"the text `{shown(value)}`"
        case dict():
            return "a mapping" if value else "an empty mapping"
        case _:
            return "a list" if value else "an empty list"


def _choices(schema: dict[str, Any]) -> list[str]:
    return [str(choice) for choice in schema.get("enum", ())]


def _look_up(
    schema: dict[str, Any], location: tuple[str | int, ...], *, unknown: bool
) -> tuple[Route, dict[str, Any]]:
    """The path of names and places that a location stands for, and the schema there.

    Pydantic's location also names the alternatives that it tried. If its last name is an unknown
    one, the schema is that of the mapping it stands in."""
    path: list[str | int] = []
    found = schema
    for number, step in enumerate(location, start=1):
        deeper = None
        for one in _alternatives(schema, found):
            if isinstance(step, int):
                items = one.get("prefixItems", ())
                deeper = deeper or (items[step] if step < len(items) else one.get("items"))
            elif "properties" in one:
                deeper = deeper or one["properties"].get(step)
                if unknown and number == len(location) and deeper is None:
                    return (*path, step), one
        if deeper is not None:
            path.append(step)
            found = _resolved(schema, deeper)
    return tuple(path), found


def _alternatives(schema: dict[str, Any], part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All that a part of a schema may stand for."""
    part = _resolved(schema, part)
    within = [
        one
        for one in (*part.get("anyOf", ()), *part.get("oneOf", ()))
        if one.keys() != {"required"}
    ]
    for one in within:
        yield from _alternatives(schema, one)
    if not within:
        yield part


def _resolved(schema: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    return schema["$defs"][part["$ref"].rpartition("/")[2]] if "$ref" in part else part
