"""PyTorch with curvlinops: the Fisher matrix of every block as a `GGNLinearOperator`, which for a
Gaussian likelihood it is; made dense, or by Lanczos iterations.

The loss is the sum of squares, whose second derivative is 2, so F_j = GGN / (2 sigma^2 N).
"""

from __future__ import annotations

import numpy as np
import torch
from curvlinops import GGNLinearOperator
from curvlinops.papyan2020traces.spectrum import fast_lanczos
from torch import Tensor, nn

from scripts.bench.cases import PROBES, STEPS
from scripts.bench.draws import Layer
from scripts.bench.problem import Block, Problem, Values, by_block
from scripts.bench.torch_block import mean_of, to_array, to_module, to_tensor

BATCH_BYTES = 2**28  # activations of the columns of the identity that are pushed through at a time


class Dense:
    """The operator times the identity, and `torch.linalg.eigvalsh`."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        torch.set_default_dtype(torch.float64)

    def needs(self, layer: Layer) -> float:
        """F, and twice as much for LAPACK; the activations of some columns, several times."""
        return 8.0 * 3 * layer.parameters**2 + 4 * BATCH_BYTES

    def block(self, layer: Layer, x: np.ndarray) -> Block:
        inputs = to_tensor(x)
        module = to_module(layer, inputs)
        with torch.no_grad():
            mean = module(inputs)
        flat = nn.Sequential(module, nn.Flatten())
        operator = GGNLinearOperator(
            flat,
            nn.MSELoss(reduction="sum"),
            [parameter for parameter in flat.parameters() if parameter.requires_grad],
            [(inputs, torch.zeros_like(mean).flatten(1))],
            check_deterministic=False,
        )
        activations = 8 * len(inputs) * layer.outputs * layer.pool**2
        eigenvalues, counts = self.spectrum(operator, max(1, BATCH_BYTES // activations))
        scale = 2 * self.problem.sigma**2 * len(inputs)
        return Block(eigenvalues.numpy() / scale, counts, to_array(mean))

    def mean(self, layer: Layer, x: np.ndarray) -> np.ndarray:
        return mean_of(layer, x)

    def run(self) -> Values:
        return by_block(self)

    def spectrum(
        self, operator: GGNLinearOperator, batch: int
    ) -> tuple[Tensor, np.ndarray | float]:
        """Eigenvalues of the operator, and how many each stands for.

        Args:
            batch: vectors that it may be multiplied with at a time.
        """
        columns = torch.eye(operator.shape[1]).split(batch, dim=1)
        whole = torch.cat([operator @ some for some in columns], dim=1)
        return torch.linalg.eigvalsh((whole + whole.T) / 2), 1


class Lanczos(Dense):
    """The library's Lanczos iterations, with as many steps and probes as sed2 takes where it has
    to: an estimate of the log-determinants, with an error."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        torch.manual_seed(0)

    def needs(self, layer: Layer) -> float:
        return 8.0 * 10 * (layer.parameters + len(self.problem.x) * layer.outputs)

    def spectrum(
        self, operator: GGNLinearOperator, batch: int
    ) -> tuple[Tensor, np.ndarray | float]:
        size = operator.shape[1]
        runs = [fast_lanczos(operator, min(STEPS, size)) for _ in range(PROBES)]
        nodes = torch.cat([eigenvalues for eigenvalues, _ in runs])
        weights = torch.cat([vectors[0] ** 2 for _, vectors in runs])
        return nodes, size / PROBES * weights.numpy()
