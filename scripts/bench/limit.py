"""The limit: the bare singular values and matrix products that exact spectra need, no more.

Per draw and block: the product that makes its output; the triangular factor of its input, where
this is wider than there are inputs (one for all units); and the singular values of every unit's
factor, of all units at once where they are alike (a linear block). The units of a block are one
stack for `numpy.linalg.svd`, which is LAPACK's gesdd in a loop, shared among as many threads as
there are cores, with one thread of BLAS each. The matrices are those of the draws, made before the
clock starts; random numbers, activations, gains and log-determinants do not count.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import scipy.linalg

from scripts.bench.draws import Layer
from scripts.bench.layers import linearise, patches_of
from scripts.bench.problem import Problem, Values, log_determinant


class Arithmetic:
    """The matrices of one block under one draw."""

    def __init__(self, layer: Layer, x: np.ndarray, sigma: float) -> None:
        found = linearise(layer, x)
        self.mean = found.mean
        self.features, self.kernel = x, layer.kernel
        if layer.kind == "conv":
            self.features = patches_of(x, layer.kernel.shape[:2])
            self.kernel = layer.kernel.reshape(self.features.shape[-1], -1)
        elif layer.kind == "shared kernel":
            self.features, self.kernel = found.unit(0), layer.kernel.ravel()
        self.wide = layer.kind == "dense" and x.shape[1] > len(x)
        alike = layer.kind == "dense" and not layer.relu
        self.copies = found.units if alike else 1
        scale = sigma * np.sqrt(len(x))
        units = [found.unit(u) / scale for u in range(1 if alike else found.units)]
        if self.wide:
            basis = scipy.linalg.qr(x.T, mode="economic")[0]
            units = [unit @ basis for unit in units]
        self.stack = np.stack([unit.reshape(-1, unit.shape[-1]) for unit in units])

    def run(self, pool: ThreadPoolExecutor, threads: int) -> np.ndarray:
        """Its eigenvalues, of each unit."""
        self.features @ self.kernel
        if self.wide:
            scipy.linalg.qr(self.features.T, mode="r", check_finite=False)
        parts = np.array_split(self.stack, min(threads, len(self.stack)))
        found = pool.map(lambda part: np.linalg.svd(part, compute_uv=False), parts)
        return np.square(np.concatenate(list(found)))


class Limit:
    """All blocks and draws."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.threads = len(os.sched_getaffinity(0))
        self.pool = ThreadPoolExecutor(self.threads)
        self.drawn: list[list[Arithmetic]] = []
        for layers in problem.drawn:
            x, blocks = problem.x, []
            for layer in layers:
                blocks.append(Arithmetic(layer, x, problem.sigma))
                x = blocks[-1].mean + problem.sigma * layer.noise
            self.drawn.append(blocks)

    def run(self) -> Values:
        logdets, traces = [], []
        for blocks in self.drawn:
            found = [(block.run(self.pool, self.threads).ravel(), block.copies) for block in blocks]
            traces.append([copies * values.sum() for values, copies in found])
            of_blocks = [log_determinant(values, self.problem, copies) for values, copies in found]
            logdets.append(np.stack(of_blocks, axis=1))
        needs = np.zeros(len(self.drawn[0]))
        return Values(np.array(traces), np.array(logdets), needs)
