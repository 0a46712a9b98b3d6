"""Pydantic's complaints in the words of sed2: one sentence, the allowed values, the nearest name.

What is allowed is read off the model's JSON Schema, so a new option needs no message of its own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from sed2.errors import did_you_mean, shown


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


@dataclass(frozen=True)
class Fault:
    """The first thing wrong with the options of a model."""

    path: tuple[str | int, ...]
    """Where, from the model down; empty if it concerns several fields."""
    cause: str
    mend: str
    at_key: bool
    """Whether the name is wrong, rather than the value."""


def explain(error: ValidationError, model: type[BaseModel], noun: str, of: str = "") -> Fault:
    """The first fault of `error`, and how many more there are.

    Args:
        error: what pydantic raised for `model`.
        model: the model whose fields were validated.
        noun: what the fields are called, such as "setting".
        of: what they belong to, such as " of `dense`".
    """
    whole = model.model_json_schema()
    faults = [
        (fault, *_look_up(whole, fault["loc"], unknown=fault["type"] == "extra_forbidden"))
        for fault in error.errors()
    ]
    # A misspelt name explains a missing one, so unknown names go first. Of the alternatives of one
    # field the one that went deepest is meant.
    faults.sort(key=lambda fault: (fault[0]["type"] != "extra_forbidden", -len(fault[1])))
    first, path, schema = faults[0]
    name = ".".join(map(str, path))
    more = len({found[:1] for _, found, _ in faults}) - 1
    also = f"; {more} more {'fault follows' if more == 1 else 'faults follow'}" if more else ""
    if first["type"] == "extra_forbidden":
        return Fault(
            path,
            f"there is no {noun} `{shown(name)}`{of}{also}",
            did_you_mean(str(path[-1]), sorted(schema.get("properties", {}))),
            True,
        )
    if first["type"] == "missing":
        return Fault(
            path, f"the {noun} `{name}`{of} is missing{also}", f"It is {allowed(schema)}", True
        )
    if first["type"] == "value_error":
        return Fault(path, f"{first['ctx']['error']}{also}", "", False)
    given = first["input"]
    choices = _choices(schema)
    too_large = first["type"] == "less_than_equal"
    mend = did_you_mean(given, choices) if choices and isinstance(given, str) else ""
    if first["type"] == "string_type" and isinstance(given, int | float):
        mend = "Put it in quotes"
    return Fault(
        path,
        f"`{name}` must be {allowed(schema, all_bounds=too_large)}, not {_literal(given)}{also}",
        mend,
        False,
    )


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
            of = schema.get("items", {}).get("title")  # of blocks or models
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
) -> tuple[tuple[str | int, ...], dict[str, Any]]:
    """The path of names and places that a location stands for, and the schema there.

    Pydantic's location also names the alternatives that it tried. If its last name is an unknown
    one, the schema is that of the mapping it stands in."""
    path: list[str | int] = []
    found = schema
    for number, step in enumerate(location, start=1):
        deeper = None
        for one in (found, *found.get("anyOf", ())):
            mapping = _resolved(schema, one)
            if isinstance(step, int):
                items = mapping.get("prefixItems", ())
                deeper = deeper or (items[step] if step < len(items) else mapping.get("items"))
            elif "properties" in mapping:
                deeper = deeper or mapping["properties"].get(step)
                if unknown and number == len(location) and deeper is None:
                    return (*path, step), mapping
        if deeper is not None:
            path.append(step)
            found = _resolved(schema, deeper)
    return tuple(path), found


def _resolved(schema: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    return schema["$defs"][part["$ref"].rpartition("/")[2]] if "$ref" in part else part
