"""Elementwise activations by the names that YAML accepts."""

from __future__ import annotations

from typing import Literal

Activation = Literal[
    "none", "identity", "relu", "gelu", "tanh", "sigmoid", "silu", "elu", "leaky_relu", "softplus"
]
LINEAR = ("none", "identity")
"""Those that change nothing, so that all units share one spectrum."""
