"""Tables of pages."""

from __future__ import annotations

from scripts.common.pages import table


def test_bars_of_a_notation_are_no_borders_of_cells() -> None:
    assert table(["model", "d"], [["CNN 5|2-10", "9"]]) == [
        "| model | d |",
        "| --- | --- |",
        "| CNN 5\\|2-10 | 9 |",
    ]
