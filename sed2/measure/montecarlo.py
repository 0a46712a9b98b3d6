"""Plain Monte Carlo over draws: log-mean-exp, tilted means, effective sample size."""

from __future__ import annotations

import numpy as np


def log_mean_exp(values: np.ndarray, axis: int = -1) -> np.ndarray:
    """log of the mean of exp(values), shifted by the maximum so that it cannot overflow."""
    return log_mean_and_weights(values, axis)[0]


def tilted_weights(log_weights: np.ndarray, axis: int = -1) -> np.ndarray:
    """Self-normalised weights proportional to exp(log_weights); they sum to one."""
    return log_mean_and_weights(log_weights, axis)[1]


def log_mean_and_weights(values: np.ndarray, axis: int = -1) -> tuple[np.ndarray, np.ndarray]:
    """Both of these, by the same exponentials."""
    top = values.max(axis=axis, keepdims=True)
    weights = np.exp(values - top)
    total = weights.sum(axis=axis, keepdims=True)
    weights /= total
    return np.squeeze(np.log(total / values.shape[axis]) + top, axis), weights


def effective_sample_size(weights: np.ndarray, axis: int = -1) -> np.ndarray:
    """Kish's 1 / sum w^2 for weights that sum to one: between 1 and the number of draws."""
    return 1 / np.square(weights).sum(axis=axis)
