"""The JSON Schema of the YAML, by which editors complete and check it."""

from __future__ import annotations

from typing import Any

from sed2.blocks import KINDS
from sed2.blocks.base import BLOCK_SCHEMA
from sed2.settings import Settings
from sed2.spec.schema import FORMS


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of the YAML, for editors."""
    settings = Settings.model_json_schema()["properties"]
    kinds = {kind: _without_titles(block.model_json_schema()) for kind, block in KINDS.items()}
    shared = {
        name: schema for block in kinds.values() for name, schema in block.pop("$defs", {}).items()
    }
    for setting in settings.values():
        setting.pop("title", None)
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
    size, dash = r"0*[1-9][0-9]*", r"\s*[-–]\s*"
    widths = rf"{size}({dash}{size})+"
    text = {
        "type": "string",
        "description": "The paper's notation: `MLP 54-16-7` has the input width, then the units of "
        "each dense block; `CNN 7-5|10-50-34-10` kernel sizes, then channels and units.",
        "pattern": rf"^\s*([Mm][Ll][Pp]\s+{widths}|[Cc][Nn][Nn]\s+{size}({dash}{size})*\s*\|"
        rf"\s*{widths})\s*$",
    }
    model = {
        "type": "object",
        "properties": {
            "name": {
                "type": "string",
                "minLength": 1,
                "description": "Name of the model, unique in the file; "
                "by default its notation or its blocks.",
            },
            "blocks": {
                "type": "array",
                "minItems": 1,
                "items": {"$ref": "#/$defs/block"},
                "description": "The chain of blocks: each its kind, then its options. "
                "The input shape is the data's.",
            },
            "notation": {"$ref": "#/$defs/notation"},
            "module": {
                "type": "string",
                "pattern": r"^[\w.]+:\w+$",
                "description": "A network of your own, `package.module:factory`: the factory is "
                "called with rngs= if it takes it, and returns an nnx or linen module, an "
                "(init, apply) pair, or a sequence of them. Needs --allow-import.",
            },
            **settings,
        },
        "oneOf": [{"required": [form]} for form in FORMS],
        "additionalProperties": False,
    }
    several = {
        "type": "object",
        "properties": {
            "models": {
                "type": "array",
                "minItems": 1,
                "items": {"oneOf": [{"$ref": "#/$defs/notation"}, {"$ref": "#/$defs/model"}]},
                "description": "The candidates.",
            },
            **settings,
        },
        "required": ["models"],
        "additionalProperties": False,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "sed2 spec",
        "description": "Neural architectures to rank by the two-scale effective dimension.",
        "oneOf": [several, {"$ref": "#/$defs/model"}, {"$ref": "#/$defs/notation"}],
        "$defs": {"notation": text, "model": model, "block": _with_inner_blocks(block), **shared},
    }


def _without_titles(schema: dict[str, Any]) -> dict[str, Any]:
    """Pydantic's titles only repeat the names."""
    schema.pop("title", None)
    for option in schema.get("properties", {}).values():
        option.pop("title", None)
    return schema


def _with_inner_blocks(schema: Any) -> Any:
    """The schema of a block in all places where a block may hold others."""
    if schema == BLOCK_SCHEMA:
        return {"$ref": "#/$defs/block"}
    if isinstance(schema, dict):
        return {key: _with_inner_blocks(value) for key, value in schema.items()}
    return [_with_inner_blocks(one) for one in schema] if isinstance(schema, list) else schema
