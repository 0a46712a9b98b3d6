"""Standard errors against the scatter: the ratio, and its error."""

from __future__ import annotations

import numpy as np
import pytest

from scripts.statistics import standard_errors


def test_standard_errors_that_are_right_give_a_ratio_of_one() -> None:
    rng = np.random.default_rng(0)
    values = 3 * rng.normal(size=(400, 50)) + 7
    found = standard_errors.compare(values, np.full(values.shape, 3.0))
    deviations = (found.ratio - 1) / found.ratio_error
    assert abs(deviations.mean()) < 4 / np.sqrt(50)
    assert deviations.std() == pytest.approx(1, abs=0.4)
