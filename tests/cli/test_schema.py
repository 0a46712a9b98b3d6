"""`sed2 schema`."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Run

SHIPPED = Path(__file__).parents[2] / "configs" / "sed2.schema.json"


def test_stdout_is_the_shipped_schema_and_nothing_else(sed2: Run) -> None:
    ran = sed2("schema")
    assert ran.code == 0
    assert json.loads(ran.out) == json.loads(SHIPPED.read_text())
    assert ran.err == ""
