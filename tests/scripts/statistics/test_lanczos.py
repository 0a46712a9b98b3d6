"""Lanczos quadrature on spectra that are known: as near as its error says."""

from __future__ import annotations

import numpy as np
import pytest

from scripts.statistics import lanczos
from sed2.measure.spectra import SHARE_ERROR


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanczos, "SIZE", 900)


def test_the_error_in_gaps_is_the_one_that_is_stated() -> None:
    off = np.array([of for _, of in lanczos.lines((32,)) if of])
    assert len(off) > 20
    assert np.sqrt(np.mean(off**2)) <= SHARE_ERROR
    assert np.abs(off).max() <= 2.1 * SHARE_ERROR


def test_the_two_rules_hold_the_exact_value_between_them() -> None:
    rng = np.random.default_rng(1)
    for name, eigenvalues in lanczos.spectra(rng):
        uniform = rng.uniform(-1, 1, size=len(eigenvalues))
        block = lanczos.of_probe(name, eigenvalues, uniform, 24)
        assert block.below
        for amplitude in (0.1, 10.0):
            exact = np.log1p(amplitude * np.sqrt(eigenvalues)).sum()
            above, below = (
                rule.sums(np.log1p(amplitude * rule.roots)).sum() for rule in (block, block.below)
            )
            assert below * (1 - 1e-9) <= exact <= above * (1 + 1e-9)
