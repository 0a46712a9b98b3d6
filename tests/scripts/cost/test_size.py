"""`scripts.cost.size` measures what it says, at toy size."""

from __future__ import annotations

import pytest

from scripts.cost import size
from scripts.cost.size import Point


def test_the_table_at_toy_size(capsys: pytest.CaptureFixture[str]) -> None:
    assert size.main(["--widths", "3", "--samples", "4", "--draws", "2"]) == 0
    _, _, narrow = capsys.readouterr().out.splitlines()
    assert narrow.startswith(f"| W = 3 | {784 * 3 + 9 + 30:,} | ")
    assert narrow.endswith(" GB |")


def test_exponents_are_slopes() -> None:
    points = [Point(w, w**2, 1e-3 * w**2, 0.5 * w) for w in (10, 20, 40, 80)]
    table = size.as_table(points, 7)
    assert table.endswith("Exponents in the parameters: time 1.00, memory 0.50.")
    assert "| W = 80 | 6,400 | 6.4 | 1000000 | 40 GB |" in table
    assert "Exponents" not in size.as_table(points[:2], 7)
