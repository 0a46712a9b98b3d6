"""PyTorch with nngeometry: the Fisher matrix of every block, dense, or as its low-rank factor.

Of the dense matrix `torch.linalg.eigvalsh` takes the eigenvalues, of the factor
`torch.linalg.svdvals` the singular values: less work than nngeometry's own decompositions, which
make the vectors as well.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from nngeometry.metrics import FIM
from nngeometry.object import PMatDense, PMatLowRank
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from scripts.bench.draws import Layer
from scripts.bench.problem import Block, Problem, Values, by_block
from scripts.bench.torch_block import mean_of, to_array, to_module, to_tensor


class Dense:
    """`PMatDense`."""

    representation: Any = PMatDense

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        torch.set_default_dtype(torch.float64)

    def needs(self, layer: Layer) -> float:
        """F, and twice as much for LAPACK; the gradients of one output."""
        return 8.0 * layer.parameters * (3 * layer.parameters + len(self.problem.x))

    def block(self, layer: Layer, x: np.ndarray) -> Block:
        inputs = to_tensor(x)
        module = to_module(layer, inputs)
        whole = DataLoader(TensorDataset(inputs), batch_size=len(inputs))
        fisher = FIM(module, whole, self.representation, variant="regression")
        with torch.no_grad():
            mean = to_array(module(inputs))
        return Block(self.eigenvalues(fisher).numpy() / self.problem.sigma**2, 1, mean)

    def mean(self, layer: Layer, x: np.ndarray) -> np.ndarray:
        return mean_of(layer, x)

    def run(self) -> Values:
        return by_block(self)

    def eigenvalues(self, fisher: Any) -> Tensor:
        return torch.linalg.eigvalsh(fisher.to_torch())


class LowRank(Dense):
    """`PMatLowRank`: the Jacobians of all inputs and outputs."""

    representation = PMatLowRank

    def needs(self, layer: Layer) -> float:
        """The Jacobians, and twice as much for LAPACK."""
        return 8.0 * 3 * layer.parameters * len(self.problem.x) * layer.outputs

    def eigenvalues(self, fisher: Any) -> Tensor:
        return torch.linalg.svdvals(fisher.data.reshape(-1, fisher.data.shape[2])) ** 2
