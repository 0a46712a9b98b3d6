"""What all ways are given, as files in a folder; and what each has to answer with.

Nothing of sed2 is imported: the other ways need not wait for it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from scripts.bench.cases import Case
from scripts.bench.draws import Layer, load_layers


@dataclass(frozen=True)
class Values:
    """Of a few draws. A part is a block or, for the dimension of Abbas et al., all blocks."""

    traces: np.ndarray
    """(draws, parts); NaN where a part was left out."""
    logdets: np.ndarray
    """(draws, E, parts), likewise."""
    needs: np.ndarray
    """(parts,) bytes that the way forecasts for each; those that do not fit are left out."""


@dataclass(frozen=True)
class Problem:
    """One network with the same inputs and draws for all."""

    case: Case
    folder: Path
    sigma: float
    eps: np.ndarray
    """(E,)."""
    scale: float
    """The normaliser d / E[tr F] over the few draws, from sed2."""
    memory: float
    """Bytes that one way may take."""
    engine: str
    """Which of sed2's engines takes it."""
    x: np.ndarray = field(repr=False)
    """(N, *input_shape)."""
    drawn: list[list[Layer]] = field(repr=False)
    """By draw and block."""

    @property
    def data(self) -> Path:
        """All rows, as the network takes them."""
        return self.folder / "data.npz"

    @property
    def epochs(self) -> Path:
        """How long it takes to train."""
        return self.folder / "epochs.json"

    @property
    def parameters(self) -> int:
        """d."""
        return sum(layer.parameters for layer in self.drawn[0])

    @classmethod
    def load(cls, folder: Path) -> Problem:
        """What `make_problem` wrote."""
        kept = json.loads((folder / "problem.json").read_text())
        with np.load(folder / "inputs.npz") as file:
            x, eps = file["x"], file["eps"]
        case = Case(**kept.pop("case"))
        drawn = load_layers(folder / "layers.npz")
        return cls(case=case, folder=folder, eps=eps, x=x, drawn=drawn, **kept)


def log_determinant(
    eigenvalues: np.ndarray, problem: Problem, counts: np.ndarray | float = 1
) -> np.ndarray:
    """(E,) sum_i log(1 + sqrt(scale lam_i) / eps).

    Args:
        eigenvalues: of a block; rounding may have made them negative.
        counts: how many eigenvalues each of them stands for.
    """
    roots = np.sqrt(problem.scale * np.maximum(eigenvalues, 0))
    return (counts * np.log1p(roots / problem.eps[:, None])).sum(axis=1)


class Block(NamedTuple):
    """What a way finds of one block."""

    eigenvalues: np.ndarray
    """Of F_j."""
    counts: np.ndarray | float
    """How many eigenvalues each stands for."""
    mean: np.ndarray
    """(N, *output_shape)."""


class BlockWise(Protocol):
    """A way that takes one block after the other, and no block that does not fit in memory."""

    problem: Problem

    def needs(self, layer: Layer) -> float:
        """Bytes for one block."""
        ...

    def block(self, layer: Layer, x: np.ndarray) -> Block:
        """A block at its input (N, *input_shape)."""
        ...

    def mean(self, layer: Layer, x: np.ndarray) -> np.ndarray:
        """The mean output alone."""
        ...


def by_block(way: BlockWise) -> Values:
    """Push the inputs through the noisy chain under every draw, block by block."""
    problem = way.problem
    needs = np.array([way.needs(layer) for layer in problem.drawn[0]])
    shape = (len(problem.drawn), len(problem.eps), len(problem.drawn[0]))
    logdets, traces = np.full(shape, np.nan), np.full((shape[0], shape[2]), np.nan)
    for k, layers in enumerate(problem.drawn):
        x = problem.x
        for j, layer in enumerate(layers):
            if needs[j] <= problem.memory:
                eigenvalues, counts, mean = way.block(layer, x)
                traces[k, j] = (counts * eigenvalues).sum()
                logdets[k, :, j] = log_determinant(eigenvalues, problem, counts)
            else:
                mean = way.mean(layer, x)
            x = mean + problem.sigma * layer.noise
    return Values(traces, logdets, needs)
