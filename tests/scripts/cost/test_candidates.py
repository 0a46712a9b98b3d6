"""Growth of memory over candidates is a slope of the second half."""

from __future__ import annotations

import pytest

from scripts.cost import candidates


def test_growth_is_that_of_the_second_half() -> None:
    assert candidates.growth([0, 90, 90, 90, 90, 90]) == pytest.approx(0)
    assert candidates.growth([0, 0, 0, 5, 7, 9]) == pytest.approx(2)


@pytest.mark.parametrize(("mb", "code"), [(0.5, 0), (5.3, 1)])
def test_a_growth_above_its_goal_is_exit_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], mb: float, code: int
) -> None:
    found = [mb * number for number in range(20)], [100] * 20, 1.0
    monkeypatch.setattr(candidates, "measured", lambda models: found)
    assert candidates.main(["--models", "20"]) == code
    assert f"{mb:+.2f} MB and +0.0 mappings for each" in capsys.readouterr().out
