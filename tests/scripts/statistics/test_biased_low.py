"""The script that counts what is biased low: its rule, a toy run."""

from __future__ import annotations

import numpy as np
import pytest

from scripts.statistics import biased_low


def test_the_rule_weighs_rows_by_the_intervals_that_they_give() -> None:
    flagged, every = np.array([0.0, 0.5, 0.9]), np.array([0.95, 0.9, 0.94])
    told = biased_low.judgement(np.column_stack([flagged, every, [0.96, 0.84, 0.5]]))
    assert "2 of 3 rows" in told
    assert "hold in 92.0% together" in told
    assert "84% in the worst row" in told
    assert "(2 rows), 45.0%" in told


def test_a_toy_run_prints_its_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a linear network every interval is its value, and none is biased low."""
    monkeypatch.setattr(biased_low, "MODELS", {"judged": [("MLP 3-2", 3)]})
    assert biased_low.main(["--runs", "3", "--pool", "400"]) == 0
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines() if "MLP" in line]
    assert len(rows) == len(biased_low.DRAWS) * 2 * len(biased_low.EPS)
    assert {row[7] for row in rows} == {"0%"}
