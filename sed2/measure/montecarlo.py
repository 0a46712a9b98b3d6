"""Plain Monte Carlo over draws: log-mean-exp, tilted means, effective sample size."""

from __future__ import annotations

import numpy as np


def log_mean_exp(values: np.ndarray, axis: int = -1) -> np.ndarray:
    """log of the mean of exp(values), shifted by the maximum so that it cannot overflow."""
    top = values.max(axis=axis, keepdims=True)
    return np.log(np.exp(values - top).mean(axis=axis)) + np.squeeze(top, axis)


def tilted_weights(log_weights: np.ndarray, axis: int = -1) -> np.ndarray:
    """Self-normalised weights proportional to exp(log_weights); they sum to one."""
    weights = np.exp(log_weights - log_weights.max(axis=axis, keepdims=True))
    return weights / weights.sum(axis=axis, keepdims=True)


def effective_sample_size(weights: np.ndarray, axis: int = -1) -> np.ndarray:
    """Kish's 1 / sum w^2 for weights that sum to one: between 1 and the number of draws."""
    return 1 / np.square(weights).sum(axis=axis)
