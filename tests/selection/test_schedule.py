"""The rungs: within the budget, and as much of it as can be had."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sed2.errors import UsageError
from sed2.selection.schedule import Rung, cost, schedule


def test_the_cost_counts_what_is_trained_on() -> None:
    assert cost((Rung(8, 1), Rung(4, 2), Rung(2, 4))) == 8 * 1 + 4 * 1 + 2 * 2
    assert cost(()) == 0


@hypothesis_settings(deadline=None)
@given(
    models=st.integers(2, 200),
    epochs=st.integers(1, 200),
    share=st.floats(0.02, 1),
    prune=st.booleans(),
)
def test_a_schedule_halves_within_its_budget(
    models: int, epochs: int, share: float, prune: bool
) -> None:
    if share * models * epochs < 1:
        with pytest.raises(UsageError, match="less than one epoch"):
            schedule(models, epochs, share, prune)
        return
    rungs = schedule(models, epochs, share, prune)
    assert cost(rungs) <= share * models * epochs * (1 + 1e-6)
    assert rungs[0].models <= max(2, round(models / 4)) if prune else rungs[0].models <= models
    for rung, following in pairwise(rungs):
        assert following.models == (rung.models + 1) // 2
        assert rung.epochs < following.epochs <= epochs
    assert rungs[-1].models == 1 or rungs[-1].epochs == epochs


def test_the_whole_cost_trains_all_to_the_end() -> None:
    assert schedule(4, 10, 1.0, prune=False) == (Rung(4, 10),)


def test_of_many_candidates_and_a_small_budget_the_first_ones_are_taken() -> None:
    """2% of 60 times 40 epochs are 48: not one epoch for each."""
    rungs = schedule(60, 40, 0.02, prune=False)
    assert rungs[0] == Rung(16, 1)
    assert cost(rungs) == 48
