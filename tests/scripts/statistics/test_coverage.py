"""The coverage script counts right, and runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scripts.statistics import coverage


def test_it_counts_what_the_intervals_hold() -> None:
    values = np.zeros((4, 1))
    bounds = np.array([[[-1.0, 1.0]], [[2.0, 3.0]], [[0.0, 0.5]], [[np.nan, np.nan]]])
    references, lower = np.array([[-0.5], [1.0]]), np.array([[True], [True]])
    found = coverage.count(values, bounds, references, lower)
    assert found.target.tolist() == [0.25]
    assert found.given.tolist() == [3]
    assert found.held.tolist() == [2]
    assert found.unknown.tolist() == [True]


def test_it_names_what_is_outside_and_what_is_so_beyond_chance() -> None:
    zero = np.zeros(5)
    given, held = np.array([100, 100, 100, 100, 9]), np.array([95, 99, 89, 80, 2])
    found = coverage.Coverage(zero, zero, zero, given, held, zero > 0)
    assert coverage.strange(found, 100) == ["89.0% ± 3.1%", "80.0% ± 4.0% !"]


def test_a_toy_run_writes_its_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "docs" / "coverage.md"
    size = ["--runs", "3", "--references", "2", "--reference-draws", "4"]
    assert coverage.main([*size, "--models", "relu", "--write", str(page)]) == 0
    text = page.read_text()
    assert text.strip() in capsys.readouterr().out
    rows = [line for line in text.splitlines() if line.startswith("| MLP 4-3-2")]
    assert len(rows) == 2 * 4
    assert "--runs 3" in text


@pytest.mark.parametrize("arguments", [["--runs", "1"], ["--models", "none"]])
def test_useless_arguments_are_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        coverage.main(arguments)
    assert exit_.value.code == 2
