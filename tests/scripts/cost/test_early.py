"""The script runs, and both ways come to the same losses."""

from __future__ import annotations

import pytest

from scripts.cost import early


def test_both_ways_are_measured(capsys: pytest.CaptureFixture[str]) -> None:
    few = ["--models", "2", "--one-by-one", "1", "--rows", "64", "--epochs", "1"]
    assert early.main(few) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("  train_some, 2 of them")
    assert float(lines[-1].rpartition(" ")[2]) < 1e-5
