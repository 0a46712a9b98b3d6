"""The JSON Schema of the YAML, by which editors complete and check it."""

from __future__ import annotations

from typing import Any

from sed2.blocks import KINDS
from sed2.spec.schema import ALONE, FILE, MODEL

_SIZE, _DASH = r"0*[1-9][0-9]*", r"\s*[-–]\s*"
_WIDTHS = rf"{_SIZE}({_DASH}{_SIZE})+"
_NOTATION = {
    "type": "string",
    "description": "The paper's notation: `MLP 54-16-7` has the input width, then the units of "
    "each dense block; `CNN 7-5|10-50-34-10` kernel sizes, then channels and units.",
    "pattern": rf"^\s*([Mm][Ll][Pp]\s+{_WIDTHS}|[Cc][Nn][Nn]\s+{_SIZE}({_DASH}{_SIZE})*\s*\|"
    rf"\s*{_WIDTHS})\s*$",
}
_REFS = {name: {"$ref": f"#/$defs/{name}"} for name in ("notation", "model", "block")}
_PLACES: dict[str, dict[str, Any]] = _REFS | {
    "model": {"oneOf": [_REFS["notation"], _REFS["model"]]}
}
"""What a bare title stands for in the models of pydantic."""


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of the YAML, for editors."""
    kinds = {kind: _filled(block.model_json_schema()) for kind, block in KINDS.items()}
    shared = {
        name: schema for block in kinds.values() for name, schema in block.pop("$defs", {}).items()
    }
    block = {
        "oneOf": [
            {
                "enum": [kind for kind, schema in kinds.items() if not schema.get("required")],
                "description": "A block with its default options.",
            },
            *(
                {
                    "type": "object",
                    "description": schema.get("description", ""),
                    "properties": {kind: schema},
                    "required": [kind],
                    "additionalProperties": False,
                }
                for kind, schema in kinds.items()
            ),
        ]
    }
    model, file, alone = (_filled(each.model_json_schema()) for each in (MODEL, FILE, ALONE))
    shared |= file.pop("$defs") | alone.pop("$defs")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "sed2 spec",
        "description": "Neural architectures to rank by the two-scale effective dimension.",
        "oneOf": [file, alone, _REFS["notation"]],
        "$defs": {"notation": _NOTATION, "model": model, "block": block, **shared},
    }


def _filled(schema: Any) -> Any:
    """A schema of pydantic's without its titles, which only repeat the names, and with what a
    bare title stands for."""
    if isinstance(schema, list):
        return [_filled(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.keys() == {"title"} and schema["title"] in _PLACES:
        return _PLACES[schema["title"]]
    return {
        key: _filled(value)
        for key, value in schema.items()
        if not (key == "title" and isinstance(value, str))
    }
