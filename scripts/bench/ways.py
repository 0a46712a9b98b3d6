"""All ways that are measured, by name. A way is imported only where it runs: in its own process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal

ROUNDING = 1e-4
"""Of a Fisher matrix that is formed: an eigenvalue that is zero comes out as about 1e-16 of the
largest, and its square root is not as small."""
EXACT = 1e-9


@dataclass(frozen=True)
class Way:
    """One way, in `scripts.bench`."""

    title: str
    module: str
    name: str
    """Of its class: made with a `Problem`, it has `run()`, which does the work once."""
    family: str
    """`sed2`, `limit`, or a key of `GOALS`; else no goal is about it."""
    answer: Literal["2sed", "abbas"] | None = "2sed"
    """Which of sed2's answers it must agree with; None if it has none to compare."""
    tolerance: float | None = ROUNDING
    """Of traces and log-determinants, relative. None for an estimate, which is judged by its traces
    alone, in standard errors."""
    packages: tuple[str, ...] = ()
    few: bool = True
    """Whether it does a few of the K draws, from which all K are extrapolated."""
    blas_threads: int | None = None
    """By default as many as there are cores for each way."""

    @property
    def missing(self) -> list[str]:
        """Packages that are not installed."""
        return [package for package in self.packages if find_spec(package) is None]

    def load(self) -> Callable[..., Any]:
        """Its class."""
        return getattr(import_module(f"scripts.bench.{self.module}"), self.name)


_NNGEOMETRY, _CURVLINOPS = ("torch", "nngeometry"), ("torch", "curvlinops")

WAYS = {
    "sed2": Way("sed2", "ours", "Ours", "sed2", None, few=False, blas_threads=1),
    "sed2+errors": Way(
        "sed2, with standard errors",
        "ours",
        "OursWithErrors",
        "sed2",
        None,
        few=False,
        blas_threads=1,
    ),
    "limit": Way("bare LAPACK", "limit", "Limit", "limit", tolerance=EXACT, blas_threads=1),
    "eigvals": Way("the paper's way, `numpy.linalg.eigvals`", "paper", "Paper", "paper"),
    "eigvalsh": Way("the same, `numpy.linalg.eigvalsh`", "paper", "PaperSymmetric", "symmetric"),
    "nngeometry-dense": Way(
        "nngeometry, dense", "nngeom", "Dense", "nngeometry", packages=_NNGEOMETRY
    ),
    "nngeometry-lowrank": Way(
        "nngeometry, low-rank",
        "nngeom",
        "LowRank",
        "nngeometry",
        tolerance=EXACT,
        packages=_NNGEOMETRY,
    ),
    "curvlinops-dense": Way(
        "curvlinops, dense", "curvlin", "Dense", "curvlinops", packages=_CURVLINOPS
    ),
    "curvlinops-lanczos": Way(
        "curvlinops, Lanczos (an estimate)",
        "curvlin",
        "Lanczos",
        "curvlinops",
        tolerance=None,
        packages=_CURVLINOPS,
    ),
    "qiskit": Way(
        "Qiskit's effective dimension, `numpy.linalg.slogdet`",
        "qiskit",
        "Qiskit",
        "qiskit",
        "abbas",
        tolerance=EXACT,
    ),
    "training": Way(
        "training to convergence", "training", "ToConvergence", "training", None, few=False
    ),
}
