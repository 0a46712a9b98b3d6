"""From a chain and its inputs to the Fisher spectra of K draws, by one of two engines.

An engine is a function from items to the spectra of their blocks, one after the other:
`sed2.fisher.xla` takes any chain, `sed2.fisher.lapack` some, without anything to compile. The plan
names which.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from sed2.common.progress import Report
from sed2.common.threads import blas_alone
from sed2.fisher.items import Items
from sed2.fisher.prefixes import ALONE, Prefixes
from sed2.measure.spectra import BlockSpectrum, Spectra

Fetch = Callable[[], np.ndarray]
"""What makes an array of the noisy output of a block."""
Piece = Callable[[Items, int, Callable[[], Spectra]], Spectra]
"""The spectra of the piece of some items that begins at one of them: kept, or computed."""


def sample_spectra(
    items: Items,
    progress: Report = lambda done, total: None,
    piece: Piece = lambda items, first, compute: compute(),
    prefixes: Prefixes = ALONE,
) -> Spectra:
    """Fisher spectra of a list of items, in float64 whatever JAX's configuration says.

    Args:
        items: how many of them run at a time is up to their plan.
        progress: called with the work done so far and its total, one per item and block.
        piece: where the spectra of `plan.chunk` items are kept, if they are; not if these are all.
        prefixes: what is shared with other candidates, if anything is.

    Raises:
        NumericsError: a spectrum is not finite.
    """
    count, blocks = len(items), items.chain.blocks
    chunk = min(items.plan.chunk, count)
    sharing = prefixes.begin(items)
    known = sharing.known.blocks if sharing.known else ()

    def compute(first: int) -> Spectra:
        some = items[first : first + chunk]
        its = slice(first, first + len(some))
        x = sharing.known.output[its] if sharing.known else None
        spectra = [spectrum[its] for spectrum in known]
        with closing(_run_chain(some, chunk, x, len(known))) as found:
            for spectrum, noisy in found:
                spectra.append(spectrum)
                if len(spectra) in sharing.outputs:
                    sharing.outputs[len(spectra)][its] = noisy()
                done = first * len(blocks) + len(some) * len(spectra)
                progress(done, count * len(blocks))
        return Spectra(tuple(spectra))

    with blas_alone():
        if chunk >= count:
            spectra = compute(0)
        else:
            parts = []
            for first in range(0, count, chunk):
                parts.append(piece(items, first, partial(compute, first)))
                progress(min(first + chunk, count) * len(blocks), count * len(blocks))
            spectra = Spectra.joined(parts)
    prefixes.end(sharing, spectra)
    return spectra


def _run_chain(items: Items, *more: Any) -> Generator[tuple[BlockSpectrum, Fetch]]:
    """By the engine of the plan."""
    run = import_module(f"sed2.fisher.{items.plan.engine}").run_chain
    found: Generator[tuple[BlockSpectrum, Fetch]] = run(items, *more)
    return found
