"""Networks with given weights, and labelled data, that these tests share."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx

from sed2.blocks.dense import Dense
from sed2.data.load import Dataset, hash_arrays

W1 = np.array([[1.0, 2.0], [2.0, -1.0]])
W2 = np.array([[1.0, 2.0], [2.0, -1.0]])
X = np.array([[1.0, 1.0]])
Y = np.array([0])
"""By hand: z = (3, 1), both units on; logits (5, 5), so p = (1/2, 1/2), dL/dlogits = (-1/2, 1/2);
dL/dW2 = ((-3/2, 3/2), (-1/2, 1/2)); dL/da = (1/2, -3/2); dL/dW1 = ((1/2, -3/2), (1/2, -3/2))."""


def two_layers(
    first: np.ndarray = W1,
    second: np.ndarray = W2,
    bias: np.ndarray | None = None,
    **options: Any,
) -> nnx.Sequential:
    """relu(x W1 + b) W2, as the two blocks of a chain.

    Args:
        bias: of the first layer.
        options: more of the first block.
    """
    hidden = Dense(features=first.shape[1], activation="relu", bias=bias is not None, **options)
    output = Dense(features=second.shape[1], bias=False)
    modules = [
        hidden.build(first.shape[:1], nnx.Rngs(0)),
        output.build(second.shape[:1], nnx.Rngs(0)),
    ]
    for module, kernel in zip(modules, (first, second), strict=True):
        module.linear.kernel[...] = jnp.asarray(kernel)
    if bias is not None:
        modules[0].linear.bias[...] = jnp.asarray(bias)
    return nnx.Sequential(*modules)


def backpropagate(
    x: np.ndarray, y: np.ndarray, first: np.ndarray, second: np.ndarray
) -> dict[str, float]:
    """snip, grad_norm, fisher and synflow of relu(x W1) W2, by the chain rule in numpy."""
    z = x @ first
    a = np.maximum(z, 0)
    logits = a @ second
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    by_logits = p - np.eye(p.shape[1])[y]  # of each input's own loss
    by_a = by_logits @ second.T
    by_second = a.T @ by_logits / len(x)
    by_first = x.T @ (by_a * (z > 0)) / len(x)
    flow = np.abs(first) @ np.abs(second)
    return {
        "snip": np.abs(first * by_first).sum() + np.abs(second * by_second).sum(),
        "grad_norm": np.linalg.norm(by_first) + np.linalg.norm(by_second),
        "fisher": 0.5 * ((a * by_a) ** 2).mean(axis=0).sum()
        + 0.5 * ((logits * by_logits) ** 2).mean(axis=0).sum(),
        "synflow": 2 * flow.sum(),
    }


def labelled(x: np.ndarray, y: np.ndarray | None) -> Dataset:
    """Arrays as a data set, without a file."""
    x = np.asarray(x, float)
    return Dataset("test", x, y, False, "test", hash_arrays(x))
