"""How cost grows is a slope."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.cost import growth


def test_the_growth_of_cost_is_a_slope(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert growth.last_slope([1, 2, 4, 8], [9, 1, 8, 64]) == pytest.approx(3)
    monkeypatch.setattr(growth, "measure", lambda model, samples, draws, repeats: samples)
    figure = tmp_path / "growth.png"
    growth.main(["--plot", str(figure), "--largest", "400"])
    printed = capsys.readouterr().out
    assert "inputs N: seconds grow with exponent 1.00" in printed
    assert "draws K: seconds grow with exponent 0.00" in printed
    assert figure.read_bytes().startswith(b"\x89PNG")
