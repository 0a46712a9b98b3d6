"""Documents as text, JSON and CSV, and what they are made of."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

SCHEMA_VERSION = 1
_FORMULA = ("=", "+", "-", "@")
"""What makes a cell a formula to a spreadsheet, which may do anything."""


def fields_of(of: object, *names: str) -> dict[str, Any]:
    """What the document calls as the result does."""
    return {name: getattr(of, name) for name in names}


def to_json(document: Mapping[str, Any]) -> str:
    """A document as text; NaN becomes null."""
    return json.dumps(_finite(document), indent=2, allow_nan=False) + "\n"


def to_csv(rows: Iterable[Sequence[object]]) -> str:
    """Rows as text. A cell of text that a spreadsheet would take for a formula gets a `'` before
    it; numbers stay as they are."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    return text.getvalue()


def _harmless(cell: object) -> object:
    if not isinstance(cell, str) or not cell.startswith(_FORMULA):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


def _finite(value: Any) -> Any:
    """Plain JSON values; a number that is not finite becomes null."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_finite(inner) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
