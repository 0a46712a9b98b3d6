"""The bound as tables and sentences."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from rich.cells import cell_len

from sed2.report.tables.bound import print_bound
from tests.report.made import made_bound, made_result
from tests.report.test_tables import shown


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_bound_is_whole_at_any_width(width: int) -> None:
    result = made_bound()
    text = shown(lambda console: print_bound(console, result), width)
    assert max(map(cell_len, text.splitlines())) <= width
    words = [line.split() for line in text.splitlines()]
    for number in (result.log_probability.estimate, result.log_probability.at_most):
        (row,) = [line for line in words if line[:3] == ["bound", "on", "P"]]
        assert f"10^{number / math.log(10):.1f}" in row
    for number in result.covering.estimate:
        assert any(f"10^{number / math.log(10):.1f}" in row for row in words)
    assert ("Left out at this width" in text) == (width < 80)
    assert "The bound is vacuous: it is not below 1" in " ".join(text.split())


def test_a_deviation_beyond_the_loss_is_told_to_be_vacuous() -> None:
    model = made_result(zeta=0.7, n_train=10**15, parameters=1, value=0.9)
    result = made_bound(
        replace(model, max_rank=1, max_eigenvalue=1.0), theorem_k=2, theorem_c=1e6, loss_bound=0.5
    )
    text = shown(lambda console: print_bound(console, result), 200)
    assert "P(sup |R - R_n| >= 8.951) <= " in text
    assert "risks in [0, 2b] are never further apart than 8.951." in text
