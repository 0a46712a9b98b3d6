"""sed2: rank neural architectures before training them, by the two-scale effective dimension.

    >>> import sed2
    >>> result = sed2.compute("MLP 54-16-7", dataset="covertype", eps="1e-3:1e-1")
    >>> ranking = sed2.rank("configs/mlps.yaml")
    >>> stability = sed2.stability("configs/mlps.yaml", seeds=5)
    >>> gated = sed2.gate("configs/mlps.yaml", "sed2-baseline.json")
    >>> bound = sed2.bound("MLP 54-16-7", dataset="covertype", n_train=100_000, lipschitz=1)

All return typed, immutable results. JAX is imported when they are first used, not before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sed2.api import bound as bound
    from sed2.api import compute as compute
    from sed2.api import gate as gate
    from sed2.api import make_baseline as make_baseline
    from sed2.api import rank as rank
    from sed2.api import stability as stability

_FUNCTIONS = ("bound", "compute", "gate", "make_baseline", "rank", "stability")
__all__ = ["__version__", *_FUNCTIONS]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("sed2")
    if name in _FUNCTIONS:
        from sed2 import api

        return getattr(api, name)
    raise AttributeError(f"module 'sed2' has no attribute {name!r}")
