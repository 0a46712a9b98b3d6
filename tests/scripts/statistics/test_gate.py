"""The script that counts how often the gate is right: its pairs, its table, a toy run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from scripts.statistics import gate
from sed2.data.load import choose_inputs
from tests.cases import dataset, gaussian_inputs


def test_other_draws_see_the_same_inputs() -> None:
    data = dataset(gaussian_inputs(50, 3))
    moved = gate.with_same_inputs(data, 10, 0, 7)
    np.testing.assert_array_equal(choose_inputs(moved, 10, 7), choose_inputs(data, 10, 0))


def test_a_toy_run_writes_its_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    small = replace(gate.PAIRS["small-wider"], samples=8, draws=4, times=1)
    equal = replace(small, after=small.before)
    monkeypatch.setattr(gate, "PAIRS", {"wider": small, "equal": equal})
    page = tmp_path / "docs" / "gate_errors.md"
    assert gate.main(["--runs", "2", "--pairs", "wider,equal", "--write", str(page)]) == 0
    text = page.read_text()
    assert text.strip() in capsys.readouterr().out
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| MLP 4-3-2")]
    assert len(rows) == 2 * len(gate.DEMANDS)
    for row in rows:
        assert sum(float(share.rstrip("%")) for share in row[7:10]) == pytest.approx(100, abs=1)
    assert {row[3] for row in rows[3:]} == {"1.000"}
    assert {row[4] for row in rows[3:]} != {"0.0000"}  # of draws of their own


@pytest.mark.parametrize("arguments", [["--runs", "1"], ["--pairs", "none"]])
def test_useless_arguments_are_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        gate.main(arguments)
    assert exit_.value.code == 2


def test_the_rule_of_the_judged_pairs() -> None:
    """Of one pair that scatters too much and of one that does not."""
    head = ["a", "b", "40", "1.000"]
    shares = {
        "0.950": ("90%", "0%", "10%"),
        "1.000": ("4%", "2%", "94%"),
        "1.050": ("0%", "80%", "20%"),
    }
    lines = [
        [*head, scatter, "on the edge" if asked == "1.000" else "off", asked, *share, "0%"]
        for scatter in ("0.0100", "0.0200")
        for asked, share in shares.items()
    ]
    lines[3][7:9] = ["70%", "20%"]  # passed, and wrongly failed
    told, _ = gate.judgement(lines)
    assert "(1 pairs): 85.0% decided" in told
    assert "Wrong 5% off, of all pairs: 5.0%" in told
    assert "4.0% passed, 2.0% failed" in told
