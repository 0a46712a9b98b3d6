"""What P(order) says of models that are equal in law, over seeds."""

from __future__ import annotations

import numpy as np
import pytest

from scripts.statistics import order
from sed2.measure.intervals import draws_freedom


def test_freedom_is_that_of_the_draws_that_count() -> None:
    np.testing.assert_array_equal(draws_freedom(39, np.array([1.0, 7.0, 39.5])), [2, 8, 39])


@pytest.mark.slow
@pytest.mark.parametrize("draws", [10, 40, 100])
@pytest.mark.parametrize("spread", [0.1, 2.0, 4.0, 10.0, 40.0])
def test_equal_models_are_told_apart_as_often_as_is_said(draws: int, spread: float) -> None:
    """Of 200 seeds 20 are right at 0.95 and 4 at 0.99. With these shares more than 36 and 12 have
    a probability below 3e-4; with K - 1 degrees of freedom it is about 60 for the three largest
    spreads of 40 draws."""
    found = np.array([order.said(draws, spread, seed)[0] for seed in range(200)])
    assert (found > 0.95).sum() <= 36
    assert (found > 0.99).sum() <= 12
