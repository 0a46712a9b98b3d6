"""The Fisher spectra of a network, all inputs of the same weight."""

from __future__ import annotations

import numpy as np

from sed2.chain import Chain
from sed2.fisher.items import Items
from sed2.fisher.plan import make_plan
from sed2.fisher.sample import sample_spectra
from sed2.measure.spectra import Spectra
from sed2.settings import Settings


def spectra_of(
    chain: Chain, inputs: np.ndarray, settings: Settings, draws: int | None = None
) -> Spectra:
    """Of the first `draws` draws, by default as many as the settings say.

    Args:
        inputs: (N, *input_shape).
    """
    draws = settings.draws if draws is None else draws
    plan = make_plan(chain, draws, len(inputs), settings)
    weights = np.ones((draws, len(inputs)))
    return sample_spectra(Items(chain, inputs, np.arange(draws), weights, settings, plan))
