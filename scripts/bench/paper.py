"""The paper's way: one dense Fisher matrix per block and draw, and `numpy.linalg.eigvals` of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from scripts.bench.draws import Layer
from scripts.bench.layers import linearise
from scripts.bench.problem import Block, Problem, Values, by_block


class Paper:
    """A general matrix's eigenvalues."""

    solver: Callable[[np.ndarray], np.ndarray] = staticmethod(np.linalg.eigvals)

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    def needs(self, layer: Layer) -> float:
        """F, twice as much for LAPACK, and the Jacobians with all their zeros."""
        rows = len(self.problem.x) * layer.outputs
        return 8.0 * layer.parameters * (3 * layer.parameters + rows)

    def block(self, layer: Layer, x: np.ndarray) -> Block:
        found = linearise(layer, x)
        fisher = dense_fisher(found.jacobians(), self.problem.sigma)
        return Block(self.solver(fisher).real, 1, found.mean)

    def mean(self, layer: Layer, x: np.ndarray) -> np.ndarray:
        return linearise(layer, x).mean

    def run(self) -> Values:
        return by_block(self)


class PaperSymmetric(Paper):
    """The same by the solver for symmetric matrices."""

    solver = staticmethod(np.linalg.eigvalsh)


def dense_fisher(jacobians: np.ndarray, sigma: float) -> np.ndarray:
    """(d_j, d_j): (1/(sigma^2 N)) sum_n J_n^T J_n."""
    rows = jacobians.reshape(-1, jacobians.shape[-1])
    return rows.T @ rows / (sigma**2 * len(jacobians))
