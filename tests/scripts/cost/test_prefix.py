"""The sweep behind the same first layers."""

from __future__ import annotations

import numpy as np
import pytest

from scripts.cost import prefix


def test_a_sweep_is_compared_before_it_is_timed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = [
        "--first",
        "54-3",
        "--widths",
        "2",
        "3",
        "--samples",
        "5",
        "--draws",
        "3",
        "--runs",
        "1",
    ]
    assert prefix.main(tiny) == 0
    assert "difference of lower 2sED: 0.0e+00" in capsys.readouterr().out
    monkeypatch.setattr(prefix, "difference", lambda *_: np.nan)
    assert prefix.main(tiny) == 1
    assert "times as fast" not in capsys.readouterr().out
