"""The script that holds the error from the inputs against the scatter: a toy run."""

from __future__ import annotations

import pytest

from scripts.statistics import inputs


def test_a_toy_run_prints_its_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "MODELS", {"judged": {"MLP 4-3-2": 0}})
    assert inputs.main(["--sizes", "10,20", "--seeds", "3", "--draws", "10"]) == 0
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines() if "MLP" in line]
    assert [row[1] for row in rows] == ["10", "20"]
    for row in rows:
        scatter, of_draws, of_inputs, stated = (float(number) for number in row[2:6])
        assert stated == pytest.approx((of_draws**2 + of_inputs**2) ** 0.5, abs=2e-3)
        assert float(row[6].split()[0]) == pytest.approx(stated / scatter, rel=0.05)
