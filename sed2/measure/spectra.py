"""The waist of the house: Fisher spectra of K draws, as plain arrays.

Everything above this file is networks and JAX; everything below it needs only these arrays.
eps and zeta are not known here yet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sed2.errors import NumericsError

SHARE_ERROR = 0.15
"""Of the gap between two rules of quadrature."""


@dataclass(frozen=True)
class BlockSpectrum:
    """Square roots of the eigenvalues of one block's Fisher matrix F_j, for K draws.

    For any f with f(0) = 0 the sum of f over all eigenvalues of a draw is, exactly or as an
    estimate, the sum over groups of t_g = sum_r weights f(roots).
    """

    name: str
    parameters: int
    """d_j. Eigenvalues that are not listed are zero."""
    roots: np.ndarray
    """(K, groups, r) float64: sqrt(lambda), >= 0, zeros exact."""
    weights: np.ndarray
    """Broadcasts to roots: how many eigenvalues each stands for."""
    activations: np.ndarray
    """(K,) root mean square of the block's outputs O_j over the inputs: finite if they all are."""
    sampling: float = 0.0
    """0 if the spectrum is exact. If the groups are a random sample (of units, of probes): one
    minus the share that was taken, so that the estimate has the variance
    sampling * groups * var(t_g)."""
    below: BlockSpectrum | None = None
    """By another rule that is too small where this one is too large, if this is a quadrature."""
    coarse: BlockSpectrum | None = None
    """Both with half the nodes."""

    def __post_init__(self) -> None:
        # The roots are of the Jacobian alone, which can be finite where the outputs are not.
        bad = ~(np.isfinite(self.roots).all(axis=(1, 2)) & np.isfinite(self.activations))
        if bad.any():
            raise NumericsError(
                f"the outputs or the Fisher spectrum of block {self.name} are not finite in "
                f"{bad.sum()} of {bad.size} runs (draws, and more for errors and checks)",
                mend="If activations overflow, use a smaller parameter measure (`prior`) or scale "
                "the inputs (`standardize`, for a file); else look for a logarithm or a division "
                "in the block",
            )

    def __getitem__(self, draws: slice) -> BlockSpectrum:
        """The same block under some of the draws."""
        return replace(
            self,
            roots=self.roots[draws],
            weights=self.weights[draws] if len(self.weights) > 1 else self.weights,
            activations=self.activations[draws],
            below=self.below and self.below[draws],
            coarse=self.coarse and self.coarse[draws],
        )

    @classmethod
    def joined(cls, parts: Sequence[BlockSpectrum]) -> BlockSpectrum:
        """The same block under all draws of the parts, one after the other."""
        if len(parts) == 1:
            return parts[0]
        below = [part.below for part in parts if part.below]
        coarse = [part.coarse for part in parts if part.coarse]
        return replace(
            parts[0],
            roots=np.concatenate([part.roots for part in parts]),
            weights=np.concatenate([part._weights_of_draws() for part in parts]),
            activations=np.concatenate([part.activations for part in parts]),
            below=cls.joined(below) if below else None,
            coarse=cls.joined(coarse) if coarse else None,
        )

    def _weights_of_draws(self) -> np.ndarray:
        """(K, ...) the weights, also where all draws share them."""
        return np.broadcast_to(self.weights, (len(self.roots), *self.weights.shape[1:]))

    def sums(self, values: np.ndarray) -> np.ndarray:
        """(K, groups) the terms t_g for values f(roots)."""
        if self.weights.shape[2] == 1:
            return self.weights[..., 0] * values.sum(axis=2)
        return (self.weights * values).sum(axis=2)

    def _sum(self, values: np.ndarray) -> np.ndarray:
        """(K,) the sum over all groups."""
        if self.weights.shape[1:] == (1, 1):  # one sum of many terms is quicker than many of few
            return self.weights[:, 0, 0] * values.sum(axis=(1, 2))
        return self.sums(values).sum(axis=1)

    def total(self, function: Callable[[np.ndarray], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """(K,) the sum of a function over all eigenvalues, and its standard error as a quadrature.

        If even derivatives of f(lambda) are negative and odd ones positive, as those of
        log(1 + a sqrt(lambda)) and of its slope in a, the sum lies between this rule and the one
        `below`: at the same share of the gap with all nodes and with half, if the errors of both
        fall at the same rate. So the share is that for which both give the same. It is off by
        `SHARE_ERROR` or so (`scripts.statistics.lanczos`).

        Args:
            function: of the roots, element by element; 0 at 0.
        """
        above = self._sum(function(self.roots))
        if not self.below:
            return above, np.zeros_like(above)
        gap = above - self.below._sum(function(self.below.roots))
        share = np.full_like(gap, 0.5)
        if self.coarse and self.coarse.below:
            coarse = self.coarse._sum(function(self.coarse.roots))
            closed = coarse - self.coarse.below._sum(function(self.coarse.below.roots)) - gap
            np.divide(coarse - above, closed, out=share, where=closed > 0)
        return above - np.clip(share, 0, 1) * gap, SHARE_ERROR * np.abs(gap)

    @property
    def traces(self) -> np.ndarray:
        """(K,) tr F_j."""
        return self._sum(np.square(self.roots))

    @property
    def ranks(self) -> np.ndarray:
        """(K,) rank of F_j; an estimate, if the spectrum is sampled."""
        ranks = self._sum((self.roots > 0).astype(float))
        return np.rint(np.minimum(ranks, self.parameters)).astype(int)


@dataclass(frozen=True)
class Spectra:
    """Fisher spectra of all blocks of one model under the same K draws."""

    blocks: tuple[BlockSpectrum, ...]

    def __post_init__(self) -> None:
        with np.errstate(over="ignore"):
            finite = np.isfinite(self.traces).all() and np.isfinite(self.traces.sum())
        if not finite:
            raise NumericsError(
                "the trace of the Fisher matrix overflows",
                mend="Use a larger `sigma`, or `limit`, or a smaller parameter measure (`prior`)",
            )

    def __getitem__(self, draws: slice) -> Spectra:
        """The same blocks under some of the draws."""
        return Spectra(tuple(block[draws] for block in self.blocks))

    @classmethod
    def joined(cls, parts: Sequence[Spectra]) -> Spectra:
        """The same blocks under all draws of the parts, one after the other."""
        blocks = zip(*(part.blocks for part in parts), strict=True)
        return cls(tuple(BlockSpectrum.joined(each) for each in blocks))

    @property
    def parameters(self) -> int:
        """d."""
        return sum(block.parameters for block in self.blocks)

    @property
    def draws(self) -> int:
        """K."""
        return self.blocks[0].roots.shape[0]

    @property
    def traces(self) -> np.ndarray:
        """(K,) tr F, all blocks together."""
        return np.sum([block.traces for block in self.blocks], axis=0)

    @property
    def scale(self) -> float:
        """The normaliser d / E_theta[tr F], one for the whole model; 0 if F vanishes."""
        return normaliser(self.parameters, float(self.traces.mean()))

    @property
    def is_exact(self) -> bool:
        """Whether no spectrum is sampled."""
        return not any(block.sampling for block in self.blocks)

    @property
    def max_rank(self) -> int:
        """r of the bound (11): the largest rank of F over the draws."""
        return int(np.sum([block.ranks for block in self.blocks], axis=0).max())

    @property
    def max_eigenvalue(self) -> float:
        """mu of the bound (11): the largest eigenvalue of Fhat over the draws."""
        return self.scale * max(float(block.roots.max(initial=0.0)) ** 2 for block in self.blocks)


def normaliser(parameters: int, mean_trace: float) -> float:
    """d / E[tr F], or 0 if E[tr F] = 0 (docs/concepts/measure.md, section 4)."""
    return parameters / mean_trace if mean_trace > 0 else 0.0
