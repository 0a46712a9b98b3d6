"""Documents as JSON text."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

SCHEMA_VERSION = 1


def to_json(document: dict[str, Any]) -> str:
    """A document as text; NaN becomes null."""
    return json.dumps(_finite(document), indent=2, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    """Plain JSON values; a number that is not finite becomes null."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_finite(inner) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
