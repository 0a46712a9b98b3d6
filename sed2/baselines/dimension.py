"""Effective dimensions of the whole network: one sampling of end-to-end spectra serves both.

The Fisher matrix of Abbas et al. is that of the network from its inputs to its outputs, which is
sed2's end-to-end chain: noise at the output alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from sed2.baselines.base import BaselineMeasure, Candidate, Family
from sed2.baselines.results import BaselineValue
from sed2.chain import build_chain
from sed2.estimate import sample, score_radii
from sed2.measure.logdet import log_determinants
from sed2.measure.montecarlo import log_mean_exp
from sed2.measure.spectra import Spectra
from sed2.measure.two_sed import two_sed


def effective_dimension(spectra: Spectra, eps: np.ndarray) -> np.ndarray:
    """d_eff = 2 log E_theta[sqrt(det(1 + kappa Fhat))] / log kappa, kappa = eps^-2   (Abbas et al.
    2021, doi:10.1038/s43588-021-00084-1)

    This is 2sED (4) at zeta = 0 with 1/2 log(1 + lam / eps^2) in place of log(1 + sqrt(lam) / eps).
    A variant: Abbas et al. have kappa = gamma n / (2 pi log n) for n training points, and the mean
    over a bounded parameter space with equal weight.

    Args:
        spectra: the Fisher spectra of K draws; the mean over draws stands for E_theta.
        eps: (E,) covering radii in (0, 1).

    Returns:
        (E,) in dimensions (parameters).
    """
    values = np.empty((len(eps), spectra.draws))
    for e, amplitude in enumerate(np.sqrt(spectra.scale) / np.asarray(eps, float)):
        values[e] = sum(block.total(partial(_half_log, amplitude))[0] for block in spectra.blocks)
    return log_mean_exp(values) / np.abs(np.log(eps))


def _half_log(amplitude: float, roots: np.ndarray) -> np.ndarray:
    """1/2 log(1 + r^2) = log hypot(1, r), which does not overflow."""
    return np.asarray(np.log(np.hypot(1, amplitude * roots)))


def _two_sed(spectra: Spectra, eps: np.ndarray, zeta: float) -> np.ndarray:
    """(E,) 2sED by plain Monte Carlo."""
    return two_sed(log_determinants(spectra, eps, zeta).values, eps, zeta, spectra.parameters)


@dataclass(frozen=True)
class Dimension(BaselineMeasure):
    """A dimension of the whole network as one block: at eps_n, or its mean over the eps grid, as
    the score."""

    of: Callable[[Spectra, np.ndarray, float], np.ndarray]
    """From spectra, eps (E,) and zeta to (E,)."""


def _dimensions(
    candidate: Candidate, wanted: Sequence[Dimension], progress: Callable[[int], None]
) -> dict[str, BaselineValue]:
    """
    Raises:
        ResourceError: the spectra would not fit in memory.
        NumericsError: a spectrum is not finite.
    """
    settings = candidate.settings.model_copy(
        update={"chain": "end-to-end", "estimator": "mc", "input_groups": 0}
    )
    chain = build_chain(candidate.model.blocks, candidate.dataset.input_shape, "end-to-end")
    sampled = sample(
        candidate.model, chain, candidate.dataset, settings, lambda done, total: progress(done)
    )
    eps, weights_of_eps = score_radii(settings)
    return {
        measure.name: BaselineValue.of(
            measure.of(sampled.spectra, eps, settings.zeta) @ weights_of_eps, "it is not finite"
        )
        for measure in wanted
    }


DIMENSIONS = Family(
    measures=(
        Dimension(
            "abbas",
            "effective dimension, as a variant: kappa = eps^-2, the mean over --prior "
            "(Abbas et al. 2021, doi:10.1038/s43588-021-00084-1)",
            lambda spectra, eps, zeta: effective_dimension(spectra, eps),
        ),
        Dimension(
            "two_sed_end_to_end",
            "2sED of the network as one block (Datres et al. 2024, arXiv 2401.09184)",
            _two_sed,
        ),
    ),
    steps=lambda settings: settings.draws,
    run=_dimensions,
)
