"""The effective dimension of Abbas et al. by the formula of Qiskit Machine Learning, in numpy, on
dense Fisher matrices of the whole network   (doi:10.1038/s43588-021-00084-1)

    d_eff = 2 log E_theta[ sqrt(det(1 + kappa Fhat)) ] / log kappa

Another quantity than 2sED, of the same Fisher samples: block by block, like the chain's. kappa is
eps^-2 here, where Abbas et al. have gamma n / (2 pi log n). The draws' matrices do not stand in
memory together, as they do in Qiskit.
"""

from __future__ import annotations

import numpy as np

from scripts.bench.layers import linearise
from scripts.bench.paper import dense_fisher
from scripts.bench.problem import Problem, Values


class Qiskit:
    """Fisher matrices, their normalisation by the trace, `numpy.linalg.slogdet` at every eps."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    def run(self) -> Values:
        problem, d = self.problem, self.problem.parameters
        halves = np.zeros((len(problem.drawn), len(problem.eps), 1))
        traces = np.zeros((len(problem.drawn), 1))
        needs = np.array([8.0 * 3 * d**2])  # F, the matrix of which the determinant is, its factors
        if needs[0] > problem.memory:
            return Values(traces * np.nan, halves * np.nan, needs)
        for k, layers in enumerate(problem.drawn):
            fisher, x, first = np.zeros((d, d)), problem.x, 0
            for layer in layers:
                found, last = linearise(layer, x), first + layer.parameters
                fisher[first:last, first:last] = dense_fisher(found.jacobians(), problem.sigma)
                x, first = found.mean + problem.sigma * layer.noise, last
            traces[k] = np.trace(fisher)
            for e, eps in enumerate(problem.eps):
                shifted = problem.scale / eps**2 * fisher
                shifted.flat[:: d + 1] += 1
                halves[k, e] = np.linalg.slogdet(shifted)[1] / 2
        return Values(traces, halves, needs)


def effective_dimension(halves: np.ndarray, eps: np.ndarray) -> np.ndarray:
    """(E,) from 1/2 log det(1 + kappa Fhat), (K, E)."""
    log_mean = np.logaddexp.reduce(halves, axis=0) - np.log(len(halves))
    return log_mean / np.abs(np.log(eps))
