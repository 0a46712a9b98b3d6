"""The benchmark of the store compares what it takes from it before a time is told."""

from __future__ import annotations

import pytest

from scripts.cost import store


def test_the_table_is_of_the_identical_call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds = iter([9.0, 8.0, 2.0, 2.4, 9.0, 1.0, 9.0])
    monkeypatch.setattr(store, "run", lambda *_: (next(seconds), 0.5, [1.0, 2.0]))
    store.main(["--runs", "1"])
    rows = capsys.readouterr().out.splitlines()[2:]
    assert rows == [
        "| first | 8.00 | 0.50 | 4.00 |",
        "| identical | 2.00 | 0.50 | 1.00 |",
        "| other eps grid | 2.40 | 0.50 | 1.20 |",
        "| half the draws | 1.00 | 0.50 | 0.50 |",
    ]


def test_other_numbers_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = iter(range(100))
    monkeypatch.setattr(store, "run", lambda *_: (1.0, 1.0, [float(next(scores))]))
    with pytest.raises(AssertionError):
        store.main(["--runs", "1"])
