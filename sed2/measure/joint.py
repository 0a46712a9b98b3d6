"""Joint 2sED: the geometric mean of 2sED end-to-end and lower 2sED (docs/concepts/measure.md,
section 8).

Lower 2sED says what the blocks can do, 2sED end-to-end what of it reaches the output. They err in
opposite ways, so a network must have both.
"""

from __future__ import annotations

import numpy as np

from sed2.measure.intervals import Measured, measured
from sed2.results import Replicates


def geometric_mean(lower: Measured, whole: Measured, weights: np.ndarray | None) -> Measured:
    """sqrt(lower * whole), with its errors by the delta method.

    d joint = joint / 2 (d lower / lower + d whole / whole). The two chains have draws of their own,
    so the deviations by draws are independent. Their inputs are the same, in the same groups, so
    those by inputs are added before they are squared.

    Args:
        lower, whole: of the same inputs, on the same grid.
        weights: (E,) of the curve in the score; None where the score is at an eps that the grid
            does not have.
    """
    a, b = _values(lower), _values(whole)
    joint = np.sqrt(a * b)
    # Where one of them is zero it is so in every draw, and so is the joint one.
    slopes = [np.divide(joint, 2 * of, out=np.zeros_like(of), where=of > 0) for of in (a, b)]

    def score_last(values: np.ndarray) -> np.ndarray:
        """(..., E + 1), the last one by those on the grid if it is their mean."""
        if weights is not None:
            values[..., -1] = values[..., :-1] @ weights
        return values

    def both(of: str) -> tuple[np.ndarray, np.ndarray]:
        first, second = (getattr(each.replicates, of) for each in (lower, whole))
        return score_last(slopes[0] * first), score_last(slopes[1] * second)

    replicates = Replicates(
        draws=np.vstack(both("draws")),
        draws_freedom=min(lower.replicates.draws_freedom, whole.replicates.draws_freedom),
        inputs=np.add(*both("inputs")),
        inputs_own=np.hypot(*both("inputs_own")),
        spectra=np.hypot(*both("spectra")),
        stream=lower.replicates.stream,
    )
    bias = score_last(slopes[0] * _bias(lower) + slopes[1] * _bias(whole))
    is_lower = _is_lower_estimate(lower) | _is_lower_estimate(whole)
    return measured(score_last(joint), replicates, bias, is_lower, replicates.draws_freedom)


def _values(of: Measured) -> np.ndarray:
    return np.append(of.curve.estimate, of.score.value)


def _is_lower_estimate(of: Measured) -> np.ndarray:
    return np.append(of.curve.lower_estimate, of.score.lower_estimate)


def _bias(of: Measured) -> np.ndarray:
    """(E + 1,) by which an interval reaches further up than down, which is twice the bias."""
    low, high = np.vstack([of.curve.interval, of.score.interval]).T
    return np.nan_to_num((high + low) / 2 - _values(of))
