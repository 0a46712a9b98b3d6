"""Log-mean-exp, tilted weights, effective sample size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sed2.measure.montecarlo import effective_sample_size, log_mean_exp, tilted_weights

values = st.lists(st.floats(-50, 50), min_size=1, max_size=9).map(np.array)


@given(values, st.floats(-1e6, 1e6))
def test_log_mean_exp_shifts_with_its_values(of: np.ndarray, shift: float) -> None:
    assert log_mean_exp(of) == pytest.approx(np.log(np.exp(of).mean()), abs=1e-9)
    assert log_mean_exp(of + shift) == pytest.approx(log_mean_exp(of) + shift, rel=1e-9, abs=1e-9)


@given(values)
def test_effective_sample_size_lies_between_one_and_all(of: np.ndarray) -> None:
    weights = tilted_weights(of)
    assert weights.sum() == pytest.approx(1)
    assert 1 - 1e-12 <= effective_sample_size(weights) <= len(of) + 1e-9


def test_equal_weights_count_all_and_one_dominant_draw_counts_one() -> None:
    assert effective_sample_size(tilted_weights(np.zeros(7))) == pytest.approx(7)
    assert effective_sample_size(tilted_weights(np.array([0.0, 1000.0]))) == 1
